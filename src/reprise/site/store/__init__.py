"""What the site keeps: an embedded SQLite file, or a PostgreSQL database."""

from reprise.site.store.engine import Store, add_once, open_store

__all__ = ["Store", "add_once", "open_store"]
