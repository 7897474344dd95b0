"""The lens beside a plain loop over transformers' hidden states.

Run with ``pytest benchmarks/bench_latent_language.py -s``; prints processor time on one thread, and the memory that
tensors took, and asserts none of either.
"""

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from racing import race
from reprise.language import LanguageModel
from reprise.language.latent_language import language_token_ids, logit_lens, repetition_prompts
from reprise.models import language

WORDS = {
    "en": ["book", "cloud", "door", "four", "wind", "stone", "night", "bread"],
    "fr": ["livre", "nuage", "porte", "quatre", "vent", "pierre", "nuit", "pain"],
}


@pytest.fixture(scope="module")
def model():
    if not language.is_installed():
        pytest.skip("SmolLM2 is not installed")
    return LanguageModel.from_pretrained()


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(before)


def hidden_states_loop(model, texts, sets, last=False):
    """Unembed every hidden state of one prompt after another, at all positions or only at the last."""
    rows = []
    for text in texts:
        ids = torch.tensor([model.encode(text)])
        with torch.no_grad():
            states = model.model(ids, output_hidden_states=True).hidden_states
            row = []
            for number, state in enumerate(states):
                state = state[:, -1:] if last else state
                normalised = state if number == len(states) - 1 else model.parts.final_norm(state)
                probs = model.parts.unembedding(normalised).softmax(-1)[0, -1]
                row.append([float(probs[tokens].sum()) for tokens in sets])
        rows.append(row)
    return np.array(rows)


def test_lens(model):
    texts = [prompt.text for prompt in repetition_prompts(WORDS, "fr", 4)][:4]
    sets = [language_token_ids(model, word) for words in WORDS.values() for word in words]
    works = {
        "ours": lambda: logit_lens(model, texts, token_sets=sets).probability,
        "hidden states": lambda: hidden_states_loop(model, texts, sets),
        "hidden states, last position": lambda: hidden_states_loop(model, texts, sets, last=True),
    }
    found = {}
    times = race({name: lambda n=name: found.update({n: works[n]()}) for name in works}, rounds=1, warm_up=0)
    print(f"\n{len(texts)} prompts, {model.n_layers + 1} streams, {len(sets)} token sets")
    for name in works:
        print(
            f"{name}: {times[name]:.0f} ms, / ours {times[name] / times['ours']:.2f}; "
            f"largest difference {np.abs(found[name] - found['ours']).max():.0e}"
        )


def test_memory(model):
    """Ours keeps one position of each stream and blocks of distributions; the loop keeps all positions of all."""
    texts = [prompt.text for prompt in repetition_prompts(WORDS, "fr", 4)][:2]
    sets = [language_token_ids(model, word) for words in WORDS.values() for word in words]
    works = {
        "ours": lambda: logit_lens(model, texts, token_sets=sets),
        "hidden states": lambda: hidden_states_loop(model, texts, sets),
    }
    for name, work in works.items():
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
            work()
        sizes = [event.cpu_memory_usage for event in profile.events() if event.cpu_memory_usage > 0]
        print(
            f"\n{name}: largest operation {max(sizes) / 2**20:.0f} MiB, allocated in all {sum(sizes) / 2**20:.0f} MiB"
        )
