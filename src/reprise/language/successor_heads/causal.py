"""What heads do for a text that a word's successor continues: what they write themselves, and what is lost without.

References
----------
R. Gould, E. Ong, G. Ogden and A. Conmy (2024), arXiv:2312.09230.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from reprise.errors import InvalidInputError
from reprise.language.batch import Batch
from reprise.language.interventions import Head, check_layer
from reprise.language.model import LanguageModel
from reprise.language.successor_heads.prompts import SuccessionPrompt
from reprise.nn.activations import edit

Fill = Literal["mean", "zero"]


@dataclass(frozen=True)
class Continuation:
    """How a model continues lists.

    Parameters
    ----------
    correct : whether the successor has the largest logit among the tokens of its list.
    log_probs : its log-probability among them, in nats.

    Examples
    --------
    >>> Continuation(np.array([True, False, True, True]), np.log([0.9, 0.2, 0.6, 0.5])).accuracy
    0.75
    """

    correct: Bool[np.ndarray, " prompts"]
    log_probs: Float[np.ndarray, " prompts"]

    @property
    def accuracy(self) -> float:
        """Share of prompts continued with the successor."""
        return float(self.correct.mean())


def list_continuation(
    model: LanguageModel, prompts: Sequence[SuccessionPrompt], *, batch_size: int = 64
) -> Continuation:
    """See whether a model continues prompts with the successor, rather than with another token of the list.

    Interventions around the call count. Cost: one forward pass; of the unembedding only the lists' rows are used.

    Raises
    ------
    InvalidInputError
        If there is no prompt.

    Examples
    --------
    >>> from reprise.language.successor_heads import OrdinalList, succession_prompts
    >>> from reprise.models.tiny import tiny_language_model
    >>> lm = LanguageModel(*tiny_language_model("one , two three four five"))
    >>> prompts = succession_prompts(lm, {"counting": OrdinalList.of_ids([3, 5, 6, 7, 8])})
    >>> list_continuation(lm, prompts).log_probs.shape
    (2,)
    """
    _check_some(prompts)
    parts = [
        _continued(model, _batch(model, block), block)
        for block in (prompts[start : start + batch_size] for start in range(0, len(prompts), batch_size))
    ]
    correct, log_probs = (torch.cat(values).cpu().numpy() for values in zip(*parts, strict=True))
    return Continuation(correct, log_probs)


def mean_head_outputs(
    model: LanguageModel, texts: Sequence[SuccessionPrompt | str | Sequence[int]], *, batch_size: int = 64
) -> Float[Tensor, "layers heads d_head"]:
    """Average each head's output over all tokens of some texts, to put in its place (`LanguageModel.ablate_heads`).

    Cost: one forward pass.

    Parameters
    ----------
    model : the language model.
    texts : prompts, texts, or lists of token ids.
    batch_size : texts at a time.

    Raises
    ------
    InvalidInputError
        If there is no text.

    Examples
    --------
    >>> from reprise.models.tiny import tiny_language_model
    >>> lm = LanguageModel(*tiny_language_model("one , two three"))
    >>> values = mean_head_outputs(lm, ["one, two", "three"])
    >>> with lm.ablate_heads([(1, 3)], values=values):
    ...     without = lm.logits("one, two")
    """
    _check_some(texts)
    rows = [model.encode(each) if isinstance(each, str) else _ids(each) for each in texts]
    total, count = torch.zeros(model.n_layers, model.n_heads, model.d_head, dtype=torch.float64), 0
    for start in range(0, len(rows), batch_size):
        batch = model.batch(rows[start : start + batch_size])
        total += model.head_outputs(batch).transpose(1, 2)[batch.mask].double().sum(0).cpu()
        count += int(batch.mask.sum())
    return (total / count).to(model.device, model.model.dtype)


def head_ablation_effect(
    model: LanguageModel,
    prompts: Sequence[SuccessionPrompt],
    heads: Collection[Head] | None = None,
    fill: Fill = "mean",
    values: Float[Tensor, "layers heads d_head"] | None = None,
    *,
    batch_size: int = 256,
) -> Float[np.ndarray, "layers heads prompts"]:
    """Give the drop in the successor's log-probability among its list, in nats, when one head is taken away.

    A head is taken away at every position, one at a time. Several are taken away in one forward pass, each in rows of
    its own. Cost: ``heads * prompts`` short texts.

    Parameters
    ----------
    model : the language model.
    prompts : from `succession_prompts` or `natural_successions`.
    heads : (layer, head) pairs; None takes all. The others are NaN in the result.
    fill : what stands for the head's output: ``"mean"``, or ``"zero"``.
    values : the means, from `mean_head_outputs` over any texts; None takes them over the prompts.
    batch_size : prompts in a forward pass.

    Raises
    ------
    InvalidInputError
        If there is no prompt, a head does not exist, or `fill` or the shape of `values` is not as described.

    Examples
    --------
    >>> from reprise.language.successor_heads import OrdinalList, succession_prompts
    >>> from reprise.models.tiny import tiny_language_model
    >>> lm = LanguageModel(*tiny_language_model("one , two three four five"))
    >>> prompts = succession_prompts(lm, {"counting": OrdinalList.of_ids([3, 5, 6, 7, 8])})
    >>> effects = head_ablation_effect(lm, prompts, [(0, 1), (1, 3)])
    >>> effects.shape, int((~np.isnan(effects[:, :, 0])).sum())
    ((2, 4, 2), 2)
    """
    _check_some(prompts)
    shape = (model.n_layers, model.n_heads, model.d_head)
    if fill not in get_args(Fill):
        raise InvalidInputError(f"`fill` is one of {', '.join(get_args(Fill))}; {fill!r} was given.")
    if values is not None and (fill != "mean" or tuple(values.shape) != shape):
        raise InvalidInputError(
            f"`values` has shape {shape} and goes with fill='mean'; {tuple(values.shape)} was given."
        )
    every = [(layer, head) for layer in range(model.n_layers) for head in range(model.n_heads)]
    chosen = every if heads is None else list(dict.fromkeys(heads))
    for layer, head in chosen:
        check_layer(layer, model.n_layers - 1)
        check_layer(head, model.n_heads - 1, f"In layer {layer} head")
    if fill == "zero":
        values = torch.zeros(shape, device=model.device)
    elif values is None:
        values = mean_head_outputs(model, prompts)
    effects = np.full((model.n_layers, model.n_heads, len(prompts)), np.nan)
    for start in range(0, len(prompts), batch_size):
        block = prompts[start : start + batch_size]
        place = slice(start, start + len(block))
        _, whole = _continued(model, _batch(model, block), block)
        at_once = max(1, batch_size // len(block))
        for first in range(0, len(chosen), at_once):
            part = chosen[first : first + at_once]
            rows = list(block) * len(part)
            with _row_by_row(model, part, values, len(block)):
                _, without = _continued(model, _batch(model, rows), rows)
            drops = (whole - without.unflatten(0, (len(part), -1))).cpu().numpy()
            for (layer, head), drop in zip(part, drops, strict=True):
                effects[layer, head, place] = drop
    return effects


def direct_attribution(
    model: LanguageModel, prompts: Sequence[SuccessionPrompt], *, batch_size: int = 64
) -> Float[np.ndarray, "layers heads prompts"]:
    """Give what each head itself writes towards the successor, at the last token of each prompt.

    With u the unembedding of the successor minus the mean of those of the other tokens of its list, a head that writes
    x contributes ``u . LN_f(x)``, where the final normalisation divides by what it divides the whole residual stream
    by. What all heads, feed-forward parts and biases contribute sums to the difference of logits (before a model's own
    scaling or capping of logits). Cost: one forward pass, and ``layers * heads * d_head * d_model`` for each prompt.

    Raises
    ------
    InvalidInputError
        If there is no prompt.

    Examples
    --------
    >>> from reprise.language.successor_heads import OrdinalList, succession_prompts
    >>> from reprise.models.tiny import tiny_language_model
    >>> lm = LanguageModel(*tiny_language_model("one , two three four five"))
    >>> prompts = succession_prompts(lm, {"counting": OrdinalList.of_ids([3, 5, 6, 7, 8])})
    >>> direct_attribution(lm, prompts).shape
    (2, 4, 2)
    """
    _check_some(prompts)
    found = []
    for start in range(0, len(prompts), batch_size):
        block = prompts[start : start + batch_size]
        trace = model.trace(_batch(model, block), residual=model.n_layers, head_output="all", positions=-1)
        assert trace.residual is not None
        assert trace.head_output is not None
        with torch.no_grad():
            towards = torch.stack([_contrast(model, prompt) for prompt in block])
            towards = pulled_back(model.parts.final_norm, trace.residual[:, 0, 0], towards)
            found.append(
                torch.stack(
                    [
                        torch.einsum("nhk,nhk->hn", outputs, _through_output(model, layer, towards))
                        for layer, outputs in enumerate(trace.head_output[:, :, 0].unbind(1))
                    ]
                ).float()
            )
    return torch.cat(found, -1).cpu().numpy()


def largest_contributor_share(
    attribution: Float[np.ndarray, "layers heads prompts"],
) -> Float[np.ndarray, "layers heads"]:
    """Give the share of prompts in which each head contributes more than any other; see `direct_attribution`.

    Examples
    --------
    >>> print(largest_contributor_share(np.array([[[1.0, 2.0, 0.0], [0.0, 3.0, 1.0]]])).round(2))
    [[0.33 0.67]]
    """
    layers, heads, prompts = attribution.shape
    first = attribution.reshape(-1, prompts).argmax(axis=0)
    return np.bincount(first, minlength=layers * heads).reshape(layers, heads) / prompts


def pulled_back(
    norm: nn.Module, residual: Float[Tensor, "rows d_model"], direction: Float[Tensor, "rows d_model"]
) -> Float[Tensor, "rows d_model"]:
    """Give v so that ``v . x`` is what a part x of a residual stream adds along a direction behind a normalisation.

    The normalisation divides by what it divides the whole stream by. Whether it subtracts means, and its gains, are
    read off what it makes of three vectors, so that every kind of layer or root-mean-square normalisation will do.
    """
    alternating = torch.ones_like(residual[0])
    alternating[1::2] = -1
    bias = norm(torch.zeros_like(alternating))
    gain = (norm(alternating) - bias) * alternating
    centring = bool((norm(alternating + 1) - bias)[1::2].abs().max() > 1e-3 * gain.abs().max())
    if centring:
        residual = residual - residual.mean(-1, keepdim=True)
    pulled = direction * gain / residual.float().pow(2).mean(-1, keepdim=True).sqrt().to(residual)
    return pulled - pulled.mean(-1, keepdim=True) if centring else pulled


def _continued(
    model: LanguageModel, batch: Batch, prompts: Sequence[SuccessionPrompt]
) -> tuple[Bool[Tensor, " prompts"], Float[Tensor, " prompts"]]:
    """Give whether the successor is first among its list, and its log-probability among it."""
    last = model.residuals(batch, layers=model.n_layers, positions=-1)[:, 0, 0]
    groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for row, prompt in enumerate(prompts):
        groups[prompt.candidates].append(row)
    correct, log_probs = torch.empty(len(prompts), dtype=torch.bool), torch.empty(len(prompts))
    for candidates, rows in groups.items():
        answers = torch.tensor([candidates.index(prompts[row].answer) for row in rows], device=last.device)
        with torch.no_grad():
            listed = model.unembed(last[rows], tokens=candidates).log_softmax(-1)
        correct[rows] = (listed.argmax(-1) == answers).cpu()
        log_probs[rows] = listed.gather(1, answers[:, None])[:, 0].cpu()
    return correct, log_probs


@contextmanager
def _row_by_row(
    model: LanguageModel, heads: Sequence[Head], values: Float[Tensor, "layers heads d_head"], rows: int
) -> Iterator[None]:
    """Take away the first head in the first `rows` rows of a batch, the second in the next, and so on."""
    of_layer: dict[int, list[tuple[slice, slice, Tensor]]] = defaultdict(list)
    for number, (layer, head) in enumerate(heads):
        own = slice(number * rows, (number + 1) * rows)
        of_layer[layer].append((own, model.parts.head_columns(head), values[layer, head]))

    def filled(places: list[tuple[slice, slice, Tensor]], features: Tensor) -> Tensor:
        features = features.clone()
        for own, columns, value in places:
            features[own, ..., columns] = value.to(features)
        return features

    with ExitStack() as edits:
        for layer, places in of_layer.items():
            output = model.parts.blocks[layer].output
            edits.enter_context(edit(output, partial(filled, places), site="input"))
        yield


def _contrast(model: LanguageModel, prompt: SuccessionPrompt) -> Float[Tensor, " d_model"]:
    others = [token for token in prompt.candidates if token != prompt.answer]
    rows, _ = model.unembedding_rows([prompt.answer, *others])
    return rows[0] - rows[1:].mean(0)


def _through_output(
    model: LanguageModel, layer: int, towards: Float[Tensor, "prompts d_model"]
) -> Float[Tensor, "prompts heads d_head"]:
    output = torch.stack([model.ov_circuit(layer, head).output for head in range(model.n_heads)])
    return torch.einsum("hkd,nd->nhk", output, towards)


def _batch(model: LanguageModel, prompts: Sequence[SuccessionPrompt]) -> Batch:
    return model.batch([list(prompt.ids) for prompt in prompts])


def _ids(text: SuccessionPrompt | Sequence[int]) -> list[int]:
    return list(text.ids if isinstance(text, SuccessionPrompt) else text)


def _check_some(prompts: Sequence[object]) -> None:
    if not prompts:
        raise InvalidInputError("There is no prompt; at least one is expected.")
