"""XML from strangers: no entities, no document types, nothing from outside; read by local names."""

from __future__ import annotations

from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from reprise.site.ingest.errors import DamagedAnswerError


def parse(content: bytes, root: str) -> Element:
    """Read a document whose root has the local name `root`.

    Raises
    ------
    DamagedAnswerError
        If it is no such document, or one that could harm.
    """
    try:
        found: Element = fromstring(content, forbid_dtd=True)
    except DefusedXmlException as problem:
        raise DamagedAnswerError("the answer declares entities, which no source of papers needs") from problem
    except (ParseError, ValueError, LookupError) as problem:  # an encoding that is not known is a LookupError
        raise DamagedAnswerError(f"the answer is no XML ({problem})") from problem
    if local(found) != root:
        raise DamagedAnswerError(f"the answer is no {root!r} document")
    return found


def local(element: Element) -> str:
    """Give the name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]


def children(element: Element, name: str) -> list[Element]:
    """Give the children of one local name."""
    return [child for child in element if local(child) == name]


def child(element: Element | None, name: str) -> Element | None:
    """Give the first child of one local name."""
    return next(iter(children(element, name)), None) if element is not None else None


def text(element: Element | None, name: str) -> str:
    """Give the text of the first child of one local name, or nothing."""
    found = child(element, name)
    return "".join(found.itertext()).strip() if found is not None else ""
