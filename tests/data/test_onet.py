import pytest

from reprise.data.onet import SOURCE, work_activities
from reprise.data.sources import source
from reprise.errors import DamagedFileError, MissingDataError


@pytest.mark.skipif(not SOURCE.here(), reason=f"{SOURCE.title} are not on this machine. {SOURCE.obtain}")
def test_activities_of_occupations():
    titles, occupations, bundles = work_activities()
    assert (len(titles), len(occupations)) == (2069, 974)
    assert titles[0] == "Review art or design materials."
    assert all(rows.min() >= 0 and rows.max() < 2069 and len(set(rows)) == len(rows) for rows in bundles)
    engineer = bundles[occupations.index("17-2051.00")]  # civil engineers
    assert any("construction" in titles[row] for row in engineer)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give a data folder that alone is looked in."""
    monkeypatch.setenv("REPRISE_DATA", str(tmp_path))
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "downloads"))
    (tmp_path / SOURCE.name).mkdir()
    return tmp_path / SOURCE.name


def test_missing_files_say_how_to_obtain_them(folder):
    assert source("onet").loader.endswith("work_activities")
    with pytest.raises(MissingDataError, match="onetcenter"):
        work_activities()


def test_links_are_grouped_and_damage_is_named(folder):
    titles, links = (folder / file for file in SOURCE.files)
    titles.write_text("DWA ID\tDWA Title\na\tPaint.\nb\tSing.\n")
    links.write_text("O*NET-SOC Code\tTask ID\tDWA ID\n2\t1\tb\n1\t2\tb\n1\t3\ta\n1\t4\tb\n")
    found = work_activities()
    assert found.occupations == ["1", "2"]
    assert [rows.tolist() for rows in found.bundles] == [[0, 1], [1]]
    links.write_text("O*NET-SOC Code\tDWA ID\n1\tc\n")
    with pytest.raises(DamagedFileError, match="names c"):
        work_activities()
    titles.write_text("DWA\n")
    with pytest.raises(DamagedFileError, match="DWA Title"):
        work_activities()
