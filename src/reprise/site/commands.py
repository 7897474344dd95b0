"""The site's commands; nothing heavy is imported before one of them runs."""

from __future__ import annotations

import datetime
import errno
import json
import os
import socket
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from reprise.errors import InvalidInputError

EXIT_ERROR, EXIT_INTERRUPTED = 2, 130


class SourceName(StrEnum):
    """Where papers are ingested from."""

    arxiv = "arxiv"
    oai = "oai"
    daily = "daily"
    file = "file"


Database = Annotated[
    str | None, typer.Option(help="Address of the database; a SQLite file in the site's folder if not given.")
]
Folder = Annotated[Path | None, typer.Option(help="Folder of the site's files.")]


def register(app: typer.Typer) -> None:
    """Add the site's commands to the command line."""
    app.command()(serve)
    app.command()(ingest)
    app.command()(digest)


def settings_of(folder: Path | None, database: str | None, **more: Any) -> Any:
    """Give the site's settings: from the environment, with what a command line says.

    Raises
    ------
    InvalidInputError
        If one of them cannot be; the sentence names the variable.
    """
    from pydantic import ValidationError

    from reprise.site import Settings

    given: dict[str, Any] = {"folder": folder, "database_url": database, **more}
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as problem:
        first = problem.errors()[0]
        name = str(first["loc"][0])
        variable = name if name.isupper() else f"REPRISE_SITE_{name.upper()}"
        said = first["msg"].removeprefix("Value error, ")
        raise InvalidInputError(f"{variable} cannot be {first['input']!r}: {said[:1].lower()}{said[1:]}.") from None


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8000,
    folder: Folder = None,
    database: Database = None,
    mail_sink: Annotated[
        bool, typer.Option("--mail-sink", help="For development: keep mails, to be read at /dev/mail, and send none.")
    ] = False,
) -> None:
    """Serve the Daily Papers site."""
    import uvicorn
    from rich.console import Console

    from reprise.site import create_app
    from reprise.site.mail.smtp import MailServer
    from reprise.site.web.targets import is_this_machine

    settings = settings_of(folder, database, mail_sink=mail_sink or None)
    here = f"http://{_reachable(host)}:{port}"
    if "base_url" not in settings.model_fields_set:
        settings = settings.model_copy(update={"base_url": here})
    mail_url = settings.smtp_url.get_secret_value()
    if mail_url:
        MailServer.of_url(mail_url)  # what is wrong with it is said now, not when the first mail is due
    console = Console(stderr=True, soft_wrap=True)
    with _listen(host, port) as listener:
        console.print(f"Opening {settings.title} ...")
        app = create_app(settings)
        console.print(f"Read it at [bold]{here}[/bold]; Ctrl-C stops it.")
        if here != settings.base_url:
            console.print(f"Links in mails lead to {settings.base_url} (REPRISE_SITE_BASE_URL).")
        elif not is_this_machine(host):
            console.print(f"Links in mails lead to {here}; set REPRISE_SITE_BASE_URL to the address that readers use.")
        if not settings.mail_sink and not mail_url:
            console.print(
                "No mail server is set (REPRISE_SITE_SMTP_URL), so mails wait; --mail-sink shows them instead."
            )
        try:
            # Which proxies are believed is for the site's own setting to say (`trusted_proxies`), not for uvicorn.
            server = uvicorn.Server(uvicorn.Config(app, log_level="warning", server_header=False, proxy_headers=False))
            server.run(sockets=[listener])
        except KeyboardInterrupt:
            pass
        finally:
            sys.stderr.flush()
            # A job, such as the map, may have a minute to go: what it writes is written whole or not at all.
            os._exit(0 if server.started else EXIT_ERROR)


def ingest(
    source: Annotated[
        SourceName | None, typer.Option(help="Where from; all of the settings' sources if not given.")
    ] = None,
    file: Annotated[
        str | None,
        typer.Option(help="csv, jsonl (also .gz) or parquet; `arxiv` is the arXiv sample of `reprise data`."),
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="First day; what is new if not given.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="DATE", help="Last day.")] = None,
    categories: Annotated[
        str | None, typer.Option(help="Of arXiv, such as cs.LG,cs.CL; those of the settings if not given.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="At most so many papers of each source.", min=1)] = None,
    folder: Folder = None,
    database: Database = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Bring papers into the site: from arXiv, a daily feed, or a file; goes on where it was stopped."""
    from reprise.site import open_store
    from reprise.site.ingest.progress import IngestProgress

    if file is not None and source not in (None, SourceName.file):
        raise InvalidInputError(f"A file is no part of --source {source}; leave one of the two out.")
    settings = settings_of(folder, database)
    chosen = {
        "first": _day(first, "--from"),
        "until": _day(until, "--until"),
        "categories": [part.strip() for part in categories.split(",") if part.strip()] if categories else None,
        "limit": limit,
    }
    sources = ["file"] if file is not None else [source.value] if source else list(settings.ingest_sources)
    store = open_store(settings.database_url)
    try:
        with IngestProgress() as progress:
            progress.run(settings, store, sources, file=file, **chosen)
    finally:
        store.close()
    if as_json:
        sys.stdout.write(json.dumps(progress.facts(), indent=2, ensure_ascii=False) + "\n")
    else:
        progress.summarise()
    if progress.interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)
    if progress.failed:
        raise typer.Exit(EXIT_ERROR)


def digest(
    date: Annotated[
        str | None, typer.Option(help="Day for which to write, such as 2026-11-26; today if not given.")
    ] = (None),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write and send nothing; say what is due.")] = False,
    folder: Folder = None,
    database: Database = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Write the digests that are due and send the mails that wait."""
    from reprise.site import open_store
    from reprise.site.mail.delivery import Delivered, deliver
    from reprise.site.mail.digest import due, write_digests
    from reprise.site.mail.smtp import MailServer
    from reprise.site.store.types import now
    from reprise.site.tokens import Signer

    day = _day(date, "--date") or now().date()
    settings = settings_of(folder, database)
    store = open_store(settings.database_url)
    url = settings.smtp_url.get_secret_value()
    server = MailServer.of_url(url) if url else None
    told: dict[str, object]
    if dry_run:
        told = {"day": str(day), "due": len(due(store, day))}
    else:
        written = write_digests(store, settings, Signer(settings.key()), day, searcher=searcher_of(settings, store))
        sent = deliver(store, server, settings.mail_from) if server else Delivered()
        told = {"day": str(day), **vars(written), **vars(sent)}
        if server is None:
            told["problem"] = "No mail server is set (REPRISE_SITE_SMTP_URL); mails wait in the outbox."
    store.close()
    typer.echo(json.dumps(told) if as_json else "\n".join(f"{name}: {value}" for name, value in told.items()))


def _listen(host: str, port: int) -> socket.socket:
    """Take the address before the site is opened, so that one which is taken is told at once."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as problem:
        if problem.errno == errno.EADDRINUSE:
            raise InvalidInputError(f"Something listens on {host}:{port} already; choose another --port.") from None
        raise InvalidInputError(f"This machine cannot listen on {host}:{port}: {problem.strerror}.") from None


def _reachable(host: str) -> str:
    """Give the name under which a browser on this machine finds what listens on `host`."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
    return f"[{name}]" if ":" in name else name


def searcher_of(settings: Any, store: Any) -> Any:
    """Give the search of a store, by words and, where an encoder is installed, by meaning."""
    from reprise.site.search import Searcher
    from reprise.site.search.meaning import load_encoder

    return Searcher(store, settings.folder, load_encoder() if settings.meaning else None)


def _day(text: str | None, option: str) -> datetime.date | None:
    if text is None:
        return None
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise InvalidInputError(f"{option} takes a day such as 2026-11-26, got {text!r}.") from None
