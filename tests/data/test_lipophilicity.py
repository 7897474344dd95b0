import pytest

from reprise.data.lipophilicity import SOURCE, lipophilicity
from reprise.data.sources import source
from reprise.errors import DamagedFileError, MissingDataError


@pytest.mark.skipif(not SOURCE.here(), reason=f"{SOURCE.title} is not on this machine. {SOURCE.obtain}")
def test_compounds_have_their_log_d():
    smiles, values = lipophilicity()
    assert len(smiles) == len(values) == 4200
    assert (values.min(), values.max()) == (-1.5, 4.5)
    assert values[smiles.index("CN1:C(CN2CCN(C3:C:C:C(Cl):C:C:3)CC2):N:C2:C:C:C:C:C:2:1")] == 3.54


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give a data folder that alone is looked in."""
    monkeypatch.setenv("REPRISE_DATA", str(tmp_path))
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "downloads"))
    (tmp_path / SOURCE.name).mkdir()
    return tmp_path / SOURCE.name


def test_missing_file_says_how_to_obtain_it(folder):
    assert source("molecules").loader.endswith("lipophilicity")
    with pytest.raises(MissingDataError, match="REPRISE_DATA"):
        lipophilicity()


@pytest.mark.parametrize("content", ["smiles\nCC\n", "smiles,exp\nCC,\n", "smiles,exp\nCC,high\n", "smiles,exp\n,1\n"])
def test_damage_is_named(folder, content):
    (folder / SOURCE.files[0]).write_text(content)
    with pytest.raises(DamagedFileError, match="Lipophilicity"):
        lipophilicity()
