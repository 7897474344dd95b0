"""XML from strangers: no entities, no document types, nothing from outside; read by local names."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from reprise.site.ingest.errors import DamagedAnswerError

MAX_PARTS = 2_000_000
"""Elements and attributes of a document; they take far more memory than the letters that write them."""


def parse(content: bytes, root: str) -> Element:
    """Read a document whose root has the local name `root`.

    Raises
    ------
    DamagedAnswerError
        If it is no such document, or one that could harm.
    """
    parser = DefusedXMLParser(target=_Bounded(), forbid_dtd=True)
    try:
        parser.feed(content)
        found: Element = parser.close()
    except DefusedXmlException as problem:
        raise DamagedAnswerError("the answer declares entities, which no source of papers needs") from problem
    except (ParseError, ValueError, LookupError) as problem:  # an encoding that is not known is a LookupError
        raise DamagedAnswerError(f"the answer is no XML ({problem})") from problem
    if local(found) != root:
        raise DamagedAnswerError(f"the answer is no {root!r} document")
    return found


class _Bounded(TreeBuilder):
    """Builds a document of not too many parts."""

    def __init__(self) -> None:
        super().__init__()
        self._parts = 0

    def start(self, tag: Any, attributes: Any, /) -> Element:
        """Take one more element."""
        self._parts += 1 + len(attributes)
        if self._parts > MAX_PARTS:
            raise DamagedAnswerError(f"the answer has more than {MAX_PARTS:,} parts")
        return super().start(tag, attributes)


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
