"""Sections for tests of the frame: they cost nothing, and do what their settings say."""

from dataclasses import dataclass, field

from reprise.workbench.inspection.contract import (
    Bars,
    Estimate,
    Heat,
    Lines,
    Number,
    Pair,
    Points,
    SectionResult,
    Series,
    Table,
    Work,
)


def result(answer="yes", headline="Something was found.", **parts):
    return SectionResult(answer, headline, **parts)


def full_result(text="plain"):
    """Give a result with every kind of figure, whose texts all hold `text`."""
    points = Points(text, text, text, text, at=((0.0, 1.0), (1.0, 0.5)), names=(text, ""), edges=((0, 1),))
    kinds = Points(text, text, text, text, at=((0.0, 1.0), (1.0, 0.5)), colours=(0.0, 1.0), colour=f"{text}, other")
    shades = Points(text, text, text, text, at=((0.0, 1.0), (1.0, 0.5)), colours=(0.2, 0.9), colour=text, diagonal=True)
    return result(
        headline=text,
        sentences=(text,),
        numbers=(Number(text, Estimate(0.5, 0.4, 0.6, 9), text, Estimate(0.1), Estimate(0.4, 0.3, 0.5, 9)),),
        figures=(
            Lines(text, text, text, text, (Series(text, (0.0, 1.0), (0.1, 0.2), (0.0, 0.1), (0.2, 0.3)),), level=0.1),
            Heat(text, text, text, text, text, ((0.1, 0.2), (0.3, 0.4)), marked=((1, 0),)),
            Bars(text, text, text, (text, "other"), (Estimate(0.5, 0.4, 0.6), Estimate(-0.1)), controls=("other",)),
            kinds,
            shades,
            Pair(text, text, (points, points)),
        ),
        tables=(Table(text, (text, text), ((text, text),)),),
        method=(text,),
        limits=(text,),
        snippet=text,
    )


@dataclass
class Toy:
    """A section that gives `outcome`, or raises it; counts how often it was measured."""

    name: str
    outcome: object = field(default_factory=result)
    cost: float = 1.0
    lacks: Exception | None = None
    title: str = "A toy"
    question: str = "Is it so?"
    papers: tuple = ()
    terms: tuple = (("toy", "Something small."),)
    measured: list = field(default_factory=list)

    def work(self, model, effort):
        if self.lacks:
            raise self.lacks
        return Work(seconds=self.cost * effort)

    def measure(self, model, *, effort, seed, watch):
        self.measured.append((effort, seed))
        watch(0.5)
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome
