import zipfile
from collections import Counter

import pytest

from reprise.data.brown import TAGGED_BROWN, load_tagged_brown
from reprise.errors import DamagedFileError, InvalidInputError, MissingDataError

CORPUS = {
    "brown/cats.txt": "ca01 news\ncb01 editorial\n",
    "brown/ca01": "\n\n\tThe/at-tl either/or/cc ?/. ?/.\n\n\tIt/pps rained/vbd ./.\n",
    "brown/cb01": "No/zz ./.",
}


@pytest.fixture
def archives(monkeypatch, tmp_path):
    """Write a corpus of two texts, and a map of five tags."""
    monkeypatch.setenv("REPRISE_DATA", str(tmp_path))
    monkeypatch.setattr("pooch.retrieve", _no_network)
    for file in TAGGED_BROWN.files:
        (tmp_path / "nltk" / file).parent.mkdir(parents=True)
    with zipfile.ZipFile(tmp_path / "nltk/corpora/brown.zip", "w") as archive:
        for name, content in CORPUS.items():
            archive.writestr(name, content)
    with zipfile.ZipFile(tmp_path / "nltk/taggers/universal_tagset.zip", "w") as archive:
        archive.writestr("universal_tagset/en-brown.map", "AT-TL\tDET\nCC\tCONJ\n.\t.\nPPS\tPRON\nVBD\tVERB\n")
    return tmp_path / "nltk"


def test_sentences_of_words_and_classes(archives):
    texts = load_tagged_brown()
    assert texts == {
        "ca01": [
            [("The", "DET"), ("either/or", "CONJ"), ("?", "."), ("?", ".")],
            [("It", "PRON"), ("rained", "VERB"), (".", ".")],
        ],
        "cb01": [[("No", "X"), (".", ".")]],
    }
    assert load_tagged_brown(["editorial"], universal=False) == {"cb01": [[("No", "ZZ"), (".", ".")]]}


def test_what_is_wrong_is_named(archives):
    with pytest.raises(InvalidInputError, match=r"'poems'.*editorial"):
        load_tagged_brown(["poems"])
    (archives / "taggers/universal_tagset.zip").write_bytes(b"no archive")
    with pytest.raises(DamagedFileError, match="universal_tagset"):
        load_tagged_brown()
    (archives / "taggers/universal_tagset.zip").unlink()
    if TAGGED_BROWN.find("taggers/universal_tagset.zip") is None:
        with pytest.raises(MissingDataError, match="REPRISE_DATA"):
            load_tagged_brown()


@pytest.mark.skipif(not TAGGED_BROWN.here(), reason=TAGGED_BROWN.obtain)
def test_the_news_of_the_brown_corpus():
    texts = load_tagged_brown(["news"])
    pairs = [pair for text in texts.values() for sentence in text for pair in sentence]
    assert len(texts) == 44
    assert len(pairs) == 100_554  # as NLTK counts them
    assert Counter(tag for _, tag in pairs).most_common(2) == [("NOUN", 30_654), ("VERB", 14_399)]


def _no_network(*args, **kwargs):
    raise OSError("no network")
