import json

import pytest

from reprise.data.needles import NEEDLES, load_needles, load_published_needles
from reprise.errors import DamagedFileError, InvalidInputError, MissingDataError


@pytest.mark.parametrize(("collection", "count"), [("ledger", 16), ("pilot", 8)])
def test_our_needles_are_whole(collection, count):
    needles = load_needles(collection)
    assert len(needles) == count == len({needle.name for needle in needles})
    for needle in needles:
        assert needle.needle == f"{needle.prefix} {needle.answer}."
        assert needle.question.endswith("?")
        # The question must not give the answer away.
        asked = set(needle.question.lower().strip("?").split())
        told = [word for word in needle.answer.lower().split() if word in asked]
        assert len(told) <= len(needle.answer.split()) / 4, told


def test_the_pilot_shares_nothing_with_the_ledger():
    ledger, pilot = load_needles("ledger"), load_needles("pilot")
    for field in ("name", "question", "needle", "answer"):
        assert not {getattr(n, field) for n in ledger} & {getattr(n, field) for n in pilot}


def test_an_unknown_collection_is_refused():
    with pytest.raises(InvalidInputError, match="'test'"):
        load_needles("test")


@pytest.mark.skipif(not NEEDLES.here(), reason=NEEDLES.obtain)
def test_published_needles_contain_their_answers():
    needles = load_published_needles()
    assert len(needles) == 3
    for needle in needles:
        assert needle.answer in needle.needle
        assert needle.needle.startswith(needle.prefix)
    assert needles[1].prefix == "The best thing to do in Beijing is to"


def test_a_damaged_file_names_its_line(monkeypatch, tmp_path):
    monkeypatch.setenv("REPRISE_DATA", str(tmp_path))
    folder = tmp_path / "needles"
    folder.mkdir()
    row = {"question": "Q?", "needle": "It is Red.", "real_needle": "red"}
    (folder / "needles.jsonl").write_text(json.dumps(row))
    assert load_published_needles()[0][2:] == ("It is Red.", "Red", "It is")
    for wrong in ('{"question": 1}', "no json", json.dumps(row | {"real_needle": "blue"})):
        (folder / "needles.jsonl").write_text(f"{json.dumps(row)}\n{wrong}\n")
        with pytest.raises(DamagedFileError, match="line 2"):
            load_published_needles()


def test_missing_needles_say_what_would_bring_them(monkeypatch, tmp_path):
    monkeypatch.setenv("REPRISE_DATA", str(tmp_path))
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path))
    monkeypatch.setattr("pooch.retrieve", _no_network)
    with pytest.raises(MissingDataError, match="REPRISE_DATA"):
        load_published_needles()


def _no_network(*args, **kwargs):
    raise OSError("no network")
