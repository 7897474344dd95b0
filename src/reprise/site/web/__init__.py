"""The site over HTTP; `reprise.site.web.app` puts it together."""
