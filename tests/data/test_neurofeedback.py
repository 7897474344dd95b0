import json

import pytest

from reprise.data.neurofeedback import NEUROFEEDBACK, load_emotions, load_statements
from reprise.errors import DamagedFileError, InvalidInputError


@pytest.mark.skipif(not NEUROFEEDBACK.here(), reason=NEUROFEEDBACK.obtain)
def test_the_files_as_they_are():
    sentences, labels = load_emotions()
    assert (len(sentences), sum(labels)) == (1489, 740)
    assert len(set(sentences)) == len(sentences)
    assert all(sentence == sentence.strip() for sentence in sentences)
    statements = load_statements()
    assert (len(statements.sentences), sum(statements.labels)) == (3079, 1539)
    assert len(load_statements(["facts"]).sentences) < len(statements.sentences)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("REPRISE_DATA", str(tmp_path))
    place = tmp_path / "neurofeedback"
    place.mkdir()
    return place


def test_doubles_are_given_once(folder):
    (folder / "happiness.json").write_text(json.dumps(["A bird sings. ", "You win.", "A bird sings."]))
    (folder / "sadness.json").write_text(json.dumps(["It rains."]))
    assert load_emotions() == (["A bird sings.", "You win.", "It rains."], [1, 1, 0])


def test_damaged_files(folder):
    (folder / "happiness.json").write_text("{")
    with pytest.raises(DamagedFileError, match=r"happiness\.json"):
        load_emotions()
    (folder / "happiness.json").write_text("[1]")
    with pytest.raises(DamagedFileError, match="a list of sentences"):
        load_emotions()
    (folder / "cities_true_false.csv").write_text("sentence,label\na,1\n")
    with pytest.raises(DamagedFileError, match="statement"):
        load_statements(["cities"])


def test_unknown_topics():
    with pytest.raises(InvalidInputError, match="'plants'; topics are animals"):
        load_statements(["plants"])
