"""What looking for retrieval heads costs here and with TransformerLens: the same model, prompts and scores.

Run with ``pytest benchmarks/bench_retrieval_heads.py -s``; prints CPU time and memory, and asserts that the scores
agree, but no times. TransformerLens is used in two ways: as its guide has it, hooks on the attention pattern while it
generates; and the leanest way that gives the same numbers, tokens from transformers' own cached generation and then one
hooked pass over prompt and response. Its cached generation is no third way: with transformers 5.24 it (4.3) gives wrong
tokens. Each runs in a process of its own, which reads its own peak of memory (Linux).
"""

import itertools
import multiprocessing
import time
from pathlib import Path

import numpy as np
import pytest

from reprise.data.haystacks import load_descriptions
from reprise.data.needles import load_needles
from reprise.language.retrieval_heads import Needle, NeedleTask, retrieval_scores, rouge1_recall
from reprise.models import language

LENGTH, PROMPTS, MAX_NEW_TOKENS = 600, 4, 16
GUIDE_PROMPTS, GUIDE_TOKENS = 1, 4  # without a cache each token costs a whole pass, so only a few are timed


def samples(tokenizer):
    needles = [Needle(n.question, n.needle, n.answer, n.prefix) for n in load_needles("pilot")[:PROMPTS]]
    return NeedleTask(" ".join(load_descriptions().values()), needles).grid(tokenizer, [LENGTH], [0.5])


def ours(max_new_tokens=MAX_NEW_TOKENS, prompts=PROMPTS):
    from reprise.language import LanguageModel

    model = LanguageModel.from_pretrained()
    chosen = samples(model.tokenizer)[:prompts]
    model.generate([list(chosen[0].ids[:20])], 2)
    return lambda: retrieval_scores(model, chosen, max_new_tokens=max_new_tokens, min_recall=-1).sample_scores


def bridged():
    from transformer_lens.model_bridge import TransformerBridge

    model, tokenizer = language.load_language_model()
    model.set_attn_implementation("eager")
    bridge = TransformerBridge.boot_transformers(
        "HuggingFaceTB/SmolLM2-135M-Instruct", hf_model=model, tokenizer=tokenizer
    )
    return bridge, tokenizer


def score(sample, rows, tokens):
    """Score each head on one prompt, from its strongest column at each step."""
    events = np.zeros(rows.shape[1:])
    for step, token in enumerate(tokens):
        inside = (rows[step] >= sample.start) & (rows[step] < sample.end)
        prompt = np.array(sample.ids)[np.minimum(rows[step], len(sample.ids) - 1)]
        events += inside & (prompt == token)
    return events / (sample.end - sample.start)


def ends(tokenizer, token):
    return token == tokenizer.eos_token_id or "\n" in tokenizer.decode([token])


def hooked_generation():
    """Hooks on the attention pattern while TransformerLens generates."""
    import torch

    bridge, tokenizer = bridged()
    chosen = samples(tokenizer)[:GUIDE_PROMPTS]

    def run():
        found = []
        for sample in chosen:
            rows = {layer: [] for layer in range(bridge.cfg.n_layers)}
            hooks = [
                (f"blocks.{layer}.attn.hook_pattern", lambda p, hook, kept=kept: kept.append(p[0, :, -1].argmax(-1)))
                for layer, kept in rows.items()
            ]
            with torch.no_grad(), bridge.hooks(fwd_hooks=hooks):
                output = bridge.generate(
                    torch.tensor([sample.ids]),
                    max_new_tokens=GUIDE_TOKENS,
                    do_sample=False,
                    use_past_kv_cache=False,
                    return_type="tokens",
                    verbose=False,
                )
            tokens = output[0, len(sample.ids) :].tolist()
            strongest = torch.stack([torch.stack(rows[layer]) for layer in sorted(rows)], 1).numpy()
            found.append(score(sample, strongest, tokens))
        return np.stack(found)

    return run


def one_hooked_pass():
    """Tokens from transformers, then one hooked pass of TransformerLens that keeps only the rows of the response."""
    import torch

    bridge, tokenizer = bridged()
    generator, _ = language.load_language_model()
    chosen = samples(tokenizer)

    def run():
        found = []
        for sample in chosen:
            ids = torch.tensor([sample.ids])
            tokens = generator.generate(
                ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=MAX_NEW_TOKENS
            )[0, len(sample.ids) :].tolist()
            last = next((i for i, token in enumerate(tokens) if ends(tokenizer, token)), len(tokens) - 1)
            tokens, rows = tokens[: last + 1], {}
            steps = len(tokens)

            def keep(pattern, hook, rows=rows, steps=steps):
                rows[hook.name] = pattern[0, :, -steps:].argmax(-1).T

            names = [f"blocks.{layer}.attn.hook_pattern" for layer in range(bridge.cfg.n_layers)]
            with torch.no_grad():
                bridge.run_with_hooks(
                    torch.tensor([[*sample.ids, *tokens[:-1]]]), fwd_hooks=[(name, keep) for name in names]
                )
            found.append(score(sample, torch.stack([rows[name] for name in names], 1).numpy(), tokens))
        return np.stack(found)

    return run


def same_work_as_the_guide():
    return ours(GUIDE_TOKENS, GUIDE_PROMPTS)


def measured(make):
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(_measure, (make.__name__,))


def _measure(name):
    import torch

    torch.set_num_threads(1)
    run = globals()[name]()
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak of loading
    before, start = _memory("VmRSS"), time.process_time()
    scores = run()
    return scores, time.process_time() - start, _memory("VmHWM") - before


def _memory(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


@pytest.mark.skipif(not language.is_installed(), reason="SmolLM2 is not installed")
def test_scan_beside_transformer_lens():
    pytest.importorskip("transformer_lens")
    results = {
        make.__name__: measured(make) for make in (ours, one_hooked_pass, same_work_as_the_guide, hooked_generation)
    }
    print()
    for name, (_, seconds, megabytes) in results.items():
        print(f"{name:24s} {seconds:7.1f} s CPU {megabytes:7.0f} MB above the loaded model")
    for mine, theirs in (("ours", "one_hooked_pass"), ("same_work_as_the_guide", "hooked_generation")):
        np.testing.assert_allclose(results[mine][0], results[theirs][0], atol=1e-6)
        print(
            f"{theirs} / {mine}: time {results[theirs][1] / results[mine][1]:.1f}, "
            f"memory {results[theirs][2] / results[mine][2]:.1f}"
        )


def test_rouge_beside_the_reference_implementation():
    scorer = pytest.importorskip("rouge_score.rouge_scorer").RougeScorer(["rouge1"], use_stemmer=False)
    texts = [sentence for text in load_descriptions().values() for sentence in text.split(". ")]
    pairs = list(itertools.pairwise(texts))
    start = time.perf_counter()
    theirs = [scorer.score(*pair)["rouge1"].recall for pair in pairs]
    middle = time.perf_counter()
    mine = [rouge1_recall(*pair) for pair in pairs]
    print(f"\nrouge_score / ours: time {(middle - start) / (time.perf_counter() - middle):.1f}")
    np.testing.assert_allclose(mine, theirs)
