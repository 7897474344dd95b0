import gzip

import numpy as np
import pytest

from reprise.data.arxiv import SOURCE, arxiv_abstracts
from reprise.errors import DamagedFileError, MissingDataError

here = pytest.mark.skipif(not SOURCE.here(), reason=f"The arXiv sample is not on this machine. {SOURCE.obtain}")


@here
def test_there_are_a_hundred_papers_of_each_category():
    data = arxiv_abstracts()
    names, counts = np.unique(data.primary, return_counts=True)
    assert (len(names), set(counts.tolist()), len(set(data.archive))) == (55, {100}, 10)
    assert len(data.ids) == len(data.titles) == len(data.abstracts) == 5_500
    assert all(primary in listed for primary, listed in zip(data.primary, data.categories, strict=True))
    assert 0.45 < np.mean([len(listed) > 1 for listed in data.categories]) < 0.6
    assert not any("\n" in text for text in data.titles + data.abstracts)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Give a data folder that alone is looked in."""
    monkeypatch.setenv("REPRISE_DATA", str(tmp_path))
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "downloads"))
    (tmp_path / "arxiv").mkdir()
    return tmp_path / "arxiv"


def write(folder, text):
    with gzip.open(folder / "arxiv_sample.csv.gz", "wt") as stream:
        stream.write(text)


def test_missing_and_damaged_files_are_named(folder):
    with pytest.raises(MissingDataError, match="arxiv_archive"):
        arxiv_abstracts()
    (folder / "arxiv_sample.csv.gz").write_bytes(b"no gzip")
    with pytest.raises(DamagedFileError, match="cannot be read"):
        arxiv_abstracts()
    write(folder, "arxiv_id,title\n1,T\n")
    with pytest.raises(DamagedFileError, match="no column 'primary_cat'"):
        arxiv_abstracts()
    header = "arxiv_id,created,primary_cat,categories,title,abstract\n"
    write(folder, header)
    with pytest.raises(DamagedFileError, match="no paper"):
        arxiv_abstracts()
    write(folder, f'{header}1,2020,math.CO,"math.CO,cs.DM",T,A b\n2,2020,cs.CL,cs.CL, ,C\n')
    with pytest.raises(DamagedFileError, match="line 3 has an empty field"):
        arxiv_abstracts()


def test_a_small_file_is_read(folder):
    write(
        folder,
        'arxiv_id,created,primary_cat,categories,title,abstract\n1,2020,math.CO,"math.CO,cs.DM","T\n  u",A b\n',
    )
    data = arxiv_abstracts()
    assert (data.titles, data.archive, data.categories) == (["T u"], ["math"], [["math.CO", "cs.DM"]])
