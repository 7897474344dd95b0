"""The catalogue: every entry keeps the rules, statuses follow what exists, and search forgives."""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from reprise.catalogue import FAMILIES, STATUSES, TASKS, Paper, paper, papers, slugs, snippet
from reprise.catalogue.model import derive_status
from reprise.catalogue.shelf import read
from reprise.errors import DamagedFileError, UnknownNameError

ENTRY = """slug = "some-paper"
title = "Some Paper"
authors = ["Ada Lovelace"]
date = 2022-09-29
arxiv = "2209.15097"
venue = ""
code = ""
family = "discover"
summary = "Does something."

[[serves]]
task = "cluster"
object = "reprise.discover.some_paper.SomeEstimator"

[[figures]]
metric = "error"
value = "0.1"
data = "iris"
verified = "abstract"
"""

# The 78 papers of the project.
SHELVES = {
    "symmetry": (
        "flow-equivariant-rnn frame-averaging gaunt-tensor-product inset lie-decompositions ponita "
        "rotation-continuity spen"
    ),
    "pretrain": (
        "chexworld child-video interclr madeleine obow pretraining-advantage seq-jepa "
        "split-invariant-equivariant transitive-invariance"
    ),
    "generate": "diti embedded-representation-warmup hnerv representation-guided-diffusion visdiff",
    "discover": (
        "gmm-category-discovery hypcd ila-sdp label-proportions manifold-linearizing-clustering "
        "science-hierarchography vidi"
    ),
    "shift": (
        "flowaug-macrostd latent-label-shift pac-invariance rep4ex rich-representations subclass-balancing vig-bias"
    ),
    "measure": (
        "bayesian-generalization convergent-learning feature-bias human-like-concepts interleaved-scene-graph "
        "intrinsic-properties med-mat relative-representations topological-rsa"
    ),
    "language": (
        "geospatial-interpretability implicit-multimodal-alignment in-context-representations "
        "integrated-information latent-language metacognition mote retrieval-heads successor-heads truthprint "
        "word-class-emergence"
    ),
    "retrieve": "alpharec crisp invgc matryoshka sesa social-recommenders",
    "structured": "isoc-vgae mattext miga normalizing-flow-embedding selformer",
    "reason": (
        "consciousness-prior denotational-inference enumerative-geometry grounded-language ig-llm "
        "neural-symbolic-recursive semiotic-networks symbolic-synthesis"
    ),
    "segment": "attrseg daugs mcp-medsam",
}


@pytest.fixture
def entry(tmp_path: Path) -> Path:
    file = tmp_path / "some-paper.toml"
    file.write_text(ENTRY, encoding="utf-8")
    return file


def test_each_family_is_a_package():
    for family in FAMILIES:
        assert importlib.util.find_spec(f"reprise.{family}"), family


def test_the_catalogue_holds_the_78_papers_on_their_shelves():
    assert list(SHELVES) == list(FAMILIES)
    assert {family: " ".join(entry.slug for entry in papers(family=family)) for family in FAMILIES} == SHELVES
    assert len(papers()) == len(slugs()) == 78


def test_each_task_is_served_and_each_word_is_described():
    assert set(TASKS) == {task for entry in papers() for task in entry.tasks}
    assert list(TASKS) == sorted(TASKS)
    assert all(text.endswith(".") for text in (*FAMILIES.values(), *TASKS.values()))


@pytest.mark.parametrize("slug", slugs())
def test_every_entry_reads_and_says_what_a_reader_needs(slug):
    entry = paper(slug)
    assert entry.slug == slug
    assert entry.summary.endswith(".")
    assert "\n" not in entry.summary
    assert ". " not in entry.summary.rstrip("."), "one sentence"
    assert len(entry.summary) <= 240
    assert len(set(entry.authors)) == len(entry.authors)
    assert not entry.code or entry.code.startswith("https://")
    assert len({(served.task, served.object) for served in entry.serves}) == len(entry.serves)
    assert all(len(figure.value) <= 160 for figure in entry.figures)
    assert Paper.model_validate(entry.model_dump()) == entry


def test_no_two_papers_share_what_is_theirs_alone():
    for field in ("arxiv", "title", "summary"):
        values = [getattr(entry, field) for entry in papers()]
        assert len(set(values)) == len(values), field
    names = [
        served.name for entry in papers() for served in {served.object: served for served in entry.serves}.values()
    ]
    assert len(set(names)) == len(names)


BUILT = [entry.slug for entry in papers() if importlib.util.find_spec(entry.module)]


@pytest.mark.parametrize("slug", BUILT)
def test_what_a_built_paper_promises_can_be_imported(slug):
    for served in paper(slug).serves:
        assert hasattr(importlib.import_module(paper(slug).module), served.name), served.object


@pytest.mark.parametrize("slug", BUILT)
def test_a_built_paper_has_lines_to_start_from_that_do_more_than_import(slug):
    lines = ast.parse(snippet(paper(slug))).body
    assert isinstance(lines[0], ast.ImportFrom)
    assert not all(isinstance(line, ast.Import | ast.ImportFrom) for line in lines)


def test_papers_are_listed_by_family_and_slug():
    families = list(FAMILIES)
    keys = [(families.index(entry.family), entry.slug) for entry in papers()]
    assert keys == sorted(keys)
    assert sorted(entry.slug for entry in papers()) == list(slugs())


def test_filters_keep_what_they_say():
    everything = papers()
    for family in FAMILIES:
        assert papers(family=family) == [entry for entry in everything if entry.family == family]
    for task in TASKS:
        assert papers(task=task) == [entry for entry in everything if task in entry.tasks]
    for status in STATUSES:
        assert papers(status=status) == [entry for entry in everything if entry.status == status]
    assert papers(family="language", task="cluster", query="retrieval") == []


@pytest.mark.parametrize(
    ("kind", "name", "nearest"),
    [("family", "discovery", "discover"), ("task", "clusters", "cluster"), ("status", "measure", "measured")],
)
def test_an_unknown_filter_is_refused_with_the_nearest_names(kind, name, nearest):
    with pytest.raises(UnknownNameError, match=f"no {kind} '{name}'.*{nearest}"):
        papers(**{kind: name})


def test_an_unknown_slug_is_refused_with_the_nearest_names():
    with pytest.raises(UnknownNameError, match="Did you mean matryoshka") as caught:
        paper("matrioshka")
    assert caught.value.nearest[0] == "matryoshka"
    with pytest.raises(UnknownNameError, match=r"no paper '\.\./errors'"):
        paper("../errors")


@pytest.mark.parametrize(
    ("query", "slug"),
    [
        ("matrioshka", "matryoshka"),
        ("frame avg", "frame-averaging"),
        ("Frame Averaging", "frame-averaging"),
        ("retreival heads", "retrieval-heads"),
        ("ilasdp", "ila-sdp"),
        ("semidefinite", "ila-sdp"),
        ("lipman", "frame-averaging"),
        ("attn factuality", "retrieval-heads"),
        ("eqivariant recurent", "flow-equivariant-rnn"),
        ("recomender social", "social-recommenders"),
        ("topolgy", "topological-rsa"),
        ("leon bottou", "rich-representations"),
        ("chest x-ray", "chexworld"),
        ("hypercd", "hypcd"),
        ("long tail", "subclass-balancing"),
        ("stock", "miga"),
    ],
)
def test_search_forgives_typing(query, slug):
    assert papers(query=query)[0].slug == slug


@pytest.mark.parametrize("slug", slugs())
def test_a_paper_is_found_first_by_its_slug_and_by_its_title(slug):
    entry = paper(slug)
    assert papers(query=slug)[0] == entry
    assert papers(query=entry.title.upper())[0] == entry


def test_search_leaves_out_what_fits_far_worse_than_the_best():
    assert [entry.slug for entry in papers(query="bengio")] == ["consciousness-prior"]
    assert {entry.slug for entry in papers(query="heads")[:2]} == {"retrieval-heads", "successor-heads"}


def test_search_finds_nothing_where_nothing_fits():
    assert papers(query="zzzzqqqq") == []
    assert papers(query="matryoshka zzzzqqqq") == []
    assert papers(query="?!") == []


def test_status_follows_what_exists(tmp_path):
    entry = paper("ila-sdp")
    assert derive_status(entry, tmp_path) == "planned"
    (tmp_path / "discover").mkdir()
    (tmp_path / "discover" / "ila_sdp.py").touch()
    assert derive_status(entry, tmp_path) == "method"
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "matryoshka.json").write_text("{}")
    assert derive_status(entry, tmp_path) == "method"
    (tmp_path / "results" / "ila-sdp.json").write_text("{}")
    assert derive_status(entry, tmp_path) == "measured"


def test_a_package_counts_as_a_method_and_an_empty_folder_does_not(tmp_path):
    entry = paper("ila-sdp")
    (tmp_path / "discover" / "ila_sdp").mkdir(parents=True)
    assert derive_status(entry, tmp_path) == "planned"
    (tmp_path / "discover" / "ila_sdp" / "__init__.py").touch()
    assert derive_status(entry, tmp_path) == "method"


def test_the_status_is_that_of_the_installed_package():
    for entry in papers():
        assert entry.status == derive_status(entry, files("reprise"))
        assert (entry.slug in BUILT) == (entry.status != "planned")


def test_names_follow_from_slug_and_family(entry):
    read_entry = read(entry)
    assert read_entry.module == "reprise.discover.some_paper"
    assert read_entry.claims_module == "reprise.claims.discover.some_paper"
    assert read_entry.docs == "papers/some-paper.md"
    assert read_entry.arxiv_url == "https://arxiv.org/abs/2209.15097"
    assert read_entry.tasks == ("cluster",)
    assert read_entry.serves[0].name == "SomeEstimator"


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('slug = "some-paper"', 'slug = "other-paper"\n', "field (slug|serves)|serves.object"),
        ('slug = "some-paper"', 'slug = "Some Paper"', "field slug: 'Some Paper' is no slug"),
        ('title = "Some Paper"', "", "field title: Field required"),
        ('title = "Some Paper"', 'title = " "', "field title: "),
        ('"Ada Lovelace"', "3", r"field authors\[0\]"),
        ("date = 2022-09-29", 'date = "soon"', "field date"),
        ("date = 2022-09-29", "date = 2022-10-01", "date 2022-10-01 lies after the month of arXiv id 2209.15097"),
        ("date = 2022-09-29", "date = 2022-09-29\ndate_verified = false", "date 2022-09-29 is not verified"),
        ("date = 2022-09-29", 'date = 2022-09-01\ndate_verified = "no"', "field date_verified"),
        ('"2209.15097"', '"2209.1"', "field arxiv: '2209.1' is no arXiv id"),
        ('"2209.15097"', '"2213.15097"', "field arxiv: '2213.15097' is no arXiv id"),
        ('code = ""', 'code = "somewhere"', "field code"),
        ('"discover"', '"discovery"', "field family: 'discovery' is no family"),
        ('"cluster"', '"clusters"', r"field serves\[0\].task: 'clusters' is no task"),
        ("some_paper.SomeEstimator", "SomeEstimator", "serves.object 'reprise.discover.SomeEstimator' is not"),
        ("some_paper.SomeEstimator", "some_paper.2D", "serves.object 'reprise.discover.some_paper.2D' is not"),
        ('value = "0.1"', "value = 0.1", r"field figures\[0\].value"),
        ('verified = "abstract"', 'checked = "abstract"', r"field figures\[0\].verified: Field required"),
        ('venue = ""', 'venue = ""\ncolour = "red"', "field colour: Extra inputs are not permitted"),
        ('title = "Some Paper"', 'title = "Some', "line 2"),
    ],
)
def test_a_damaged_file_names_itself_and_the_field_and_stays_as_it_is(entry, old, new, named):
    damaged = ENTRY.replace(old, new, 1)
    assert damaged != ENTRY
    entry.write_text(damaged, encoding="utf-8")
    with pytest.raises(DamagedFileError, match=named) as caught:
        read(entry)
    assert caught.value.path == entry
    assert str(entry) in str(caught.value)
    assert entry.read_text(encoding="utf-8") == damaged


def test_a_renamed_file_names_the_slug(entry):
    with pytest.raises(DamagedFileError, match="field slug: 'some-paper' is not the name of the file"):
        read(entry.rename(entry.with_name("other.toml")))


def test_a_file_that_is_no_text_names_itself(entry):
    entry.write_bytes(b"\xff\xfe")
    with pytest.raises(DamagedFileError, match=r"some-paper\.toml is damaged"):
        read(entry)


def test_the_catalogue_loads_no_numerical_library():
    script = """
import json, sys
import reprise.catalogue
reprise.catalogue.papers(query="matrioshka")
heavy = {"numpy", "scipy", "sklearn", "torch", "pandas", "matplotlib"}
print(json.dumps(sorted(heavy & set(sys.modules))))
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == []
