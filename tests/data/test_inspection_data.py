"""The small tables of our own that `reprise inspect` measures with."""

from reprise.data.contrasts import load_contrasts
from reprise.data.parallel_words import load_parallel_words
from reprise.data.timeline import load_timeline


def test_the_timeline_names_each_once_and_gives_no_year_away():
    rows = load_timeline()
    assert len({row.name for row in rows}) == len(rows)
    assert all(1400 <= row.year <= 2020 for row in rows)
    assert not any(character.isdigit() for row in rows for character in row.name.replace("September 11", ""))
    counts = {kind: sum(row.kind == kind for row in rows) for kind in ("person", "event")}
    assert min(counts.values()) > 50
    assert sum(counts.values()) == len(rows)


def test_contrasts_share_nothing_between_finding_and_measuring():
    for contrast in load_contrasts():
        assert len(contrast.first) == len(contrast.second) >= 16
        assert len(contrast.pilot) >= 8
        assert len(contrast.choices) >= 16
        asked = [choice.prompt for choice in (*contrast.pilot, *contrast.choices)]
        assert len(set(asked)) == len(asked)
        continuations = {text for choice in (*contrast.pilot, *contrast.choices) for text in choice[1:]}
        assert not continuations & {*contrast.first, *contrast.second}
        assert all(choice.first != choice.second for choice in (*contrast.pilot, *contrast.choices))
        assert len({*contrast.first, *contrast.second}) == 2 * len(contrast.first)


def test_parallel_words_differ_between_languages_and_concepts():
    words = load_parallel_words()
    assert set(words) == {"en", "fr", "de"}
    assert len({len(column) for column in words.values()}) == 1
    for column in words.values():
        assert len(set(column)) == len(column) >= 100
        assert all(word == word.strip() and " " not in word for word in column)
    for concept in zip(*words.values(), strict=True):
        assert len({word.lower() for word in concept}) == 3
