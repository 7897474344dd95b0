"""A report on a language model: what is in it, each finding beside its control.

``reprise inspect MODEL`` on the command line, `inspect_model` in Python. A section is one module of
`reprise.workbench.inspection.sections`.
"""

from reprise.workbench.inspection.contract import (
    Estimate,
    NotApplicableError,
    Number,
    Record,
    Section,
    SectionResult,
    Work,
)
from reprise.workbench.inspection.report import Inspection
from reprise.workbench.inspection.run import InspectEvent, inspect_model

__all__ = [
    "Estimate",
    "InspectEvent",
    "Inspection",
    "NotApplicableError",
    "Number",
    "Record",
    "Section",
    "SectionResult",
    "Work",
    "inspect_model",
]
