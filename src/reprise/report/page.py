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
from reprise.report.summary import estimate_unit, number, seeds_text, span, summarise, unjudged

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE = "reprise.report"


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
        by_id = {claim.id: claim for claim in promised}
        verdicts = [(by_id.get(record.id), record) for record in run.claims]
        runs.append(
            {
                "scale": scale,
                "run": run,
                "verdicts": verdicts,
                "unjudged": unjudged(run, promised),
                "seeds": seeds_text(run.seeds),
                "metrics": [(summary, svg(metric_figure(summary))) for summary in summaries],
                "seconds": sum(trial.seconds for trial in run.trials),
                "memory": max((trial.peak_memory or 0.0 for trial in run.trials), default=0.0),
            }
        )
    if not runs:
        raise InvalidInputError(
            f"{result.paper} has no finished trial to report; `reprise run {result.paper}` makes some."
        )
    return render("paper.html", paper=paper, runs=runs, snippet=catalogue.snippet(paper))


def write_paper_page(result: Result, path: str | Path) -> Path:
    """Write the page of a result atomically, and give its path."""
    path = Path(path)
    write_text(path, paper_page(result))
    return path


def render(template: str, /, templates_of: str = _HERE, **content: Any) -> str:
    """Render a template of a package (its folder ``templates``); every text in it is escaped.

    Templates of another package than this one can extend ``page.html``, whose blocks are `title`, `style` and
    `content`.
    """
    return _templates(templates_of).get_template(template).render(**content)


@functools.cache
def _templates(package: str) -> Environment:
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=ChoiceLoader([PackageLoader(name) for name in dict.fromkeys((package, _HERE))]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters |= {"number": number, "drawing": Markup}
    environment.globals |= {"span": span, "estimate_unit": estimate_unit}
    return environment
