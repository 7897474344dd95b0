"""What commands share: how they answer people and machines, and their exit codes."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

EXIT_ERROR, EXIT_INTERRUPTED = 2, 130

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def print_json(content: Any) -> None:
    """Print plain data as JSON."""
    sys.stdout.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def stdout() -> Console:
    """Give the console of answers."""
    from rich.console import Console

    return Console()


def stderr() -> Console:
    """Give the console of what is said beside them."""
    from rich.console import Console

    return Console(stderr=True)


def escaped(text: str) -> str:
    """Give a text in which nothing is read as markup."""
    from rich.markup import escape

    return escape(text)
