"""A fingerprint covers the code that measures, all of it, and nothing but the code."""

import subprocess
import sys

import pytest

from reprise import claims
from reprise.claims import sources

FILES = {
    "__init__.py": '__version__ = "1"\n',
    "errors.py": "class Problem(Exception): ...\n",
    "nn/__init__.py": '"""Shared."""\n',
    "nn/graph.py": "def edges(n: int) -> int:\n    return n * n\n",
    "nn/unused.py": "ANSWER = 42\n",
    "metrics/__init__.py": "from reprise.metrics.counts import share\nfrom reprise.metrics.others import rank\n\n"
    '__all__ = ["rank", "share"]\n',
    "metrics/counts.py": "def share(x):\n    return x / 2\n",
    "metrics/others.py": "def rank(x):\n    return x\n",
    "models/__init__.py": "from reprise.models.scale import FACTOR\n\nTWICE = 2 * FACTOR\n",
    "models/scale.py": "FACTOR = 1\n",
    "data/digits.py": "from reprise.nn import graph as g\n\ndef load():\n    return g.edges(3)\n",
    "data/digits.toml": "rows = 3\n",
    "shift/paper/__init__.py": 'from reprise.shift.paper.layer import Layer\n\n__all__ = ["Layer"]\n',
    "shift/paper/layer.py": "from reprise.errors import Problem\nfrom reprise.data.digits import load\n\n"
    'class Layer:\n    """A layer."""\n\n    width: int = 3\n\n    def run(self, x: float) -> float:\n'
    "        if x < 0:\n            raise Problem\n        return load() * x\n",
    "claims/shift/paper.py": "from typing import TYPE_CHECKING\n\nfrom reprise.claim import Claim\n"
    "from reprise.metrics import share\nfrom reprise.models import TWICE\nfrom reprise.shift.paper import Layer\n\n"
    "if TYPE_CHECKING:\n    from reprise.nn import unused\n\n"
    'CLAIMS = (Claim(id="a", says="better", margin=0.1, note=""),)\n\n'
    "def measure():\n    yield share(TWICE * Layer().run(1.0))\n",
}
MODULES = ("reprise.shift.paper", "reprise.claims.shift.paper")


@pytest.fixture
def written(tmp_path):
    """Give a function that writes the miniature package, changed in one file, and hashes it."""
    versions = iter(range(1000))

    def write(file=None, old="", new=""):
        root = tmp_path / str(next(versions)) / "reprise"
        for name, text in FILES.items():
            changed = text.replace(old, new) if name == file else text
            assert name != file or changed != text
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(changed)
        return root

    return write


def test_all_that_is_imported_is_reached_and_nothing_else(written):
    assert sources.reached(MODULES, written()) == [
        "reprise.claims.shift.paper",
        "reprise.data.digits",
        "reprise.metrics.counts",
        "reprise.models",
        "reprise.models.scale",
        "reprise.nn.graph",
        "reprise.shift.paper",
        "reprise.shift.paper.layer",
    ]


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("nn/graph.py", "n * n", "n * n - n"),
        ("data/digits.py", "edges(3)", "edges(4)"),
        ("data/digits.toml", "3", "4"),
        ("shift/paper/layer.py", "width: int = 3", "width: int = 4"),
        ("shift/paper/layer.py", "    width: int = 3\n", ""),
        ("shift/paper/layer.py", "x < 0", "x <= 0"),
        ("claims/shift/paper.py", "1.0", "2.0"),
        ("metrics/counts.py", "x / 2", "x / 3"),
        ("models/__init__.py", "2 *", "3 *"),
        ("models/scale.py", "1", "2"),
        ("claims/shift/paper.py", "0.1", "0.2"),
    ],
)
def test_a_change_of_code_changes_the_fingerprint(written, file, old, new):
    assert sources.digest(MODULES, written(file, old, new)) != sources.digest(MODULES, written())


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("__init__.py", "1", "2"),
        ("errors.py", "...", "pass"),
        ("nn/__init__.py", "Shared", "What is shared"),
        ("nn/unused.py", "42", "43"),
        ("metrics/others.py", "return x", "return -x"),
        ("metrics/__init__.py", "from reprise.metrics.others import rank\n", ""),
        ("nn/graph.py", "return n * n", "return n * n  # every pair"),
        ("nn/graph.py", "(n: int) -> int:\n", '(n):\n    """Count the pairs."""\n'),
        ("shift/paper/layer.py", "width: int", "width: float"),
        ("shift/paper/layer.py", "from reprise.errors", "import typing\nfrom reprise.errors"),
        ("claims/shift/paper.py", "better", "more accurate"),
        ("claims/shift/paper.py", 'note=""', 'note="as it came"'),
    ],
)
def test_a_cosmetic_change_does_not(written, file, old, new):
    assert sources.digest(MODULES, written(file, old, new)) == sources.digest(MODULES, written())


@pytest.mark.parametrize("slug", claims.runnable())
def test_a_paper_reaches_its_own_method_and_claims_and_what_they_share(slug):
    from reprise import catalogue

    paper = catalogue.paper(slug)
    found = sources.reached((paper.module, paper.claims_module))
    assert {paper.module, paper.claims_module} <= set(found)
    shared = ("reprise.nn.", "reprise.data.", "reprise.models.", "reprise.metrics.")
    assert any(module.startswith(shared) for module in found)
    assert not any(module.startswith(("reprise.cli", "reprise.report", "reprise.runner")) for module in found)


def test_a_fingerprint_names_its_scheme_and_imports_no_method():
    code = (
        "import sys; from reprise import claims; print(claims.fingerprint('spen')); "
        "assert 'torch' not in sys.modules and 'reprise.symmetry.spen' not in sys.modules"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert said == claims.fingerprint("spen")
    assert said.startswith("3:")
