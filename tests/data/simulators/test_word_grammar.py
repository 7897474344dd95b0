import numpy as np
import pytest

from reprise.data.simulators.word_grammar import grammar_texts
from reprise.errors import InvalidInputError


@pytest.fixture(scope="module")
def texts():
    return grammar_texts(50, 2000, np.random.default_rng(0), classes=4, words=20)


def test_words_belong_to_their_classes(texts):
    for words, classes in texts:
        assert len(words) == len(classes) == 2000
        assert [word[0].upper() for word in words] == classes


def test_words_are_as_frequent_as_their_rank_says(texts):
    ranks = np.array([int(word[1:]) for words, _ in texts for word in words])
    expected = 1 / np.arange(1, 21) / (1 / np.arange(1, 21)).sum()
    assert np.bincount(ranks, minlength=20) / len(ranks) == pytest.approx(expected, abs=0.005)


def test_two_words_say_more_of_the_next_class_than_one(texts):
    classes = np.array([[ord(name) - ord("A") for name in names] for _, names in texts])
    counts = np.zeros((4, 4, 4))
    np.add.at(counts, (classes[:, :-2], classes[:, 1:-1], classes[:, 2:]), 1)
    one, two = counts.sum(axis=0).max(axis=-1).sum(), counts.max(axis=-1).sum()
    assert two > one + 0.05 * counts.sum()
    assert one > 0.3 * counts.sum()


def test_the_seed_decides():
    first, again, other = (grammar_texts(2, 30, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize("wrong", [{"documents": 0}, {"length": 0}, {"words": 0}, {"classes": 1}, {"classes": 27}])
def test_impossible_numbers_are_named(wrong):
    settings = {"documents": 1, "length": 5, "classes": 3, "words": 4} | wrong
    with pytest.raises(InvalidInputError, match="were asked for"):
        grammar_texts(settings.pop("documents"), settings.pop("length"), np.random.default_rng(0), **settings)
