"""The result of an inspection: its sections, and the files it leaves."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reprise.errors import RepriseError
from reprise.ledger import write_text
from reprise.workbench.inspection.contract import Record, Section
from reprise.workbench.inspection.records import to_json

PAGE, NUMBERS = "index.html", "report.json"


@dataclass
class Inspection:
    """What was found in a language model.

    Attributes
    ----------
    name : the model's, as the user gave it.
    facts : what the report says of it.
    sections : those that were asked for.
    records : what came of them, in their order.
    seed : all randomness came from it.
    budget, spent : seconds.
    interrupted : whether Ctrl-C ended it early.
    command : the command line that runs it again; empty where there is none.
    environment : machine and versions.
    """

    name: str
    facts: dict[str, str]
    sections: list[Section]
    records: list[Record] = field(default_factory=list)
    seed: int = 0
    budget: float = 0.0
    spent: float = 0.0
    interrupted: bool = False
    command: str = ""
    environment: dict[str, str | int | float] = field(default_factory=dict)

    def __getitem__(self, section: str) -> Record:
        """Give what came of a section, by its name.

        Raises
        ------
        KeyError
            If it was not asked for.
        """
        return {record.section: record for record in self.records}[section]

    @property
    def measured(self) -> list[Record]:
        """Sections that have a result."""
        return [record for record in self.records if record.result is not None]

    def need_one(self) -> None:
        """Raise `RepriseError` if no section could be measured, with the first reason."""
        if not self.measured:
            reasons = [record.reason for record in self.records if record.reason]
            raise RepriseError(f"Nothing could be measured. {reasons[0] if reasons else ''}".strip())

    def to_json(self) -> dict[str, Any]:
        """Give all of it as plain JSON."""
        return {
            "model": self.name,
            "facts": self.facts,
            "seed": self.seed,
            "budget": self.budget,
            "spent": round(self.spent, 2),
            "interrupted": self.interrupted,
            "environment": self.environment,
            "sections": [to_json(record) for record in self.records],
        }

    def page(self) -> str:
        """Give the report as an HTML page that stands alone."""
        from reprise.workbench.inspection.page import page

        return page(self)

    def write(self, folder: str | Path) -> list[Path]:
        """Write the page and the numbers, and give their paths.

        Raises
        ------
        RepriseError
            If they cannot be written.
        """
        folder = Path(folder)
        write_text(folder / PAGE, self.page())
        write_text(folder / NUMBERS, json.dumps(self.to_json(), indent=1, allow_nan=False) + "\n")
        return [folder / PAGE, folder / NUMBERS]
