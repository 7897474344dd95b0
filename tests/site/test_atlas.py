import json
import sys
import threading

import numpy as np
import pytest
from sqlalchemy import select
from tests.site.conftest import record

from reprise.site.atlas import MapDrawer, build_atlas, lay_out, read_atlas
from reprise.site.atlas.build import FILE, SCALE
from reprise.site.store.tables import Embedding, Paper
from reprise.site.store.types import WIDTH

TOPICS = ("wing flutter in tunnels", "library catalogue cards", "protein folding energy")


def clustered(n, groups=3, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((groups, WIDTH))
    labels = np.arange(n) % groups
    vectors = centres[labels] + 0.25 * rng.standard_normal((n, WIDTH))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), labels


def separation(places, labels):
    means = np.stack([places[labels == group].mean(0) for group in np.unique(labels)])
    within = np.mean([np.linalg.norm(places[labels == g] - means[g], axis=1).mean() for g in np.unique(labels)])
    between = np.mean([np.linalg.norm(a - b) for i, a in enumerate(means) for b in means[:i]])
    return between / within


@pytest.fixture
def placed(store, make_papers, plain):
    vectors, labels = clustered(60)
    make_papers(*(record(n + 1, title=TOPICS[labels[n]], abstract=TOPICS[labels[n]]) for n in range(60)))
    with store.writing() as session:
        for paper in session.scalars(select(Paper).order_by(Paper.id)):
            number = int(paper.arxiv[-5:]) - 1
            session.add(Embedding(paper_id=paper.id, digest=str(number), vector=vectors[number]))
    return labels


@pytest.fixture
def plain(monkeypatch):
    """Do without UMAP, which takes half a minute to compile."""
    monkeypatch.setitem(sys.modules, "umap", None)


def test_papers_of_like_meaning_lie_together():
    pytest.importorskip("umap")
    vectors, labels = clustered(120)
    places = lay_out(vectors, sample=80)  # the other forty go to their neighbours
    assert places.shape == (120, 2)
    assert places.min() >= 0
    assert places.max() <= 1
    assert separation(places, labels) > 3


def test_without_umap_they_do_too(plain):
    vectors, labels = clustered(120)
    assert separation(lay_out(vectors), labels) > 3


@pytest.mark.parametrize("n", [1, 2, 9])
def test_a_handful_has_places_too(n):
    places = lay_out(clustered(n)[0])
    assert places.shape == (n, 2)
    assert np.isfinite(places).all()


def test_regions_are_named_by_their_papers(store, placed, tmp_path):
    atlas = build_atlas(store, tmp_path)
    assert len(atlas.points) == 60
    assert all(0 <= x <= SCALE and 0 <= y <= SCALE for _, x, y, _ in atlas.points)
    broad = [region for region in atlas.regions if region.level == 1]
    assert sum(region.size for region in broad) == 60
    words = " ".join(region.name for region in broad)
    assert "wing" in words
    assert "library" in words or "catalogue" in words
    by_number = {number: (x, y) for number, x, y, _ in atlas.points}
    for region in atlas.regions:
        assert set(region.papers) <= set(by_number)


def test_names_are_words_of_the_field(store, placed, tmp_path):
    with store.writing() as session:
        for paper in session.scalars(select(Paper).where(Paper.abstract.contains("wing"))):
            paper.abstract += r" On $\mathbb{R}$ and $\mathbb{C}$, \mathbb{Q} too." * 9
    names = {region.name for region in build_atlas(store, tmp_path).regions}
    assert not any("mathbb" in name for name in names), names


def test_the_map_is_kept_until_something_changes(store, placed, tmp_path, monkeypatch):
    first = build_atlas(store, tmp_path)
    monkeypatch.setattr("reprise.site.atlas.build.lay_out", lambda *_, **__: pytest.fail("nothing has changed"))
    assert build_atlas(store, tmp_path) == first == read_atlas(tmp_path)
    monkeypatch.undo()
    with store.writing() as session:
        session.scalar(select(Embedding)).digest = "another text"
    assert build_atlas(store, tmp_path).digest != first.digest


def test_a_damaged_map_is_drawn_again(store, placed, tmp_path):
    first = build_atlas(store, tmp_path)
    (tmp_path / FILE).write_text(first.model_dump_json()[:100])
    assert read_atlas(tmp_path) is None
    assert build_atlas(store, tmp_path) == first


def test_no_meanings_no_map(store, client, tmp_path):
    assert build_atlas(store, tmp_path) is None
    assert "being drawn" in client.get("/map").text
    assert client.get("/map.json").json()["points"] == []


def test_the_page_lists_what_the_picture_shows(store, placed, client, settings):
    atlas = build_atlas(store, settings.folder)
    page = client.get("/map").text
    assert page.count("/papers/2611.") >= 8
    answer = client.get("/map.json")
    assert len(answer.json()["points"]) == len(atlas.points)
    again = client.get("/map.json", headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304
    assert json.loads(answer.text)["families"][0] == ""


def test_the_map_is_drawn_in_a_process_of_its_own(store, placed, tmp_path, monkeypatch):
    (tmp_path / "umap.py").write_text("raise ImportError")  # the process imports from where this one does
    monkeypatch.syspath_prepend(tmp_path)
    MapDrawer(store, tmp_path).draw()
    assert len(read_atlas(tmp_path).points) == 60


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_process_that_dies_is_told_and_the_map_stays(store, placed, tmp_path):
    first = build_atlas(store, tmp_path)
    drawer = MapDrawer(store, tmp_path)
    drawer.url = "sqlite:////proc/nowhere/site.db"
    with pytest.raises(RuntimeError, match="ended with 1"):
        drawer.draw()
    assert read_atlas(tmp_path) == first


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_drawing_under_way_can_be_ended(store, placed, tmp_path):
    drawer = MapDrawer(store, tmp_path)
    waiting = threading.Thread(target=drawer.draw)
    waiting.start()
    drawer.stop()
    waiting.join(60)
    assert not waiting.is_alive()
    drawer.draw()  # no more
    assert read_atlas(tmp_path) is None
