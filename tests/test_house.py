"""The laws of the house: who may import whom, one slug one name, and what a method module may not do.

Each law is a function of the project's folder that gives a sentence for each breach; it must find none here, and the
one breach in a small house built for it.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reprise.catalogue import FAMILIES

ROOT = Path(__file__).parents[1]

ROOMS = {
    "language": {"anatomy", "attention", "batch", "decoding", "interventions", "model", "reading", "texts"},
    "symmetry": {"equivariance"},
}
"""Modules of a family that several of its papers share; every other module is a paper's."""

HEAVY = {"torch", "sklearn", "pandas", "matplotlib", "transformers", "scipy", "lightning_fabric"}
READERS_AND_WRITERS = {
    "open", "print", "input", "read_text", "read_bytes", "write_text", "write_bytes", "mkdir", "unlink", "loadtxt",
    "savetxt", "fromfile", "tofile", "read_csv", "to_csv", "read_parquet", "to_parquet", "urlopen", "urlretrieve",
}  # fmt: skip
READERS_AND_WRITERS_OF = {("np", "load"), ("np", "save"), ("np", "savez"), ("torch", "load"), ("torch", "save"),
                          ("joblib", "load"), ("joblib", "dump"), ("pickle", "load"), ("pickle", "dump"),
                          ("json", "load"), ("json", "dump")}  # fmt: skip
NOT_A_METHODS = {"argparse", "click", "typer", "pooch", "requests", "httpx", "urllib"}


def source(root: Path) -> Path:
    return root / "src" / "reprise"


def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def public_modules(folder: Path) -> dict[str, Path]:
    """Give the public modules of a package by name, each with its file (a package's is its `__init__`)."""
    modules = {file.stem: file for file in folder.glob("*.py")}
    modules |= {file.parent.name: file for file in folder.glob("*/__init__.py")}
    return {name: file for name, file in sorted(modules.items()) if not name.startswith("_")}


def papers(root: Path) -> Iterator[tuple[str, str, Path]]:
    """Give family, module name and file of every paper's method."""
    for family in FAMILIES:
        for name, file in public_modules(source(root) / family).items():
            if name not in ROOMS.get(family, ()):
                yield family, name, file


def slug_breaches(root: Path) -> Iterator[str]:
    for family, name, _ in papers(root):
        slug = name.replace("_", "-")
        entry = source(root) / "catalogue" / f"{slug}.toml"
        if not entry.is_file():
            yield f"{family}/{name}: catalogue/{slug}.toml is missing (or name it in ROOMS, if papers share it)"
        elif f'family = "{family}"' not in entry.read_text(encoding="utf-8").splitlines():
            yield f"{family}/{name}: catalogue/{slug}.toml has another family"
        if name not in public_modules(source(root) / "claims" / family):
            yield f"{family}/{name}: claims/{family}/{name}.py is missing"
        if not (root / "tests" / family / f"test_{name}.py").is_file():
            yield f"{family}/{name}: tests/{family}/test_{name}.py is missing"


def orphan_breaches(root: Path) -> Iterator[str]:
    """Look the other way: claims, tests and results that belong to no method."""
    known = {family: {name for at, name, _ in papers(root) if at == family} for family in FAMILIES}
    for family in FAMILIES:
        for name in public_modules(source(root) / "claims" / family).keys() - known[family]:
            yield f"claims/{family}/{name} belongs to no method {family}/{name}"
        subjects = known[family] | ROOMS.get(family, set())
        for file in sorted((root / "tests" / family).glob("test_*.py")):
            name = file.stem.removeprefix("test_")
            if not any(name == subject or name.startswith(f"{subject}_") for subject in subjects):
                yield f"tests/{family}/{file.name} belongs to no module of {family}"
    slugs = {name.replace("_", "-") for names in known.values() for name in names}
    for file in sorted((source(root) / "results").glob("*.json")):
        if file.stem not in slugs:
            yield f"results/{file.name} belongs to no method"


def conduct_breaches(root: Path) -> Iterator[str]:
    """Find what reads, writes, prints or parses arguments, or takes another family's private names."""
    for family in FAMILIES:
        for file in sorted((source(root) / family).rglob("*.py")):
            for node in ast.walk(tree(file)):
                where = f"{file.relative_to(source(root))}:{getattr(node, 'lineno', 0)}"
                if isinstance(node, ast.Call) and (call := reads_or_writes(node.func)):
                    yield f"{where} calls {call}"
                for module, names in imports(node):
                    top, *inner = module.split(".")
                    if top in NOT_A_METHODS:
                        yield f"{where} imports {top}"
                    other = inner[0] if top == "reprise" and inner else family
                    private = [part for part in (*inner, *names) if part.startswith("_")]
                    if other != family and other in FAMILIES and private:
                        yield f"{where} takes the private {private[0]} of {other}"


def reads_or_writes(called: ast.expr) -> str | None:
    if isinstance(called, ast.Name):
        return called.id if called.id in READERS_AND_WRITERS else None
    if isinstance(called, ast.Attribute):
        owner = called.value.id if isinstance(called.value, ast.Name) else ""
        if called.attr in READERS_AND_WRITERS or (owner, called.attr) in READERS_AND_WRITERS_OF:
            return f"{owner}.{called.attr}"
    return None


def imports(node: ast.AST) -> Iterator[tuple[str, list[str]]]:
    """Give the modules that a statement imports, each with the names it takes from them."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, []) for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.module, [alias.name for alias in node.names]


def documentation_breaches(root: Path) -> Iterator[str]:
    for family, name, file in papers(root):
        for public, node, module in exported(root, file):
            text = ast.get_docstring(node) or ""
            inner = [ast.get_docstring(part) or "" for part in node.body if isinstance(part, ast.FunctionDef)]
            where = f"{family}/{name}: {public}"
            if not text:
                yield f"{where} has no docstring"
            elif not public.endswith(("Error", "Warning")) and not any(">>>" in part for part in [text, *inner]):
                yield f"{where} has no example"
            elif not any(cites(part) for part in (text, ast.get_docstring(module), ast.get_docstring(tree(file)))):
                yield f"{where} has no reference, nor has its module"


def cites(text: str | None) -> bool:
    return bool(text) and any(mark in text for mark in ("References\n", "Reference\n", "arXiv", "doi"))


def exported(root: Path, file: Path) -> Iterator[tuple[str, ast.ClassDef | ast.FunctionDef, ast.Module]]:
    """Give the classes and functions that a module shows, each with the module that defines it.

    They are what `__all__` lists, through imports if need be, or else the public ones that the module defines.
    """
    module = tree(file)
    defined = {node.name: node for node in module.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    listed = [
        ast.literal_eval(node.value)
        for node in module.body
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets)
    ]
    taken = {
        alias.asname or alias.name: (name, alias.name)
        for node in module.body
        for name, _ in imports(node)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for name in listed[0] if listed else [name for name in defined if not name.startswith("_")]:
        if name in defined:
            yield name, defined[name], module
        elif name in taken and taken[name][0].startswith("reprise."):
            path = root / "src" / Path(*taken[name][0].split("."))
            origin = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
            for found, node, home in exported_definitions(origin):
                if found == taken[name][1]:
                    yield name, node, home


def exported_definitions(file: Path) -> Iterator[tuple[str, ast.ClassDef | ast.FunctionDef, ast.Module]]:
    module = tree(file)
    for node in module.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node.name, node, module


LAWS = [slug_breaches, orphan_breaches, conduct_breaches, documentation_breaches]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_law_is_kept(law):
    assert list(law(ROOT)) == []


GOOD = '''"""A method.

References
----------
A. Author (2020), arXiv:2001.00001.
"""


class Method:
    """Does it.

    >>> Method()
    """


def _private():
    pass
'''


@pytest.fixture
def house(tmp_path):
    """Build a house of one paper, which keeps all laws."""
    for path, content in {
        "src/reprise/symmetry/some_paper/__init__.py": (
            '"""A paper, arXiv:2001.00001."""\n'
            'from reprise.symmetry.some_paper.method import Method\n__all__ = ["Method"]\n'
        ),
        "src/reprise/symmetry/some_paper/method.py": GOOD,
        "src/reprise/symmetry/equivariance.py": "",
        "src/reprise/claims/symmetry/some_paper.py": "",
        "src/reprise/catalogue/some-paper.toml": 'family = "symmetry"\n',
        "src/reprise/results/some-paper.json": "",
        "tests/symmetry/test_some_paper.py": "",
        "tests/symmetry/test_equivariance.py": "",
    }.items():
        write(tmp_path / path, content)
    return tmp_path


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def breaches(house):
    return [breach for law in LAWS for breach in law(house)]


def test_good_house_has_no_breach(house):
    assert breaches(house) == []


@pytest.mark.parametrize(
    ("missing", "breach"),
    [
        ("src/reprise/claims/symmetry/some_paper.py", "claims/symmetry/some_paper.py is missing"),
        ("src/reprise/catalogue/some-paper.toml", "catalogue/some-paper.toml is missing"),
        ("tests/symmetry/test_some_paper.py", "tests/symmetry/test_some_paper.py is missing"),
    ],
)
def test_missing_part_of_a_paper_is_named(missing, breach, house):
    (house / missing).unlink()
    (found,) = breaches(house)
    assert breach in found


@pytest.mark.parametrize(
    ("file", "content", "breach"),
    [
        ("src/reprise/catalogue/some-paper.toml", 'family = "shift"\n', "has another family"),
        ("src/reprise/claims/shift/other.py", "", "claims/shift/other belongs to no method"),
        ("tests/shift/test_other.py", "", "tests/shift/test_other.py belongs to no module"),
        ("src/reprise/results/other.json", "", "results/other.json belongs to no method"),
        ("src/reprise/symmetry/equivariance.py", "def f():\n    print(1)\n", "equivariance.py:2 calls print"),
        ("src/reprise/symmetry/equivariance.py", "with open('x'):\n    pass\n", "calls open"),
        ("src/reprise/symmetry/equivariance.py", "path.read_text()\n", "calls path.read_text"),
        ("src/reprise/symmetry/equivariance.py", "import torch\ntorch.load('x')\n", "calls torch.load"),
        ("src/reprise/symmetry/equivariance.py", "import argparse\n", "imports argparse"),
        ("src/reprise/symmetry/equivariance.py", "from reprise.shift.a import _b\n", "takes the private _b of shift"),
        ("src/reprise/symmetry/some_paper/method.py", "class Method:\n    pass\n", "Method has no docstring"),
        ("src/reprise/symmetry/some_paper/method.py", GOOD.replace(">>>", ""), "Method has no example"),
    ],
)
def test_breach_is_named(file, content, breach, house):
    write(house / file, content)
    (found,) = breaches(house)
    assert breach in found


def test_missing_reference_is_named(house):
    folder = house / "src/reprise/symmetry/some_paper"
    write(folder / "method.py", GOOD.replace("References", "").replace("arXiv", ""))
    assert breaches(house) == []  # the package itself cites the paper
    write(folder / "__init__.py", (folder / "__init__.py").read_text().replace("arXiv", ""))
    (found,) = breaches(house)
    assert "Method has no reference" in found


def test_new_module_of_a_family_is_a_paper_or_a_named_room(house):
    write(house / "src/reprise/symmetry/helpers.py", "")
    assert any("helpers" in breach and "ROOMS" in breach for breach in breaches(house))


def test_imports_run_one_way():
    command = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("reprise.cli", set()),
        ("reprise.catalogue", set()),
        ("reprise.errors", set()),
        ("reprise.claim", {"numpy"}),
    ],
)
def test_light_modules_import_nothing_heavy(module, allowed):
    heavy = (HEAVY | {"numpy"}) - allowed
    command = f"import sys, {module}; print(*sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, timeout=600, check=True)
    assert done.stdout.split() == []
