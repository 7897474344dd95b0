import zipfile

import pytest

from reprise.data.haystacks import NLTK, load_brown, load_descriptions, plain_text
from reprise.errors import DamagedFileError, InvalidInputError, MissingDataError


def test_descriptions_are_prose():
    texts = load_descriptions()
    assert set(texts) == {"iris", "wine", "breast_cancer", "diabetes", "digits", "linnerud"}
    assert sum(len(text.split()) for text in texts.values()) > 900
    for text in texts.values():
        assert text == " ".join(text.split())
        assert "==" not in text


@pytest.mark.parametrize(
    ("tagged", "text"),
    [
        ("The/at jury/nn said/vbd ./.", "The jury said."),
        ("``/`` No/at ''/'' ,/, he/pps said/vbd ./.", '"No", he said.'),
        ("one/cd (/( two/cd )/) ;/. ;/. three/cd", "one (two); three"),
        ("either/or/cc ?/. ?/.", "either/or?"),
        ("Jr./np ./.", "Jr."),
        ("\n\n\ta/at\n\nb/nn", "a b"),
    ],
)
def test_tags_are_left_out_and_punctuation_is_set(tagged, text):
    assert plain_text(tagged) == text


@pytest.mark.skipif(not NLTK.here(), reason=NLTK.obtain)
def test_the_brown_corpus_by_genre():
    texts = load_brown(["reviews", "hobbies"])
    assert len(texts) == 17 + 36
    assert all(1500 < len(text.split()) < 3000 for text in texts.values())
    assert not set(texts) & set(load_brown(["news"]))
    assert "/nn" not in "".join(texts.values())
    with pytest.raises(InvalidInputError, match=r"'poems'.*romance"):
        load_brown(["poems"])


def test_a_small_corpus_and_a_damaged_one(monkeypatch, tmp_path):
    monkeypatch.setenv("REPRISE_DATA", str(tmp_path))
    path = tmp_path / "nltk" / "corpora" / "brown.zip"
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("brown/cats.txt", "ca01 news\ncb01 editorial\n")
        archive.writestr("brown/ca01", "It/pps rained/vbd ./.")
    assert load_brown(["news"]) == {"ca01": "It rained."}
    with pytest.raises(DamagedFileError, match="cb01"):
        load_brown()
    path.write_bytes(b"no archive")
    with pytest.raises(DamagedFileError, match=r"brown\.zip"):
        load_brown()


def test_a_missing_corpus_says_what_would_bring_it(monkeypatch, tmp_path):
    monkeypatch.setenv("REPRISE_DATA", str(tmp_path))
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path))
    monkeypatch.setattr("pooch.retrieve", _no_network)
    with pytest.raises(MissingDataError, match="REPRISE_DATA"):
        load_brown()


def _no_network(*args, **kwargs):
    raise OSError("no network")
