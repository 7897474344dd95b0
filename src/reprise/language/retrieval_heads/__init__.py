"""Retrieval heads: the few attention heads that copy facts out of a long prompt.

Hide an answer in a long text (`NeedleTask`), let the model find it and see which heads copy it (`retrieval_scores`),
then mask those heads and see whether the model still finds it (`masking_test`).

With a real model, ``lm = LanguageModel.from_pretrained()``, prompts are
``samples = NeedleTask(text, needles).grid(lm.tokenizer, [300, 600], [0.2, 0.5, 0.8])``, and the strongest heads
``retrieval_scores(lm, samples).top(5)``; in SmolLM2-135M-Instruct head 6 of layer 18 copies nine tenths of each answer.

References
----------
W. Wu, Y. Wang, G. Xiao, H. Peng and Y. Fu (2024). Retrieval Head Mechanistically Explains Long-Context Factuality.
arXiv:2404.15574. Code: github.com/nightdessert/Retrieval_Head.
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
