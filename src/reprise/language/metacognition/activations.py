"""The mean activation of a sentence in a conversation, at each layer asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float

from reprise.errors import InvalidInputError
from reprise.language.interventions import check_layer
from reprise.language.metacognition.transcript import Span, Transcript, shared_prefix, write
from reprise.language.model import LanguageModel

SpanKind = Literal["assistant", "conversation"]
Pair = tuple[str, str]


def sentence_activations(
    model: LanguageModel,
    pairs: Sequence[Pair],
    layers: int | Iterable[int],
    span: SpanKind = "assistant",
    *,
    batch_size: int = 16,
) -> dict[int, Float[np.ndarray, "n d_model"]]:
    """Give each sentence's activation: the output of a layer, averaged over the sentence's tokens.

    Parameters
    ----------
    model : the language model.
    pairs : (what the user says, what the assistant says), n of them; each is a conversation of its own.
    layers : layers 0 to ``n_layers - 1``; layer l is residual stream l + 1 of `LanguageModel`.
    span : average over the assistant's sentence, or over the whole conversation with its tags.
    batch_size : conversations at once.

    Returns
    -------
    dict[int, (n, d_model)]
        In double precision, by layer.

    Raises
    ------
    InvalidInputError
        If a sentence is empty or begins or ends in blanks, a layer does not exist, or a conversation is too long.

    Notes
    -----
    What all conversations begin with (system prompt, tags, the same request) is read once. Cost: a forward pass over
    what differs, up to the deepest layer.

    The authors' code reads the last layer after the final normalisation, and here it is read before it.

    Examples
    --------
    >>> from reprise.models.tiny import tiny_language_model
    >>> lm = LanguageModel(*tiny_language_model("Say something. the sun rose rain fell"))
    >>> found = sentence_activations(lm, [("Say something.", "the sun rose"), ("Say something.", "rain")], [0, 1])
    >>> found[1].shape
    (2, 32)
    """
    if span not in get_args(SpanKind):
        raise InvalidInputError(f"`span` is one of {', '.join(get_args(SpanKind))}; {span!r} was given.")
    chosen = [layers] if isinstance(layers, int) else list(layers)
    if not chosen or not pairs:
        raise InvalidInputError(f"Sentences and layers are expected; got {len(pairs)} and {len(chosen)}.")
    for layer in chosen:
        check_layer(layer, model.n_layers - 1)
    check_sentences([sentence for _, sentence in pairs])
    transcripts = [
        write(model, [{"role": "user", "content": request}, {"role": "assistant", "content": sentence}])
        for request, sentence in pairs
    ]
    spans = [
        written.tokens(1, 0, len(sentence)) if span == "assistant" else (0, len(written.ids))
        for written, (_, sentence) in zip(transcripts, pairs, strict=True)
    ]
    means = span_means(model, transcripts, spans, chosen, batch_size)
    return {layer: means[:, index] for index, layer in enumerate(chosen)}


def span_means(
    model: LanguageModel,
    transcripts: Sequence[Transcript],
    spans: Sequence[Span],
    layers: Sequence[int],
    batch_size: int,
) -> Float[np.ndarray, "n layers d_model"]:
    """Average layers' outputs over one span of tokens a conversation; what they begin with alike is read once."""
    rows = [written.ids[:end] for written, (_, end) in zip(transcripts, spans, strict=True)]
    shared = min([shared_prefix(rows), *(start for start, _ in spans)])
    streams = [layer + 1 for layer in layers]
    if shared:
        read = model.continuation_residuals(rows[0][:shared], [row[shared:] for row in rows], streams, batch_size)
    else:
        read = [model.residuals([row], streams)[0] for row in rows]
    means = [
        states[:, start - shared : end - shared].double().mean(1).cpu().numpy()
        for states, (start, end) in zip(read, spans, strict=True)
    ]
    return np.stack(means)


def check_sentences(sentences: Sequence[str]) -> None:
    """Raise `InvalidInputError` if a sentence is empty, or begins or ends in blanks."""
    for number, sentence in enumerate(sentences):
        if not isinstance(sentence, str) or not sentence or sentence != sentence.strip():
            raise InvalidInputError(
                f"Sentence {number} is {sentence!r}; a text that neither begins nor ends in blanks is expected."
            )
