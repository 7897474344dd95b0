"""The ledger as Markdown, for the README and the documentation."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from reprise import catalogue, claims, ledger
from reprise.claim import SCALES
from reprise.errors import InvalidInputError
from reprise.ledger import ClaimRecord, Result
from reprise.report.summary import NOT_AFTER_HOLM, estimate_unit, holds_after_holm, number, span

BEGIN, END = "<!-- ledger: begin -->", "<!-- ledger: end -->"
_SIGNS = {"holds": "**holds**", "does not hold": "**does not hold**", "undecided": "undecided"}


def ledger_markdown(results: Sequence[Result]) -> str:
    """Give a table of every claim in the ledger: whose it is, what it says, how it came out."""
    lines = ["| paper | scale | whose claim | claim | verdict | estimate, 95 % interval |", "|---|---|---|---|---|---|"]
    for result in results:
        lines += [f"| `{result.paper}` {row}" for row in _rows(result)]
    return "\n".join(lines)


def paper_markdown(result: Result) -> str:
    """Give the same table for one paper."""
    lines = ["| scale | whose claim | claim | verdict | estimate, 95 % interval |", "|---|---|---|---|---|"]
    return "\n".join([*lines, *_rows(result)])


def with_ledger(text: str, results: Sequence[Result]) -> str:
    """Put the ledger's table between its two marks in a Markdown text.

    Raises
    ------
    InvalidInputError
        If the marks are not there, once each and in order.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in after or END in before:
        raise InvalidInputError(
            f"The text needs the marks {BEGIN!r} and {END!r}, once each, around the ledger's table."
        )
    return f"{before}{BEGIN}\n{ledger_markdown(results)}\n{END}{after}"


def _rows(result: Result) -> list[str]:
    promised = {claim.id: claim for claim in claims.load(result.paper).CLAIMS}
    family = catalogue.paper(result.paper).family
    rows = []
    for scale in (name for name in SCALES if name in result.runs):
        for record in result.runs[scale].claims:
            claim = promised.get(record.id)
            whose = {"paper": "the paper's", "here": "ours, at this scale"}[claim.of] if claim else family
            unit = estimate_unit(claim) if claim else ""
            decided = f"{number(record.estimate)}{unit} {span(*record.interval)}, {record.units} {record.unit}s"
            if claim and claim.kind == "all_of":
                decided += f" ({record.method})"
            says = _cell(claim.says if claim else record.id)
            rows.append(f"| {scale} | {whose} | {says} | {_sign(record)} | {decided} |")
    return rows


def _sign(record: ClaimRecord) -> str:
    lost = record.verdict == "holds" and not holds_after_holm(record)
    return _SIGNS[record.verdict] + (f", {NOT_AFTER_HOLM}" if lost else "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def main(path: str) -> None:
    """Rewrite the ledger's table in a Markdown file."""
    file = Path(path)
    ledger.write_text(file, with_ledger(file.read_text(encoding="utf-8"), ledger.all_committed()))


if __name__ == "__main__":
    main(*sys.argv[1:])
