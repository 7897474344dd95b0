"""The methods that everyone compares with, from the one that looks at no row on."""

from __future__ import annotations

from dataclasses import replace

from reprise.workbench.contract import Entry

_HERE = "reprise.workbench.tasks.proportions.simple"
_PAPER = "reprise.discover.label_proportions"
_STEPS = 2000  # of training at least, where bags are few


def baselines(rows: int) -> list[Entry]:
    """Give them for so many rows, the cheapest first."""
    epochs = {"epochs": max(20, min(200, 128 * _STEPS // rows))}
    entries = [
        Entry("Overall share", f"{_HERE}:OverallShare", note="the same probability for every row"),
        Entry("Bag means + logistic", f"{_HERE}:BagMeanLogistic"),
        Entry("Share spreading", f"{_HERE}:ShareSpreading", note="label spreading from the shares of bags"),
        Entry(
            "DLLP, linear",
            f"{_PAPER}:DLLPClassifier",
            {"encoder": "linear", "lr": 0.03, **epochs},
            note="logistic regression through bags",
        ),
        Entry("EasyLLP", f"{_PAPER}:EasyLLPClassifier", {"epochs": 10}),
        Entry("DLLP", f"{_PAPER}:DLLPClassifier", epochs, note="a network trained on the shares of bags"),
    ]
    return [replace(entry, kind="baseline") for entry in entries]
