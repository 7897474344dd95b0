"""arXiv abstracts with their categories: a sample of 5,500 papers, 100 in each of 55 categories of 10 archives."""

from __future__ import annotations

from typing import NamedTuple

from reprise.data.sources import Source
from reprise.errors import DamagedFileError

_FILE = "arxiv_sample.csv.gz"
_COLUMNS = ("arxiv_id", "primary_cat", "categories", "title", "abstract")

SOURCE = Source(
    name="arxiv",
    title="arXiv abstracts: 100 of each of 55 primary categories, up to January 2020",
    licence="CC0 (arXiv metadata)",
    origin="https://github.com/staeiou/arxiv_archive at f043eb1 (R. Stuart Geiger, 2020, doi 10.5281/zenodo.1463242)",
    loader="reprise.data.arxiv.arxiv_abstracts",
    serves=("science-hierarchography",),
    files=(_FILE,),
    obtain=(
        "Draw 100 papers (seed 0) whose primary category is the file's, and whose abstract has 400 to 1,399 letters, "
        "from each file below 4 MiB of processed_data/20200101/per_category in github.com/staeiou/arxiv_archive "
        f"(f043eb1), save them with columns {', '.join(_COLUMNS)} as {_FILE}, and put it into the folder arxiv under "
        "REPRISE_DATA."
    ),
)


class ArxivAbstracts(NamedTuple):
    """Papers as lists of one length: identifiers, titles, abstracts, and three readings of their subject.

    `primary` is such as ``"math.CO"``, `archive` its part before the dot, `categories` all that the authors chose.
    """

    ids: list[str]
    titles: list[str]
    abstracts: list[str]
    primary: list[str]
    archive: list[str]
    categories: list[list[str]]


def arxiv_abstracts() -> ArxivAbstracts:
    """Load the sample.

    Returns
    -------
    ArxivAbstracts
        5,500 papers.

    Raises
    ------
    MissingDataError
        If the file is not on this machine; the message says what would bring it.
    DamagedFileError
        If it cannot be read, a column is missing, or a title or abstract is empty.
    """
    import pandas as pd

    path = SOURCE.locate(_FILE)
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError, EOFError) as problem:
        raise DamagedFileError(path, f"it cannot be read ({problem})") from problem
    missing = [name for name in _COLUMNS if name not in table.columns]
    if missing:
        raise DamagedFileError(path, f"it has no column {missing[0]!r}")
    empty = (table[list(_COLUMNS)].apply(lambda column: column.str.strip()) == "").any(axis=1)
    if not len(table) or empty.any():
        where = f"line {int(empty.argmax()) + 2} has an empty field" if len(table) else "it holds no paper"
        raise DamagedFileError(path, where)
    columns = {name: table[name].tolist() for name in _COLUMNS}
    return ArxivAbstracts(
        ids=columns["arxiv_id"],
        titles=[" ".join(title.split()) for title in columns["title"]],
        abstracts=[" ".join(abstract.split()) for abstract in columns["abstract"]],
        primary=columns["primary_cat"],
        archive=[name.partition(".")[0] for name in columns["primary_cat"]],
        categories=[[name.strip() for name in listed.split(",")] for listed in columns["categories"]],
    )
