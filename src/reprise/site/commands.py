"""The site's commands; nothing heavy is imported before one of them runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

Database = Annotated[
    str | None, typer.Option(help="Address of the database; a SQLite file in the site's folder if not given.")
]
Folder = Annotated[Path | None, typer.Option(help="Folder of the site's files.")]


def register(app: typer.Typer) -> None:
    """Add the site's commands to the command line."""
    app.command()(serve)


def settings_of(folder: Path | None, database: str | None, **more: Any) -> Any:
    """Give the site's settings: from the environment, with what a command line says."""
    from reprise.site import Settings

    given: dict[str, Any] = {"folder": folder, "database_url": database, **more}
    return Settings(**{name: value for name, value in given.items() if value is not None})


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8000,
    folder: Folder = None,
    database: Database = None,
) -> None:
    """Serve the Daily Papers site."""
    import uvicorn
    from rich.console import Console

    from reprise.site import create_app

    settings = settings_of(folder, database)
    console = Console(stderr=True)
    console.print(f"Opening {settings.title} ...")
    app = create_app(settings)
    console.print(f"Read it at [bold]http://{host}:{port}[/bold]; Ctrl-C stops it.")
    uvicorn.run(app, host=host, port=port, log_level="warning", server_header=False)
