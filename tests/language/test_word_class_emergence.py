import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from reprise.claims.language._word_class_emergence.reading import streams
from reprise.claims.language._word_class_emergence.texts import PILOT_SEEDS, split
from reprise.data.brown import TAGGED_BROWN, load_tagged_brown
from reprise.data.simulators.word_grammar import grammar_texts
from reprise.errors import InvalidInputError
from reprise.language import LanguageModel
from reprise.language.word_class_emergence import (
    NextWordModel,
    Vocabulary,
    balanced_sample,
    class_map,
    gdv,
    gdv_profile,
    matched_sample,
    train_next_word,
    word_windows,
)
from reprise.models.tiny import tiny_language_model

CELLS = ["lstm", "gru", "transformer"]


@pytest.fixture
def small():
    def build(cell="lstm", **settings):
        return NextWordModel(
            **{"vocab_size": 30, "embedding_dim": 8, "hidden": (16, 12), "dense": 10} | settings, cell=cell
        )

    return build


@pytest.fixture(scope="module")
def texts():
    return grammar_texts(20, 300, np.random.default_rng(0), classes=4, words=10)


# Windows and samples


def test_windows_stay_in_their_documents():
    rng = np.random.default_rng(0)
    documents = [rng.integers(50, size=length) for length in (30, 4, 9, 10, 17)]
    tags = [[f"{i}" for i in range(len(document))] for document in documents]
    windows = word_windows(documents, tags)
    assert len(windows.ids) == sum(max(0, len(document) - 9) for document in documents)
    place = 0
    for number, document in enumerate(documents):
        for start in range(len(document) - 9):
            assert windows.ids[place].tolist() == document[start : start + 9].tolist()
            assert windows.next_id[place] == document[start + 9]
            assert (windows.last_tag[place], windows.next_tag[place]) == (str(start + 8), str(start + 9))
            assert windows.document[place] == number
            place += 1
    assert windows.take(windows.document == 4).ids.shape == (8, 9)
    assert set(word_windows(documents).next_tag) == {""}


@pytest.mark.parametrize(
    ("documents", "tags", "message"),
    [
        ([[1, 2]], None, "No document has the 10 words"),
        ([], None, "No document"),
        ([[1] * 12], [["A"] * 11], "Document 0 has 12 words but 11 classes"),
        ([[1] * 12], [], "1 documents and classes of 0"),
        ([[0.5] * 12], None, "float64"),
        ([[-1] * 12], None, "from 0 on"),
    ],
)
def test_bad_documents_are_named(documents, tags, message):
    with pytest.raises(InvalidInputError, match=message):
        word_windows(documents, tags)


def test_the_vocabulary_is_ranked_and_closed():
    vocabulary = Vocabulary.of_documents([["b", "A", "a", "c", "B", "a"]])
    assert vocabulary.words == ("a", "b", "c")
    assert vocabulary.encode(["C", "d", "A"]).tolist() == [2, 3, 0]
    assert vocabulary.encode([]).shape == (0,)
    assert Vocabulary.of_documents([["b", "a", "a"]], size=2).encode(["b", "a"]).tolist() == [1, 0]
    with pytest.raises(InvalidInputError, match="no word"):
        Vocabulary.of_documents([[]])
    with pytest.raises(InvalidInputError, match="at least 2"):
        Vocabulary.of_documents([["a"]], size=1)


def test_samples_are_balanced_and_limit_words():
    rng = np.random.default_rng(1)
    labels, words = rng.choice(["A", "B", "C"], 900), rng.geometric(0.3, 900)
    chosen = balanced_sample(labels, 12, classes=("A", "C"), words=words, max_per_word=3)
    assert len(set(chosen)) == 24
    assert [(labels[chosen] == name).sum() for name in "ABC"] == [12, 0, 12]
    for name in "AC":
        assert np.unique(words[chosen][labels[chosen] == name], return_counts=True)[1].max() <= 3
    assert np.array_equal(chosen, balanced_sample(labels, 12, classes=("A", "C"), words=words, max_per_word=3))
    with pytest.raises(InvalidInputError, match=r"Class B has \d+ windows with at most 1"):
        balanced_sample(labels, 100, classes=("B",), words=words, max_per_word=1)
    with pytest.raises(InvalidInputError, match="give `words`"):
        balanced_sample(labels, 2, max_per_word=1)


def test_matched_samples_hide_the_class_from_the_stratum():
    rng = np.random.default_rng(2)
    strata = rng.integers(3, size=600)
    labels = np.where(rng.random(600) < 0.2 + 0.3 * strata, "A", "B")
    chosen = matched_sample(labels, strata)
    for stratum in range(3):
        inside = labels[chosen][strata[chosen] == stratum]
        assert (inside == "A").sum() == (inside == "B").sum() > 0
    limited = matched_sample(labels, strata, max_per_stratum=5)
    assert len(limited) == 3 * 2 * 5
    with pytest.raises(InvalidInputError, match="No stratum"):
        matched_sample(["A", "B"], [0, 1])
    with pytest.raises(InvalidInputError, match="shape"):
        matched_sample(["A", "B"], [0])


# The network


@pytest.mark.parametrize("cell", CELLS)
def test_layers_end_in_what_forward_gives(cell, small):
    model = small(cell)
    ids = torch.randint(30, (7, 9), generator=torch.Generator().manual_seed(0))
    layers = model.activations(ids, batch_size=3)
    assert tuple(layers) == model.layer_names == ("embedding", f"{cell}1", f"{cell}2", "dense", "logits")
    assert [value.shape[1] for value in layers.values()] == [72, 16, 12, 10, 30]
    torch.testing.assert_close(torch.from_numpy(layers["logits"]), model(ids).detach())
    assert (layers["dense"] >= 0).all()
    assert model.training


@pytest.mark.parametrize("cell", CELLS)
def test_no_layer_sees_words_after_the_window(cell, small):
    rng = np.random.default_rng(3)
    document = rng.integers(30, size=40)
    changed = document.copy()
    changed[20:] = (changed[20:] + 1) % 30
    before, after = (small(cell).activations(word_windows([text]).ids[:12]) for text in (document, changed))
    for layer in before:
        np.testing.assert_array_equal(before[layer][:12], after[layer][:12])
    assert not np.array_equal(
        small(cell).activations(word_windows([document]).ids)["dense"][12:],
        small(cell).activations(word_windows([changed]).ids)["dense"][12:],
    )


def test_attention_looks_backwards_only(small):
    model = small("transformer")
    ids = torch.randint(30, (2, 9), generator=torch.Generator().manual_seed(1))
    changed = ids.clone()
    changed[:, 6:] = (changed[:, 6:] + 1) % 30
    first, second = (model.layers[1](model.layers[0](model.embedding(window))) for window in (ids, changed))
    torch.testing.assert_close(first[:, :6], second[:, :6])
    assert not torch.allclose(first[:, 6:], second[:, 6:])


@pytest.mark.parametrize("cell", CELLS)
def test_first_weights_depend_on_the_seed_alone(cell, small):
    ids = np.zeros((1, 9), dtype=int)
    torch.manual_seed(5)
    first = small(cell, seed=1).activations(ids)["logits"]
    assert torch.initial_seed() == 5
    assert np.array_equal(first, small(cell, seed=1).activations(ids)["logits"])
    assert not np.array_equal(first, small(cell, seed=2).activations(ids)["logits"])
    other = small(cell, seed=2)
    other.load_state_dict(small(cell, seed=1).state_dict())
    assert np.array_equal(first, other.activations(ids)["logits"])


def test_given_word_vectors_are_kept(small):
    vectors = torch.randn(30, 5, generator=torch.Generator().manual_seed(0))
    model = small(pretrained=vectors)
    assert not model.embedding.weight.requires_grad
    train_next_word([[*range(30)]] * 2, model, epochs=1, val=0)
    torch.testing.assert_close(model.embedding.weight, vectors)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cell": "rnn"}, "'rnn'; one of lstm"),
        ({"hidden": ()}, "one hidden layer"),
        ({"dense": 0}, "at least 1"),
        ({"cell": "transformer", "hidden": (10,)}, "4 heads"),
        ({"pretrained": torch.zeros(3, 5)}, "one vector for each of 30"),
    ],
)
def test_impossible_networks_are_named(settings, message, small):
    with pytest.raises(InvalidInputError, match=message):
        small(**settings)


@pytest.mark.parametrize(
    "ids", [np.zeros((2, 8), int), np.zeros((0, 9), int), np.full((2, 9), 30), np.full((2, 9), -1)]
)
def test_bad_windows_are_named(ids, small):
    with pytest.raises(InvalidInputError, match=r"expected|0\.\.29"):
        small().activations(ids)


# Training


@pytest.mark.parametrize("cell", CELLS)
def test_classes_emerge(cell, texts):
    """The grammar's classes, which training never sees, separate on unseen texts, more than before training."""
    vocabulary = Vocabulary.of_documents(words for words, _ in texts[:15])
    windows = word_windows([vocabulary.encode(words) for words, _ in texts[15:]], [tags for _, tags in texts[15:]])
    chosen = balanced_sample(windows.next_tag, 50)
    labels, model = windows.next_tag[chosen], NextWordModel(len(vocabulary), 16, (24, 24), 24, cell=cell)
    before = gdv_profile(model.activations(windows.ids[chosen]), labels, n_permutations=0).set_index("layer")
    documents = [vocabulary.encode(words) for words, _ in texts[:15]]
    history = train_next_word(documents, model, epochs=2, batch_size=32, lr=1e-2, val=0.1)
    after = gdv_profile(model.activations(windows.ids[chosen]), labels, n_permutations=20).set_index("layer")
    assert min(history["val_loss"]) < np.log(len(vocabulary)) - 0.5
    assert after["gdv"]["dense"] < before["gdv"]["dense"] - 0.02
    assert after["gdv"]["dense"] < after["gdv"]["embedding"] - 0.02
    assert after["z"]["dense"] < -10


def test_training_depends_on_the_seed_alone(small):
    documents = [np.random.default_rng(4).integers(30, size=60) for _ in range(4)]
    weights = []
    for seed in (0, 0, 1):
        model = small()
        history = train_next_word(documents, model, epochs=2, random_state=seed, max_windows=50)
        weights.append(model.output.weight.detach().clone())
    assert set(history.last) >= {"loss", "val_loss"}
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize(
    ("documents", "settings", "message"),
    [
        ([[1] * 20], {}, "cannot be split"),
        ([[1] * 20] * 3, {"val": 1.0}, "val is 1.0"),
        ([[40] * 20] * 3, {}, "Word number 40 is outside"),
        ([[1] * 5] * 3, {}, "No document"),
    ],
)
def test_impossible_trainings_are_named(documents, settings, message, small):
    with pytest.raises(InvalidInputError, match=message):
        train_next_word(documents, small(), **settings)


# The map


def test_the_map_keeps_two_clusters_apart():
    rng = np.random.default_rng(6)
    y = np.arange(60) % 2
    X = rng.normal(size=(60, 10)) + 4 * y[:, None]
    plane = class_map(X)
    assert plane.shape == (60, 2)
    assert gdv(plane, y) < -0.5 * abs(gdv(X, y))
    assert adjusted_rand_score(y, KMeans(2, n_init=5, random_state=0).fit_predict(plane)) == 1
    np.testing.assert_array_equal(plane, class_map(X))
    assert class_map(rng.normal(size=(5, 1))).shape == (5, 2)


@pytest.mark.parametrize("X", [np.zeros((5, 2)), np.eye(2), np.full((5, 2), np.nan), np.ones(5)])
def test_a_map_of_nothing_is_refused(X):
    with pytest.raises(InvalidInputError, match="expected"):
        class_map(X)


# Parts of the claim


def test_pilots_and_other_seeds_read_different_documents(texts):
    documents = [([f"w{number}"] * 12, ["A"] * 12) for number in range(40)]
    read = {}
    for seed in (0, 1, PILOT_SEEDS):
        corpus = split(documents, seed, held_out=5, vocabulary_size=100)
        read[seed] = set(corpus.unseen.words)
        assert len(read[seed]) == 5
        assert not read[seed] & set(corpus.seen.words)
        assert set(corpus.unseen.codes) == {corpus.vocabulary_size - 1}  # no word of them was trained on
    assert not (read[0] | read[1]) & read[PILOT_SEEDS]
    assert read[0] != read[1]


def test_streams_of_a_language_model_are_read_at_the_last_word():
    model = LanguageModel(*tiny_language_model("the sun rose and rain fell ."))
    states = streams(model, [["the", "sun", "rose", "."], ["rain", "fell"]])
    assert list(states) == [0, 1, 2]
    expected = model.residuals(["rain fell"], positions=-1)[0, :, 0].numpy()
    np.testing.assert_allclose(np.stack([states[stream][1] for stream in states]), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(not TAGGED_BROWN.here(), reason=TAGGED_BROWN.obtain)
def test_brown_gives_windows_of_every_class():
    texts = load_tagged_brown(["humor", "science_fiction"])
    words, tags = ([[pair[i] for sentence in text for pair in sentence] for text in texts.values()] for i in (0, 1))
    vocabulary = Vocabulary.of_documents(words, 500)
    windows = word_windows([vocabulary.encode(text) for text in words], tags)
    assert len(windows.ids) == sum(map(len, words)) - 9 * len(words)
    chosen = balanced_sample(windows.next_tag, 40, classes=("NOUN", "VERB", "ADJ", "ADP", "DET"))
    untrained = NextWordModel(500, 8, (16,), 16).activations(windows.ids[chosen])
    assert abs(gdv(untrained["dense"], windows.next_tag[chosen])) < 0.03
