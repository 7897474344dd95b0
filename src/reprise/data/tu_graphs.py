"""Seven sets of labelled graphs that graph classifiers are compared on: molecules, proteins and film casts."""

from __future__ import annotations

from reprise.data.graph_files import LabelledGraphs, read_graph_text
from reprise.data.sources import Source
from reprise.errors import UnknownNameError

_SHA256 = {
    "MUTAG.txt": "5897dae243f6c773aab54ec99e86551c3b1e8601acef254714073042c632d30e",
    "PTC.txt": "711729eaf2a5308752aa7c11062dd99f645f978afc400909a5927051b314ec55",
    "ENZYMES.txt": "04e048844018a0f9c87afdc0d69031c4b625bb97d40320b9dbd76acc663f41a6",
    "PROTEINS.txt": "ed0730f9bf9da68aa6a8c80f2f2b6ecea5d05791ca254c709f3efab3b45d937b",
    "NCI1.txt": "415d2e0861484c2baef1e40ee3ca62dd13c06d6b99549fb25774f43533e9321d",
    "IMDBBINARY.txt": "1068c698677c07c04f3ad56fc4a175cb2161523c840abfdaf50e101ecc30504f",
    "IMDBMULTI.txt": "f4cc1b32112303bf1b16a8351df8b8073978fdead823775fbe79e60cf94e7009",
}
NAMES = tuple(file.removesuffix(".txt") for file in _SHA256)
_PUBLIC = "https://raw.githubusercontent.com/muhanzhang/pytorch_DGCNN/50f504131ca66382f3f078ae98e59aa3ae35b795/data/"

SOURCE = Source(
    name="tu-graphs",
    title="Seven TU sets of labelled graphs: MUTAG, PTC, ENZYMES, PROTEINS, NCI1, IMDB-BINARY, IMDB-MULTI",
    licence="MIT (repository); the TU collection is free for research",
    origin="github.com/muhanzhang/pytorch_DGCNN, data at 50f5041, from the TU collection (Morris et al., 2020)",
    loader="reprise.data.tu_graphs.tu_graphs",
    serves=("spen", "isoc-vgae"),
    files=tuple(_SHA256),
    sha256=_SHA256,
    urls={f"{name}.txt": f"{_PUBLIC}{name}/{name}.txt" for name in NAMES},
    obtain="They are downloaded (3.3 MB) on first use, or put the files into the folder tu-graphs under REPRISE_DATA.",
)


def tu_graphs(name: str) -> LabelledGraphs:
    """Load one of `NAMES`, with node features as GIN has them: one-hot labels, or one-hot degrees for the IMDB sets.

    Number of graphs: MUTAG 188, PTC 344, ENZYMES 600, PROTEINS 1,113, NCI1 4,110, IMDBBINARY 1,000, IMDBMULTI 1,500.

    Raises
    ------
    UnknownNameError
        If there is no such set.
    MissingDataError
        If the file is neither on this machine nor can be downloaded.
    DamagedFileError
        If the file is not as expected.

    References
    ----------
    Morris, Kriege, Bause, Kersting, Mutzel, Neumann (2020), TUDataset, arXiv:2007.08663.
    """
    if name not in NAMES:
        raise UnknownNameError("set of graphs", name, NAMES)
    return read_graph_text(SOURCE.locate(f"{name}.txt"))
