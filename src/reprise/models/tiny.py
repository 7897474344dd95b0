"""A random language model over the words of a text: nothing to install or wait for, in examples and tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from reprise.models.language import import_transformers

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_SPREAD = 0.1  # of the random weights: enough that every part of the model changes its output


def tiny_language_model(
    text: str,
    *,
    n_layers: int = 2,
    n_heads: int = 4,
    n_kv_heads: int = 2,
    d_model: int = 32,
    context_length: int = 512,
    seed: int = 0,
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Build a Llama with random weights, and a tokenizer whose tokens are the words and marks of `text`.

    Parameters
    ----------
    text : gives the vocabulary; other words become ``<unk>``.
    n_layers, n_heads, n_kv_heads, d_model, context_length : sizes.
    seed : of the weights.

    Raises
    ------
    MissingPackageError
        If transformers is not installed.

    Examples
    --------
    >>> model, tokenizer = tiny_language_model("The sun rose, and the rain fell.")
    >>> tokenizer.decode(tokenizer.encode("the rain rose"))
    '<s> the rain rose'
    >>> sum(parameter.numel() for parameter in model.parameters())
    19360
    """
    transformers = import_transformers()
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    split = pre_tokenizers.Whitespace()
    words = dict.fromkeys(word for word, _ in split.pre_tokenize_str(text))
    vocabulary = {token: index for index, token in enumerate(["<unk>", "<s>", "</s>", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = split
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    config = transformers.LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=d_model,
        intermediate_size=2 * d_model,
        num_hidden_layers=n_layers,
        num_attention_heads=n_heads,
        num_key_value_heads=n_kv_heads,
        max_position_embeddings=context_length,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = transformers.LlamaForCausalLM(config)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(_SPREAD * torch.randn_like(parameter))
    return model.eval(), transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>", pad_token="</s>"
    )
