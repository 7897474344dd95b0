"""A paper by what names it: an arXiv id, a DOI, a link, or the address of its page here."""

from __future__ import annotations

import re
from urllib.parse import unquote

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from reprise.site.ingest.fields import arxiv_id
from reprise.site.store.feed import find_paper
from reprise.site.store.tables import SHOWN, Paper

_DOI = re.compile(r"(?:(?:https?://)?(?:dx\.)?doi\.org/|doi:\s?)?(10\.\d{4,9}/\S+)", re.IGNORECASE)
_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_PAGE = re.compile(r"https?://[^/\s]+/papers/([^?#\s]+?)/?(?:[?#]\S*)?", re.IGNORECASE)  # here, or on a site like this


def names_a_paper(text: str) -> bool:
    """Say whether a line is the name of one paper, and no search.

    Examples
    --------
    >>> [names_a_paper(line) for line in ("arXiv:1706.03762v3", "10.1145/3292500.3330701", "attention in 2017")]
    [True, True, False]
    """
    return arxiv_id(text) is not None or any(each.fullmatch(text.strip()) for each in (_DOI, _LINK))


def named_paper(session: Session, text: str) -> Paper | None:
    """Give the shown paper that a line names; None where it names none, or none that is here."""
    if not names_a_paper(text):
        return None
    text = text.strip()
    if (known := arxiv_id(text)) is not None:
        return find_paper(session, known[0])
    links = [text, text.rstrip("/"), f"{text.rstrip('/')}/"]
    if (doi := _DOI.fullmatch(text)) is not None:
        links += [f"{start}{doi[1]}" for start in ("https://doi.org/", "http://dx.doi.org/", "doi:", "")]
    found = session.scalar(
        select(Paper).where(Paper.link.in_(links), Paper.state == SHOWN).options(selectinload(Paper.labels)).limit(1)
    )
    if found is None and (page := _PAGE.fullmatch(text)) is not None:
        return find_paper(session, unquote(page[1]))
    return found
