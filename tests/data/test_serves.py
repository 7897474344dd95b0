"""What each data set is said to serve is what the claim modules load."""

import ast
from pathlib import Path

import pytest

import reprise
from reprise import catalogue
from reprise.data import sources

CLAIMS = Path(reprise.__file__).parent / "claims"
MODULES = {
    paper.slug: found
    for paper in catalogue.papers()
    if (found := [*(CLAIMS / paper.family).glob(f"{paper.python_name}.py"),
                  *(CLAIMS / paper.family / f"_{paper.python_name}").glob("*.py")])
}  # fmt: skip


def loaded(files):
    """Give the dotted names that files import from `reprise.data`, and those of modules of it they look into."""
    for file in files:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        modules = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("reprise.data"):
                yield from (f"{node.module}.{name.name}" for name in node.names)
                modules |= {name.name for name in node.names} if node.module == "reprise.data" else set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
                yield f"reprise.data.{node.value.id}.{node.attr}"


@pytest.mark.parametrize("slug", MODULES)
def test_a_source_serves_the_papers_whose_claims_load_it(slug):
    names = set(loaded(MODULES[slug]))
    said = {source.name for source in sources.all_sources() if slug in source.serves}
    assert said == {source.name for source in sources.all_sources() if source.loader in names}


def test_every_paper_that_is_served_is_in_the_catalogue():
    assert {slug for source in sources.all_sources() for slug in source.serves} <= set(catalogue.slugs())
