"""What the site keeps: an embedded SQLite file, or a PostgreSQL database."""

from reprise.site.store.engine import Store, open_store

__all__ = ["Store", "open_store"]
