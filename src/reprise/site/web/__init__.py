"""The site over HTTP."""

from reprise.site.web.app import create_app

__all__ = ["create_app"]
