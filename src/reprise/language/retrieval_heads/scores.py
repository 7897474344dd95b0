"""Retrieval scores: which attention heads copy the answer out of the prompt while the model writes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from reprise.errors import InvalidInputError, RepriseError
from reprise.language.batch import Batch
from reprise.language.interventions import Head
from reprise.language.model import LanguageModel
from reprise.language.retrieval_heads.needles import NeedleSample
from reprise.language.retrieval_heads.rouge import rouge1_recall

RETRIEVAL_THRESHOLD = 0.1  # a head that copies a tenth of the answer is a retrieval head (the paper's section 2)
MIN_RECALL = 0.5  # the authors' code counts a sample if more than half of the answer's words come back
MAX_NEW_TOKENS = 50  # likewise
_OUTSIDE, _NO_TOKEN = -1, -2  # never equal to a token, nor to each other


class NothingRetrievedError(RepriseError, RuntimeError):
    """No sample was answered rightly, so that no head can be scored."""


@dataclass(frozen=True)
class RetrievalResult:
    """Retrieval scores of every head on every sample.

    Parameters
    ----------
    sample_scores : share of the answer that a head copied.
    recalls : ROUGE-1 recall of each answer in the model's response.
    responses : what the model said.
    min_recall : a sample is kept if its recall is higher.

    Examples
    --------
    >>> scores = np.array([[[0.0, 0.9], [0.0, 0.2]], [[0.0, 0.7], [0.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]]])
    >>> result = RetrievalResult(scores, recalls=np.array([1.0, 0.8, 0.2]), responses=("...",) * 3)
    >>> result.n_kept, result.top(1), result.sparsity(), result.silent()
    (2, [(0, 1)], 0.5, 0.5)
    >>> result.scores.round(2).tolist(), result.frequency.tolist()
    ([[0.0, 0.8], [0.0, 0.1]], [[0.0, 1.0], [0.0, 0.5]])
    """

    sample_scores: Float[np.ndarray, "samples layers heads"]
    recalls: Float[np.ndarray, " samples"]
    responses: tuple[str, ...]
    min_recall: float = MIN_RECALL

    def __post_init__(self) -> None:
        if not self.kept.any():
            recalls = ", ".join(f"{recall:.2f}" for recall in self.recalls)
            raise NothingRetrievedError(
                f"No answer was found in the text: the recalls are {recalls}, and only samples above "
                f"{self.min_recall} count. Shorter texts, or needles with a prefix, are easier."
            )

    @property
    def kept(self) -> Bool[np.ndarray, " samples"]:
        """Which samples were answered rightly and count."""
        return self.recalls > self.min_recall

    @property
    def n_kept(self) -> int:
        """Number of samples that count."""
        return int(self.kept.sum())

    @property
    def scores(self) -> Float[np.ndarray, "layers heads"]:
        """Retrieval score of each head: its mean over the samples that count."""
        return self.sample_scores[self.kept].mean(0)

    @property
    def frequency(self) -> Float[np.ndarray, "layers heads"]:
        """Share of the samples that count in which a head copied anything."""
        return (self.sample_scores[self.kept] > 0).mean(0)

    def top(self, k: int) -> list[Head]:
        """Give the `k` strongest heads as (layer, head), the strongest first; of equals the earlier."""
        n_heads = self.sample_scores.shape[2]
        order = np.argsort(-self.scores, axis=None, kind="stable")
        if not 0 <= k <= len(order):
            raise InvalidInputError(f"The model has {len(order)} heads; the top {k} were asked for.")
        return [(int(index) // n_heads, int(index) % n_heads) for index in order[:k]]

    def sparsity(self, threshold: float = RETRIEVAL_THRESHOLD) -> float:
        """Give the share of all heads that score `threshold` or more: the smaller, the sparser."""
        return float((self.scores >= threshold).mean())

    def silent(self) -> float:
        """Give the share of all heads that never copied anything."""
        return float((self.scores == 0).mean())

    def others(self, k: int, rng: np.random.Generator, spare: float = 0.1) -> list[Head]:
        """Draw `k` heads that are no retrieval heads, as controls.

        Parameters
        ----------
        k : how many.
        rng : source of randomness.
        spare : this share of the strongest heads is never drawn (the authors spare 100 of 1,024), nor is any head
            that scores `RETRIEVAL_THRESHOLD` or more.
        """
        n_spared = max(round(spare * self.scores.size), int((self.scores >= RETRIEVAL_THRESHOLD).sum()))
        pool = self.top(self.scores.size)[n_spared:]
        if k > len(pool):
            raise InvalidInputError(f"Only {len(pool)} heads are no retrieval heads; {k} were asked for.")
        return [pool[index] for index in rng.choice(len(pool), size=k, replace=False)]

    def rank_correlation(self, other: RetrievalResult) -> float:
        """Give Spearman's correlation of the heads' scores with those of other samples, or of the model's variant."""
        from scipy import stats

        if self.scores.shape != other.scores.shape:
            raise InvalidInputError(
                f"The models have {self.scores.shape} and {other.scores.shape} layers and heads; they must agree."
            )
        return float(stats.spearmanr(self.scores, other.scores, axis=None).statistic)

    def overlap(self, other: RetrievalResult, k: int) -> float:
        """Give the share of the `k` strongest heads that are also among the other's."""
        return len(set(self.top(k)) & set(other.top(k))) / k

    def subset(self, samples: Sequence[int]) -> RetrievalResult:
        """Give the result of some samples alone, for instance of every second, to see whether scores are stable."""
        indices = np.asarray(samples, dtype=int)
        return RetrievalResult(
            self.sample_scores[indices],
            self.recalls[indices],
            tuple(self.responses[index] for index in indices),
            self.min_recall,
        )


def copy_events(
    attention: Float[Tensor, "*any columns"],
    prompt_ids: Int[Tensor, " columns_of_prompt"],
    token: int,
    start: int,
    end: int,
    topk: int = 1,
) -> Bool[Tensor, "*any"]:
    """Say which heads copy at one decoding step: they attend most to a token of the span, and it is the one written.

    Parameters
    ----------
    attention : the heads' weights when `token` is predicted; columns after the prompt are generated tokens.
    prompt_ids : the prompt.
    token : what the model writes at this step.
    start, end : the span to copy from, ``prompt_ids[start:end]``.
    topk : how many of the strongest columns count; the paper's is 1.

    Examples
    --------
    >>> import torch
    >>> weights = torch.tensor([[0.1, 0.7, 0.2], [0.6, 0.1, 0.3]])
    >>> copy_events(weights, torch.tensor([8, 9, 8]), token=9, start=1, end=3)
    tensor([ True, False])
    """
    if not 0 <= start < end <= len(prompt_ids):
        raise InvalidInputError(f"The span {start}:{end} does not lie in a prompt of {len(prompt_ids)} tokens.")
    if not 1 <= topk <= attention.shape[-1]:
        raise InvalidInputError(f"`topk` is 1 to the number of columns, {attention.shape[-1]}; {topk} was given.")
    copied = torch.zeros(attention.shape[-1], dtype=torch.bool, device=attention.device)
    copied[start:end] = prompt_ids[start:end].to(attention.device) == token
    return copied[attention.topk(topk).indices].any(-1)


def retrieval_scores(
    model: LanguageModel,
    samples: Sequence[NeedleSample],
    *,
    max_new_tokens: int = MAX_NEW_TOKENS,
    min_recall: float = MIN_RECALL,
    unique: bool = False,
    topk: int = 1,
    batch_size: int = 8,
) -> RetrievalResult:
    """Score every attention head by how much of the answers it copies from the prompts.

    The model answers each prompt greedily, until it ends a line. At each step that writes token w, head h copies if
    its largest attention weight lies on a token of the hidden answer k that is w itself. With g_h the tokens copied,

        score(h) = |g_h ∩ k| / |k|,

    averaged over the samples whose answer is right (ROUGE-1 recall above `min_recall`).

    Cost: the prompts are read once, with fused attention and no attention weights; each further token costs one pass
    of a single query, whose weights, (batch, layers, heads, length), are all that is ever kept. Time is thus that of
    plain greedy decoding, and memory is the key-value cache.

    Parameters
    ----------
    model : the handle on the model.
    samples : prompts, from `NeedleTask`.
    max_new_tokens : the longest response.
    min_recall : a sample counts if its recall is higher.
    unique : False counts every step, over the answer's length, as the authors' code does (a score can then exceed 1
        if the model repeats itself); True counts each of the answer's different tokens once, as the paper's formula.
    topk : how many of the strongest columns count at a step.
    batch_size : prompts that are read and answered together; those of like length should follow each other.

    Raises
    ------
    InvalidInputError
        If there is no sample, or a prompt does not fit into the model's context.
    NothingRetrievedError
        If no sample counts; the message gives the recalls.

    Examples
    --------
    >>> from reprise.language import LanguageModel
    >>> from reprise.language.retrieval_heads import Needle, NeedleTask
    >>> from reprise.models.tiny import tiny_language_model
    >>> text, needle = "It rained. Nobody came.", Needle("Where is it?", "It lies here.", "here")
    >>> lm = LanguageModel(*tiny_language_model(f"{text} {needle.needle}"))
    >>> samples = NeedleTask(text, [needle]).grid(lm.tokenizer, lengths=[9], depths=[0, 1])
    >>> found = retrieval_scores(lm, samples, max_new_tokens=3, min_recall=-1)  # a random model finds nothing
    >>> found.scores.shape, len(found.top(2))
    ((2, 4), 2)

    References
    ----------
    W. Wu, Y. Wang, G. Xiao, H. Peng and Y. Fu (2024). Retrieval Head Mechanistically Explains Long-Context Factuality.
    arXiv:2404.15574. Code: github.com/nightdessert/Retrieval_Head.
    """
    scores, responses = [], []
    for batch in batches(samples, batch_size):
        batch_scores, batch_responses = _scan(model, batch, max_new_tokens, unique, topk)
        scores.append(batch_scores)
        responses += batch_responses
    recalls = [rouge1_recall(sample.answer, response) for sample, response in zip(samples, responses, strict=True)]
    return RetrievalResult(np.concatenate(scores), np.array(recalls), tuple(responses), min_recall)


def batches(samples: Sequence[NeedleSample], size: int) -> Iterator[Sequence[NeedleSample]]:
    """Cut samples into batches.

    Raises
    ------
    InvalidInputError
        If there is none, or `size` is not positive.
    """
    if not samples:
        raise InvalidInputError("There are no samples; at least one is expected.")
    if size < 1:
        raise InvalidInputError(f"The batch size is at least 1; {size} was given.")
    for first in range(0, len(samples), size):
        yield samples[first : first + size]


def _scan(
    model: LanguageModel, samples: Sequence[NeedleSample], max_new_tokens: int, unique: bool, topk: int
) -> tuple[Float[np.ndarray, "samples layers heads"], list[str]]:
    batch = model.batch([sample.ids for sample in samples])
    span_tokens = _span_tokens(batch, samples)
    written, events = [], []
    for step in model.decoding(batch).greedy(max_new_tokens, stop="\n", attention=range(model.n_layers)):
        assert step.attention is not None
        tokens = torch.where(step.active, step.tokens, _NO_TOKEN)
        written.append(tokens)
        events.append(_batch_events(step.attention, span_tokens, tokens, topk))
    tokens, happened = torch.stack(written, 1).cpu(), torch.stack(events, 1).cpu()
    scores = [
        _score(sample, row_events, row_tokens, unique)
        for sample, row_events, row_tokens in zip(samples, happened, tokens, strict=True)
    ]
    return torch.stack(scores).numpy(), [model.decode(row[row != _NO_TOKEN]).strip() for row in tokens]


def _span_tokens(batch: Batch, samples: Sequence[NeedleSample]) -> Int[Tensor, "batch columns"]:
    """Give the tokens of the answers' spans where they stand, and no token elsewhere."""
    assert batch.ids is not None
    columns = torch.arange(batch.width, device=batch.ids.device)
    padding = batch.width - batch.lengths
    start = padding + torch.tensor([sample.start for sample in samples], device=padding.device)
    end = padding + torch.tensor([sample.end for sample in samples], device=padding.device)
    return torch.where((columns >= start[:, None]) & (columns < end[:, None]), batch.ids, _OUTSIDE)


def _batch_events(
    attention: Float[Tensor, "batch layers heads columns"],
    span_tokens: Int[Tensor, "batch prompt_columns"],
    tokens: Int[Tensor, " batch"],
    topk: int,
) -> Bool[Tensor, "batch layers heads"]:
    """`copy_events` of a batch of prompts of different spans."""
    missing = attention.shape[-1] - span_tokens.shape[1]
    span_tokens = torch.nn.functional.pad(span_tokens, (0, missing), value=_OUTSIDE)
    strongest = attention.topk(topk).indices.flatten(1)
    attended = span_tokens.gather(1, strongest).view(*attention.shape[:-1], topk)
    return (attended == tokens[:, None, None, None]).any(-1)


def _score(
    sample: NeedleSample,
    events: Bool[Tensor, "steps layers heads"],
    tokens: Int[Tensor, " steps"],
    unique: bool,
) -> Float[Tensor, "layers heads"]:
    if not unique:
        return events.sum(0).double() / (sample.end - sample.start)
    copied = torch.stack([events[tokens == token].any(0) for token in tokens.unique()])
    return copied.sum(0).double() / len(set(sample.answer_ids))
