"""Models for the tests of the `language` family: tiny random ones of each kind, and SmolLM2 once a session."""

import pytest
import torch

from reprise.language import LanguageModel
from reprise.models import language

transformers = pytest.importorskip("transformers")

VOCABULARY = 61


def tiny(kind: str) -> LanguageModel:
    """Build a small random model of one architecture, with every parameter away from its neutral start."""
    common = {"vocab_size": VOCABULARY, "max_position_embeddings": 64, "bos_token_id": 0, "eos_token_id": 1}
    llama_like = common | {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "pad_token_id": 0,
    }
    gemma = {"head_dim": 8, "query_pre_attn_scalar": 8, "sliding_window": 4, "final_logit_softcapping": 2.0}
    configs = {
        "llama": lambda: transformers.LlamaConfig(**llama_like),
        "gpt2": lambda: transformers.GPT2Config(
            **{k: v for k, v in common.items() if k != "max_position_embeddings"},
            n_positions=64,
            n_embd=32,
            n_layer=3,
            n_head=4,
        ),
        "neox": lambda: transformers.GPTNeoXConfig(
            **common, hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4
        ),
        "gemma2": lambda: transformers.Gemma2Config(**llama_like, **gemma),
        "cohere": lambda: transformers.CohereConfig(**llama_like),
        "granite": lambda: transformers.GraniteConfig(**llama_like, logits_scaling=3.0),
        "phi3": lambda: transformers.Phi3Config(**llama_like),
    }
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(configs[kind]())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return LanguageModel(model)


@pytest.fixture(scope="session", params=["llama", "gpt2", "neox"])
def lm(request):
    return tiny(request.param)


@pytest.fixture(scope="session")
def llama():
    return tiny("llama")


@pytest.fixture(scope="session")
def make_tiny():
    return tiny


@pytest.fixture(scope="session")
def smollm2():
    if not language.is_installed():
        pytest.skip(f"SmolLM2 is not installed: {language.PACKAGED[language.DEFAULT_MODEL].command}")
    return LanguageModel.from_pretrained()
