import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reprise.data.haystacks import load_descriptions
from reprise.data.needles import load_needles
from reprise.errors import InvalidInputError
from reprise.language import LanguageModel
from reprise.language.retrieval_heads import (
    Needle,
    NeedleTask,
    NothingRetrievedError,
    Passage,
    Problem,
    RetrievalResult,
    copy_events,
    evaluate_needles,
    extractive_f1,
    mask_heads,
    masking_test,
    needle_recall,
    problem_accuracy,
    retrieval_scores,
    rouge1_recall,
)
from reprise.language.retrieval_heads.evaluation import _agrees, _f1
from reprise.language.retrieval_heads.needles import NeedleSample
from reprise.models.tiny import tiny_language_model

transformers = pytest.importorskip("transformers")


def hidden(ids, start, end):
    """A sample of bare token ids; the texts play no part."""
    needle = Needle("question", "answer", "answer")
    return NeedleSample(tuple(ids), start, end, "answer", needle, len(ids), 0.5)


def result(scores, recalls=None, min_recall=0.5):
    scores = np.asarray(scores, dtype=float)
    recalls = np.ones(len(scores)) if recalls is None else np.asarray(recalls)
    return RetrievalResult(scores, recalls, ("",) * len(scores), min_recall)


# One step


def test_a_copy_needs_the_strongest_weight_in_the_span_on_the_written_token():
    prompt = torch.tensor([5, 6, 7, 8, 6])
    #         in the span, on 6   outside, on 6   in the span, on 7
    rows = torch.tensor([[0, 9, 0, 0, 0.0], [0, 0, 0, 0, 9], [0, 0, 9, 0, 0], [9, 8, 0, 0, 0]])
    assert copy_events(rows, prompt, 6, 1, 3).tolist() == [True, False, False, False]
    assert copy_events(rows, prompt, 7, 1, 3).tolist() == [False, False, True, False]
    assert copy_events(rows[3:], prompt, 6, 1, 3, topk=2).tolist() == [True]


def test_a_generated_token_is_no_part_of_the_prompt():
    assert not copy_events(torch.tensor([0.0, 0.1, 0.9]), torch.tensor([5, 6]), 6, 1, 2)


@pytest.mark.parametrize(("start", "end", "topk"), [(2, 2, 1), (-1, 1, 1), (0, 9, 1), (0, 1, 0), (0, 1, 4)])
def test_impossible_spans_are_refused(start, end, topk):
    with pytest.raises(InvalidInputError):
        copy_events(torch.ones(3), torch.tensor([1, 2, 3]), 1, start, end, topk)


# Scores, against a slow twin


def slow_scores(lm, sample, max_new_tokens, unique, topk):
    """Score by whole passes with full attention matrices, head by head."""
    from reprise.language.attention import implemented

    ids = list(sample.ids)
    counts = np.zeros((lm.n_layers, lm.n_heads))
    copied = {}
    for _ in range(max_new_tokens):
        with implemented(lm.model, "eager"), torch.no_grad():
            output = lm.model(torch.tensor([ids]), output_attentions=True)
        token = int(output.logits[0, -1].argmax())
        for layer in range(lm.n_layers):
            for head in range(lm.n_heads):
                row = output.attentions[layer][0, head, -1]
                for j in row.topk(topk).indices.tolist():
                    if sample.start <= j < sample.end and sample.ids[j] == token:
                        counts[layer, head] += 1
                        copied.setdefault((layer, head), set()).add(token)
                        break
        ids.append(token)
        if token == lm.model.generation_config.eos_token_id:
            break
    if unique:
        for (layer, head), tokens in copied.items():
            counts[layer, head] = len(tokens)
        return counts / len(set(sample.answer_ids))
    return counts / (sample.end - sample.start)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "neox"])
@pytest.mark.parametrize(("unique", "topk"), [(False, 1), (True, 1), (False, 3)])
def test_scores_equal_those_of_whole_passes(make_tiny, kind, unique, topk):
    lm = LanguageModel(make_tiny(kind).model, tiny_language_model("answer")[1])
    rng = np.random.default_rng(0)
    samples = []
    for n in (30, 12, 25):
        ids = rng.integers(2, 61, size=n).tolist()
        # What the model is going to say stands in the span, so that chance attention copies something.
        likely = [token for token in lm.generate([ids], 4)[0] if token != 1]
        ids[3 : 3 + 2 * len(likely)] = likely * 2
        samples.append(hidden(ids[:n], 2, n - 1))
    found = retrieval_scores(lm, samples, max_new_tokens=8, min_recall=-1, unique=unique, topk=topk, batch_size=2)
    expected = np.stack([slow_scores(lm, sample, 8, unique, topk) for sample in samples])
    np.testing.assert_allclose(found.sample_scores, expected, atol=1e-6)
    lengths = np.array([[sample.end - sample.start] for sample in samples])
    assert found.sample_scores.max() > 0
    assert (found.sample_scores.reshape(3, -1) * lengths).max() <= 8, "one event a step at most"
    if unique:
        assert found.sample_scores.max() <= 1


# A model that copies because it was built to


SHARP = 100.0


def induction_model(tokenizer):
    """Build a GPT-2 of two layers and two heads whose only working parts are an induction circuit.

    The residual stream holds the token, the position and the previous token, each as one-hot coordinates. Head 0 of
    layer 0 looks one position back and notes the token there; head 0 of layer 1 looks for a place whose previous token
    is the present one, and writes the token of that place. The other two heads look at the first position, and write
    nothing.
    """
    vocabulary, positions = len(tokenizer), 128
    width = 2 * vocabulary + positions
    width += width % 2
    token, position = slice(0, vocabulary), slice(vocabulary, vocabulary + positions)
    previous = slice(vocabulary + positions, 2 * vocabulary + positions)
    config = transformers.GPT2Config(
        vocab_size=vocabulary,
        n_positions=positions,
        n_embd=width,
        n_layer=2,
        n_head=2,
        bos_token_id=None,
        eos_token_id=None,
        tie_word_embeddings=False,
    )
    model = transformers.GPT2LMHeadModel(config)
    half = width // 2
    one = torch.eye(max(vocabulary, positions))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "ln_" not in name:
                parameter.zero_()
        model.transformer.wte.weight[:, token] = one[:vocabulary, :vocabulary]
        model.transformer.wpe.weight[:, position] = one[:positions, :positions]
        model.lm_head.weight[:, token] = one[:vocabulary, :vocabulary]
        first, second = (block.attn for block in model.transformer.h)
        for attention in (first, second):  # head 1: every query asks for the first position
            attention.c_attn.bias[half] = SHARP
            attention.c_attn.weight[position.start, width + half] = SHARP
        back = torch.zeros(positions, positions)
        back[range(1, positions), range(positions - 1)] = SHARP
        first.c_attn.weight[position, :positions] = back
        first.c_attn.weight[position, width : width + positions] = one[:positions, :positions]
        second.c_attn.weight[token, :vocabulary] = SHARP * one[:vocabulary, :vocabulary]
        second.c_attn.weight[previous, width : width + vocabulary] = one[:vocabulary, :vocabulary]
        for attention, target, strength in ((first, previous, 1.0), (second, token, 10.0)):
            attention.c_attn.weight[token, 2 * width : 2 * width + vocabulary] = one[:vocabulary, :vocabulary]
            attention.c_proj.weight[:vocabulary, target] = strength * one[:vocabulary, :vocabulary]
    return LanguageModel(model, tokenizer)


@pytest.fixture(scope="module")
def copying():
    story = "the sun rose . a dog ran by . rain fell on the hill . nobody saw the boat . it was late ."
    needle = Needle("what hides", "treasure under old green stones .", "under old green stones", prefix="treasure")
    words = f"{story} {needle.needle} Based on the content of the book, Question: what hides Answer"
    return induction_model(tiny_language_model(words)[1]), NeedleTask(story, [needle])


@pytest.mark.parametrize("unique", [False, True])
def test_the_head_that_copies_scores_one_and_no_other_anything(copying, unique):
    lm, task = copying
    samples = task.grid(lm.tokenizer, [12, 20, 24], [0, 0.5, 1])
    found = retrieval_scores(lm, samples, max_new_tokens=4, unique=unique)
    assert found.responses == ("under old green stones",) * 9
    assert found.scores.tolist() == [[0, 0], [1, 0]]
    assert found.frequency.tolist() == [[0, 0], [1, 0]]
    assert found.top(1) == [(1, 0)]
    assert found.sparsity() == 1 / 4
    assert found.silent() == 3 / 4


@pytest.mark.parametrize("mode", ["zero", "uniform"])
def test_masking_the_head_that_copies_and_only_it_loses_the_needle(copying, mode):
    lm, task = copying
    samples = task.grid(lm.tokenizer, [20], [0.2, 0.8])
    masks = {"none": [], "copying": [(1, 0)], "other": [(1, 1)]}
    found = masking_test(lm, samples, masks, mode=mode, max_new_tokens=4)
    assert found["none"].recalls.tolist() == found["other"].recalls.tolist() == [1, 1]
    assert found["copying"].recalls.max() < 0.5
    assert (found["copying"].log_probs < found["none"].log_probs - 1).all()
    with mask_heads(lm, [(1, 0)], mode):
        assert needle_recall(lm, samples, max_new_tokens=4) == found["copying"].recalls.mean()
    assert needle_recall(lm, samples, max_new_tokens=4) == 1


def test_forced_log_probs_are_the_models_own(copying):
    lm, task = copying
    samples = task.grid(lm.tokenizer, [20, 12], [0.2])
    found = evaluate_needles(lm, samples, max_new_tokens=3)
    for sample, log_prob in zip(samples, found.log_probs, strict=True):
        whole = lm.logits([[*sample.ids, *sample.answer_ids]])[0].log_softmax(-1)
        steps = range(len(sample.ids) - 1, len(sample.ids) + len(sample.answer_ids) - 1)
        assert log_prob == pytest.approx(float(whole[steps, list(sample.answer_ids)].mean()), abs=1e-5)


def test_nothing_found_says_the_recalls(copying):
    lm, task = copying
    samples = task.grid(lm.tokenizer, [20], [0.2, 0.8])
    with mask_heads(lm, [(1, 0)]), pytest.raises(NothingRetrievedError, match=r"recalls are 0\.\d\d, 0\.\d\d") as error:
        retrieval_scores(lm, samples, max_new_tokens=4)
    assert isinstance(error.value, RuntimeError)


# Prompts


def byte_level():
    from tokenizers import ByteLevelBPETokenizer

    made = ByteLevelBPETokenizer()
    made.train_from_iterator(load_descriptions().values(), vocab_size=400, show_progress=False)
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made._tokenizer, bos_token="<s>")


def sentence_piece():
    from tokenizers import SentencePieceBPETokenizer

    made = SentencePieceBPETokenizer()
    alphabet = [f"{needle.question}\n{needle.needle}" for needle in load_needles("pilot")]
    made.train_from_iterator([*load_descriptions().values(), *alphabet], vocab_size=400, show_progress=False)
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made._tokenizer, unk_token="<unk>")


TEMPLATE = "{% for message in messages %}[{{ message['role'] }}] {{ message['content'] }} {% endfor %}[assistant] "


@pytest.fixture(scope="module", params=["bytes", "pieces", "chat"])
def tokenizer(request):
    made = sentence_piece() if request.param == "pieces" else byte_level()
    if request.param == "chat":
        made.chat_template = TEMPLATE
    return made


@pytest.fixture(scope="module")
def task():
    needles = [Needle(n.question, n.needle, n.answer, n.prefix, n.name) for n in load_needles("pilot")]
    return NeedleTask(" ".join(load_descriptions().values()), needles)


@settings(max_examples=20, deadline=None)
@given(
    length=st.integers(80, 400), depth=st.floats(0, 1), needle=st.integers(0, 7), skip=st.sampled_from([0.0, 0.2, 0.4])
)
def test_the_span_is_the_answer_and_nothing_else(tokenizer, task, length, depth, needle, skip):
    sample = task.build(tokenizer, length, depth, needle=needle, skip=skip)
    hidden_needle = task.needles[needle]
    assert tokenizer.decode(sample.answer_ids).strip() == hidden_needle.answer
    text = tokenizer.decode(sample.ids)
    assert hidden_needle.needle in text
    assert hidden_needle.question in text
    assert text.strip().endswith(hidden_needle.prefix)
    before = text[: text.index(hidden_needle.needle)].rstrip()
    if depth < 1 and before not in ("", "[user] <book>"):
        assert before[-1] in ".!?\"')]", "the needle stands between sentences"


def test_depths_and_lengths_are_what_was_asked(tokenizer, task):
    bare = len(task.build(tokenizer, 100, 0).ids) - 100
    samples = [task.build(tokenizer, 300, depth) for depth in (0, 0.25, 0.5, 0.75, 1)]
    assert {len(sample.ids) - bare for sample in samples} == {300}
    starts = [sample.start for sample in samples]
    assert starts == sorted(starts)
    assert len(set(starts)) > 3
    needle = task.needles[0].needle
    assert tokenizer.decode(samples[0].ids).partition(needle)[0].endswith(("<book> ", "<s> ", "")), "first"
    after = tokenizer.decode(samples[-1].ids).partition(needle)[2]
    assert after.removeprefix("</book>").strip().startswith("Based on the content"), "last"
    longest = max(len(tokenizer.encode(sentence, add_special_tokens=False)) for sentence in task.sentences)
    for sample in samples[1:-1]:
        assert sample.depth * 300 - 60 - longest <= sample.start - samples[0].start <= sample.depth * 300


def test_chat_and_plain_prompts(task):
    tokenizer = byte_level()
    plain = tokenizer.decode(task.build(tokenizer, 100, 0.5).ids)
    assert "<book>" not in plain
    tokenizer.chat_template = TEMPLATE
    chat = tokenizer.decode(task.build(tokenizer, 100, 0.5).ids)
    assert chat.startswith("[user] <book>")
    assert f"[assistant] {task.needles[0].prefix}" in chat
    forced_plain = NeedleTask(task.haystack, task.needles, template="plain")
    assert tokenizer.decode(forced_plain.build(tokenizer, 100, 0.5).ids) == plain


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda t, n: Needle("", "a b", "b"), "empty"),
        (lambda t, n: Needle("q", "a b", "c"), "does not stand in"),
        (lambda t, n: Needle("q", "a b", "b "), "does not stand in"),
        (lambda t, n: NeedleTask("text", []), "at least one needle"),
        (lambda t, n: NeedleTask("  ", n), "empty"),
        (lambda t, n: NeedleTask("text", n, template="poem"), "'poem'"),
        (lambda t, n: NeedleTask("text", n).build(t, 5, 0.5), "does not fit into a length of 5"),
        (lambda t, n: NeedleTask("text", n).build(t, 500, 0.5), "are needed around"),
        (lambda t, n: NeedleTask("text", n).build(t, 50, 1.5), "`depth`"),
        (lambda t, n: NeedleTask("text", n).build(t, 50, 0.5, skip=1), "`skip`"),
        (lambda t, n: NeedleTask("text" * 90, n, template="chat").build(t, 90, 0.5), "no chat template"),
    ],
)
def test_impossible_tasks_are_refused(task, make, message):
    with pytest.raises(InvalidInputError, match=message):
        make(byte_level(), task.needles)


def test_scores_need_samples_that_fit(llama):
    with pytest.raises(InvalidInputError, match="no samples"):
        retrieval_scores(llama, [])
    with pytest.raises(InvalidInputError, match="batch size"):
        retrieval_scores(llama, [hidden([3, 4], 0, 1)], batch_size=0)
    with pytest.raises(InvalidInputError, match="context of 64"):
        retrieval_scores(llama, [hidden([3] * 65, 0, 1)])
    with pytest.raises(InvalidInputError, match="Layer 3"), mask_heads(llama, [(3, 0)]):
        pass


# Results


def test_results_average_what_was_kept():
    found = result([[[0.2, 0.0], [0.4, 0]], [[0.0, 0.0], [0.8, 0]], [[1, 1], [1, 1]]], recalls=[0.9, 0.6, 0.5])
    assert found.n_kept == 2
    np.testing.assert_allclose(found.scores, [[0.1, 0], [0.6, 0]])
    np.testing.assert_allclose(found.frequency, [[0.5, 0], [1, 0]])
    assert found.top(4) == [(1, 0), (0, 0), (0, 1), (1, 1)]
    assert found.sparsity() == 0.5
    assert found.sparsity(0.5) == 0.25
    assert found.silent() == 0.5
    assert found.subset([1]).scores.tolist() == [[0, 0], [0.8, 0]]


def test_agreement_of_two_results():
    one = result(np.arange(12.0).reshape(1, 3, 4))
    other = result(12 - np.arange(12.0).reshape(1, 3, 4))
    assert one.rank_correlation(one) == pytest.approx(1)
    assert one.rank_correlation(other) == pytest.approx(-1)
    assert one.overlap(one, 5) == 1
    assert one.overlap(other, 5) == 0
    with pytest.raises(InvalidInputError, match="must agree"):
        one.rank_correlation(result(np.ones((1, 2, 2))))
    with pytest.raises(InvalidInputError, match="12 heads"):
        one.top(13)


def test_control_heads_are_no_retrieval_heads_and_depend_on_the_seed_alone():
    scores = np.zeros((1, 5, 20))
    scores[0, 2, :7] = 0.2
    scores[0, 3, :6] = 0.05
    found = result(scores)
    drawn = found.others(40, np.random.default_rng(0))
    assert drawn == found.others(40, np.random.default_rng(0))
    assert len(set(drawn)) == 40
    assert not set(drawn) & set(found.top(10)), "the strongest tenth is spared"
    assert not set(found.others(93, np.random.default_rng(0), spare=0)) & {(2, head) for head in range(7)}
    with pytest.raises(InvalidInputError, match="Only 90"):
        found.others(91, np.random.default_rng(0))


# Answers


@pytest.mark.parametrize(
    ("reference", "response", "recall"),
    [
        ("take a walk", "Take a WALK, please!", 1),
        ("a a b", "a b b", 2 / 3),
        ("the cat sat", "", 0),
        ("", "anything", 0),
        ("can't ride", "can t ride", 1),
        ("Élan vital", "élan", 0.5),
    ],
)
def test_rouge_recall_by_hand(reference, response, recall):
    assert rouge1_recall(reference, response) == pytest.approx(recall)


@given(st.text(alphabet="ab cd", max_size=30), st.text(alphabet="ab cd", max_size=30))
def test_rouge_recall_is_a_share_that_more_text_never_lowers(reference, response):
    recall = rouge1_recall(reference, response)
    assert 0 <= recall <= 1
    assert rouge1_recall(reference, f"{response} a") >= recall
    if reference.split():
        assert rouge1_recall(reference, reference) == 1


def test_extractive_f1_by_hand():
    assert _f1("the red house", "A red house") == 1
    assert _f1("red house", "house on a hill") == pytest.approx(2 * 1 / (2 + 3))
    assert _f1("red", "blue") == 0


@pytest.mark.parametrize(
    ("right", "response", "agrees"),
    [
        ("12", "First 7, then 5. The answer is 12.", True),
        ("1200", "The answer is: 1,200", True),
        ("12", "The answer is 13", False),
        ("12", "12 or 13", False),
        ("B", "The answer is B.", True),
        ("B", "b", True),
        ("B", "A or B", False),
        ("3.5", "So the answer is 3.50", True),
    ],
)
def test_stated_answers_are_compared(right, response, agrees):
    assert _agrees(right, response) is agrees


def test_questions_are_put_to_the_model_with_and_without_reasoning(copying):
    lm, _ = copying
    seen = []

    class Listening(LanguageModel):
        def generate(self, inputs, max_new_tokens, *, stop=None):
            seen.append(([self.decode(ids) for ids in inputs], max_new_tokens))
            return [self.encode("stones")] * len(inputs)

    listening = Listening(lm.model, lm.tokenizer)
    passages = [Passage("under stones", "what hides", ("old green stones", "stones")), Passage("sun", "what", ("sun",))]
    assert extractive_f1(listening, passages).tolist() == [1, 0]
    problems = [Problem("what hides", "stones"), Problem("what", "sun")]
    for chain_of_thought in (False, True):
        assert problem_accuracy(listening, problems, chain_of_thought=chain_of_thought).tolist() == [1, 0]
    assert [longest for _, longest in seen] == [50, 16, 256]
    with pytest.raises(InvalidInputError, match="no questions"):
        extractive_f1(listening, [])


# The real model


def test_the_real_models_heads_are_few_and_needed(smollm2, task):
    samples = [task.build(smollm2.tokenizer, 130, 0.5, needle=needle) for needle in (0, 1, 2, 3)]
    for sample in samples:
        assert smollm2.decode(sample.answer_ids).strip() == sample.answer
    found = retrieval_scores(smollm2, samples[:2], max_new_tokens=14)
    assert found.n_kept == 2
    assert found.scores.max() > 0.5
    assert found.silent() > 0.5
    masks = {"none": [], "top": found.top(5), "others": found.others(5, np.random.default_rng(0))}
    masked = masking_test(smollm2, samples[2:], masks, max_new_tokens=1)
    means = {name: evaluation.log_probs.mean() for name, evaluation in masked.items()}
    assert means["top"] < means["others"] - 0.5
    assert means["others"] > means["none"] - 0.5
