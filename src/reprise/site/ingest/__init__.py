"""Papers come in: from arXiv (its Atom API or OAI-PMH), from a daily feed, or from a file.

Each source is read page by page. What a page brings and where to go on are written in one transaction, so that a run
that is stopped anywhere, or killed, goes on where it was: nothing is lost and nothing is kept twice.
"""

from reprise.site.ingest.lookup import lookup
from reprise.site.ingest.run import Tally, ingest, ingest_all

__all__ = ["Tally", "ingest", "ingest_all", "lookup"]
