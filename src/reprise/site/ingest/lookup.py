"""One paper by its arXiv id or link, as a reader submits it."""

from __future__ import annotations

from reprise.errors import InvalidInputError
from reprise.site.ingest import arxiv_atom, fields
from reprise.site.ingest.client import Client
from reprise.site.ingest.errors import SourceError
from reprise.site.ingest.steps import Withdrawn
from reprise.site.settings import Settings
from reprise.site.store.papers import SUBMITTED, PaperRecord

_PATIENCE = 10.0
_TIMEOUT = 10.0
_NO_SUCH = (400, 404)
"""How arXiv answers to an id that it could not have given."""


def lookup(settings: Settings, text: str) -> PaperRecord:
    """Ask arXiv for one paper.

    Parameters
    ----------
    text : an arXiv id such as ``"2401.01234"``, with or without version, or a link to arXiv.

    Returns
    -------
    PaperRecord
        Its latest version, with ``source="submitted"``.

    Raises
    ------
    InvalidInputError
        If `text` is neither, or arXiv has no such paper, or it was withdrawn.
    SourceError
        If arXiv cannot be reached.
    """
    found = fields.arxiv_id(text)
    if found is None:
        raise InvalidInputError(
            "Give an arXiv id such as 2401.01234, or a link such as https://arxiv.org/abs/2401.01234."
        )
    name = found[0]

    def read(content: bytes) -> PaperRecord | Withdrawn | None:
        for entry in arxiv_atom.parse(content, SUBMITTED).entries:
            if isinstance(entry, PaperRecord | Withdrawn) and entry.arxiv == name:
                return entry
        return None

    client = Client(
        settings.arxiv_url,
        pause=settings.request_pause,
        attempts=2,
        patience=_PATIENCE,
        timeout=_TIMEOUT,
        deadline=30.0,
    )
    paper = None
    with client:
        try:
            paper = client.get({"id_list": name, "max_results": "1"}, read)
        except SourceError as problem:
            if problem.status not in _NO_SUCH:
                raise
    if paper is None:
        raise InvalidInputError(f"arXiv has no paper {name}.")
    if isinstance(paper, Withdrawn):
        raise InvalidInputError(f"arXiv has {name}, but it was withdrawn.")
    return paper
