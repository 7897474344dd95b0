"""The Daily Papers site: a feed, a search and a digest of papers, whose catalogued ones carry a Run card.

`create_app` makes the web application, `Settings` says how it runs, and `open_store` opens what it keeps. The command
`reprise serve` starts it.
"""

from reprise.site.settings import Settings
from reprise.site.store import Store, open_store

__all__ = ["Settings", "Store", "open_store"]
