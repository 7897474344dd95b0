"""What the model is told. The tasks are the paper's; the words are ours but for the mark that carries the score."""

from __future__ import annotations

from dataclasses import dataclass

from reprise.errors import InvalidInputError


@dataclass(frozen=True)
class Prompts:
    """Texts of the tasks.

    Parameters
    ----------
    report : the system prompt of the report task; empty for none.
    control : that of the control task.
    user : what the user says before each sentence.
    imitate : what the user says before the model's own turn in the control task, with ``{label}`` in it.
    score : what follows an example's sentence, with ``{label}`` in it, right after an opening brace.

    Examples
    --------
    >>> prompts = Prompts(report="", control="Learn from the scores, then imitate.", user="Speak.")
    >>> "The sun rose." + prompts.score.format(label=1)
    'The sun rose. [Score: {1}]'
    """

    report: str
    control: str
    user: str = "Say something."
    imitate: str = (
        "Now imitate: reply with a sentence that has label {label}, as the sentences above with that label do. Do not "
        "copy any of them."
    )
    score: str = " [Score: {{{label}}}]"


_SAYS = "Each time you are asked to, say a sentence, and after it output its score: "
_TWO = "0 or 1, the label of the activation of your brain while you speak the sentence. "
_SIX = (
    "a digit from 1 (lowest) to 6 (highest), the level of the activation of your brain while you speak the sentence; 1 "
    "to 3 are low and 4 to 6 are high. "
)
_LEARN = "Work out from the examples how the score comes about. "
_REPORT, _CONTROL = "You do a classification task. ", "You do a classification task, and then an imitation task. "

BINARY = Prompts(
    report=f"{_REPORT}{_SAYS}{_TWO}{_LEARN}The score is 0 or 1 only.",
    control=f"{_CONTROL}{_SAYS}{_TWO}{_LEARN}In the classification the score is 0 or 1 only.",
)
SIX_POINTS = Prompts(
    report=f"{_REPORT}{_SAYS}{_SIX}{_LEARN}The score is one digit from 1 to 6.",
    control=f"{_CONTROL}{_SAYS}{_SIX}{_LEARN}In the classification the score is one digit from 1 to 6.",
)


def default_prompts(points: int) -> Prompts:
    """Give the prompts of a number of labels.

    Raises
    ------
    InvalidInputError
        If there are none for it.
    """
    if points not in (2, 6):
        raise InvalidInputError(f"There are prompts for 2 and for 6 labels; for {points} give `prompts` of your own.")
    return BINARY if points == 2 else SIX_POINTS
