"""Search by words and by meaning, joined."""

from reprise.site.search.encoding import Encoded, encode
from reprise.site.search.query import Query, parse
from reprise.site.search.searcher import Hit, Searcher, SearchPage

__all__ = ["Encoded", "Hit", "Query", "SearchPage", "Searcher", "encode", "parse"]
