"""Retrieval heads: the few attention heads that copy facts out of a long prompt (Wu et al., 2024, arXiv:2404.15574).

Hide an answer in a long text (`NeedleTask`), let the model find it and see which heads copy it (`retrieval_scores`),
then mask those heads and see whether the model still finds it (`masking_test`).

>>> from reprise.language import LanguageModel
>>> from reprise.language.retrieval_heads import Needle, NeedleTask, masking_test, retrieval_scores
>>> lm = LanguageModel.from_pretrained()                                                        # doctest: +SKIP
>>> task = NeedleTask(text, [Needle(question, sentence, answer, prefix)])                       # doctest: +SKIP
>>> found = retrieval_scores(lm, task.grid(lm.tokenizer, [300, 600], [0.2, 0.5, 0.8]))          # doctest: +SKIP
>>> found.top(5)                                                                                # doctest: +SKIP
[(18, 6), (17, 3), (18, 7), (20, 6), (23, 2)]
"""

from reprise.language.retrieval_heads.evaluation import (
    NeedleEvaluation,
    Passage,
    Problem,
    evaluate_needles,
    extractive_f1,
    mask_heads,
    masking_test,
    needle_recall,
    problem_accuracy,
)
from reprise.language.retrieval_heads.needles import Needle, NeedleSample, NeedleTask
from reprise.language.retrieval_heads.rouge import rouge1_recall
from reprise.language.retrieval_heads.scores import (
    NothingRetrievedError,
    RetrievalResult,
    copy_events,
    retrieval_scores,
)

__all__ = [
    "Needle",
    "NeedleEvaluation",
    "NeedleSample",
    "NeedleTask",
    "NothingRetrievedError",
    "Passage",
    "Problem",
    "RetrievalResult",
    "copy_events",
    "evaluate_needles",
    "extractive_f1",
    "mask_heads",
    "masking_test",
    "needle_recall",
    "problem_accuracy",
    "retrieval_scores",
    "rouge1_recall",
]
