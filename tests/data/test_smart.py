import pytest

from reprise.data.smart import CISI, CRANFIELD, cisi, cranfield
from reprise.errors import DamagedFileError, MissingDataError


@pytest.mark.skipif(not CRANFIELD.here(), reason=f"Cranfield is not on this machine. {CRANFIELD.obtain}")
def test_cranfield_is_whole():
    data = cranfield()
    assert (len(data.titles), len(data.abstracts), len(data.queries)) == (1_400, 1_400, 225)
    assert sum(map(len, data.relevant.values())) == 1_837
    assert sum(not text for text in data.abstracts) == 2
    assert data.titles[0] == "experimental investigation of the aerodynamics of a wing in a slipstream"
    assert "slipstream" in data.abstracts[0]


@pytest.mark.skipif(not CISI.here(), reason=f"CISI is not on this machine. {CISI.obtain}")
def test_cisi_is_whole():
    data = cisi()
    assert (len(data.titles), len(data.queries), len(data.relevant)) == (1_460, 112, 76)
    assert sum(map(len, data.relevant.values())) == 3_114
    assert all(data.abstracts)
    assert data.titles[0] == "18 Editions of the Dewey Decimal Classifications"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give a data folder that alone is looked in, with a small Cranfield."""
    monkeypatch.setenv("REPRISE_DATA", str(tmp_path))
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "downloads"))
    place = tmp_path / "cranfield"
    place.mkdir()
    (place / "cran.all.1400").write_text(".I 1\n.T\na wing .\n.W\nfirst\nline\n.I 2\n.T\nb\n.W\n.T in the text\n")
    (place / "cran.qry").write_text(".I 001\n.W\nwhat wing\n.I 004\n.W\nwhich b\n")
    (place / "cranqrel").write_text("1 2 3\n2 1 -1\n2 2 1\n\n")
    return place


def test_a_small_collection_is_read(folder):
    data = cranfield()
    assert data.titles == ["a wing", "b"]
    assert data.abstracts == ["first line", ".T in the text"]
    assert data.queries == ["what wing", "which b"]
    assert data.relevant == {0: [1], 1: [1]}


def test_missing_and_damaged_files_are_named(folder):
    with pytest.raises(MissingDataError, match="Information-Retrieval-on-CISI"):
        cisi()
    (folder / "cranqrel").write_text("1 2 3\n9 1 1\n")
    with pytest.raises(DamagedFileError, match="line 2 is no judgement"):
        cranfield()
    (folder / "cran.all.1400").write_text("words\n")
    with pytest.raises(DamagedFileError, match="line 1 belongs to no record"):
        cranfield()
    (folder / "cran.all.1400").write_text("")
    with pytest.raises(DamagedFileError, match="no record"):
        cranfield()
