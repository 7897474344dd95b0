"""Neurofeedback for chat models: can one report, or control, its own activation along a direction, from examples.

1. `sentence_activations` averages a layer's output over a sentence; `ActivationAxis` scores it along a direction.
2. `report_experiment` shows sentences with their labels, and reads which label the model expects next, beside
   observers that learn from the same examples (`sequential_observer`).
3. `control_experiment` asks it to imitate a label, in a sentence of its own (explicit) or in a given one (implicit).
4. `axis_table`, `control_by_examples`, `control_precision` and `metacognitive_space` say what the effects depend on.

References
----------
Li Ji-An, H.-D. Xiong, R. C. Wilson, M. G. Mattar, M. K. Benna (2025). Language Models Are Capable of Metacognitive
Monitoring and Control of Their Internal Activations. arXiv 2505.13763. Code: github.com/sakimarquis/llm_neurofeedback.
"""

from reprise.language.metacognition.activations import sentence_activations
from reprise.language.metacognition.analysis import (
    MetacognitiveSpace,
    axis_table,
    control_by_examples,
    control_precision,
    explained_variance,
    metacognitive_space,
)
from reprise.language.metacognition.axes import ActivationAxis, LikertBinner, median_split
from reprise.language.metacognition.control import ControlResult, control_experiment
from reprise.language.metacognition.copies import is_copy, longest_common_substring
from reprise.language.metacognition.observers import sequential_observer, word_features
from reprise.language.metacognition.prompts import BINARY, SIX_POINTS, Prompts
from reprise.language.metacognition.report import ReportResult, report_experiment, report_positions

__all__ = [
    "BINARY",
    "SIX_POINTS",
    "ActivationAxis",
    "ControlResult",
    "LikertBinner",
    "MetacognitiveSpace",
    "Prompts",
    "ReportResult",
    "axis_table",
    "control_by_examples",
    "control_experiment",
    "control_precision",
    "explained_variance",
    "is_copy",
    "longest_common_substring",
    "median_split",
    "metacognitive_space",
    "report_experiment",
    "report_positions",
    "sentence_activations",
    "sequential_observer",
    "word_features",
]
