"""The Daily Papers site: a feed, a search and a digest of papers, whose catalogued ones carry a Run card.

`create_app` makes the web application, `Settings` says how it runs, and `open_store` opens what it keeps. The command
``reprise serve`` starts it. It needs the packages of the extra ``site``.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reprise.site.settings import Settings
    from reprise.site.store import Store, open_store
    from reprise.site.web.app import create_app

__all__ = ["Settings", "Store", "create_app", "open_store"]

_HOMES = {"Settings": "settings", "Store": "store", "open_store": "store", "create_app": "web.app"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    from reprise.errors import MissingPackageError

    try:
        module = importlib.import_module(f"reprise.site.{_HOMES[name]}")
    except ModuleNotFoundError as problem:
        if str(problem.name).startswith("reprise"):
            raise
        raise MissingPackageError(str(problem.name), 'pip install "reprise-papers[site]"', "The site") from problem
    return getattr(module, name)
