"""A run as an HTML page that stands alone: figures inside, no server, no script, no other file."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reprise import catalogue, claims
from reprise.claim import SCALES
from reprise.errors import InvalidInputError
from reprise.ledger import Result, write_text
from reprise.report.figures import metric_figure, svg
from reprise.report.summary import number, span, summarise

if TYPE_CHECKING:
    from jinja2 import Environment


def paper_page(result: Result) -> str:
    """Give the page of a paper's result: claims and verdicts, figures and tables by scale, and how to re-run it.

    Raises
    ------
    InvalidInputError
        If the result holds no finished run.
    """
    paper = catalogue.paper(result.paper)
    promised = claims.load(result.paper).CLAIMS
    runs = []
    for scale in (name for name in reversed(SCALES) if name in result.runs):
        run = result.runs[scale]
        if not run.trials:
            continue
        summaries = summarise(run, promised)
        verdicts = [(next(claim for claim in promised if claim.id == record.id), record) for record in run.claims]
        runs.append(
            {
                "scale": scale,
                "run": run,
                "verdicts": verdicts,
                "metrics": [(summary, svg(metric_figure(summary))) for summary in summaries],
                "seconds": sum(trial.seconds for trial in run.trials),
                "memory": max((trial.peak_memory or 0.0 for trial in run.trials), default=0.0),
            }
        )
    if not runs:
        raise InvalidInputError(
            f"{result.paper} has no finished trial to report; `reprise run {result.paper}` makes some."
        )
    return render("paper.html", paper=paper, runs=runs)


def write_paper_page(result: Result, path: str | Path) -> Path:
    """Write the page of a result atomically, and give its path."""
    path = Path(path)
    write_text(path, paper_page(result))
    return path


def render(template: str, **content: Any) -> str:
    """Render one of the package's templates; every text in it is escaped."""
    return _templates().get_template(template).render(**content)


@functools.cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("reprise.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"number": number, "drawing": Markup}
    environment.globals |= {"span": span}
    return environment
