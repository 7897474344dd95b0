"""What code a paper's measurements come from: its modules and all of ours that they import, read but not run."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
# What finds, judges and describes has no part in a measurement: verdicts are derived anew from measurements anyway.
_APART = {"claim", "catalogue", "errors"}
_APART_ALONE = {(), ("claims",), ("claims", "sources"), ("data", "sources")}
_WORDS_OF_A_CLAIM = {"says", "note"}
_NOT_CODE = {"ctx", "kind", "type_comment", "type_ignores"}


def digest(modules: Iterable[str], root: Path = ROOT) -> str:
    """Hash the code of modules and of all that they import, one from another, within the package in `root`.

    Comments, docstrings, annotations, the order of imports and the words of a claim are not code: changing them
    changes nothing here, nor does what else a package hands on beside the names that are imported from it. A data file
    beside a module, of its name and ending in ``.toml``, belongs to it. Imports are read from the source, so a module
    that is only named while the code runs is not seen.

    Parameters
    ----------
    modules : dotted names, such as ``"reprise.symmetry.spen"``; one that does not exist adds nothing.
    root : the folder of the package.
    """
    hashed = hashlib.sha256()
    for module in reached(modules, root):
        file = _file(module, root)
        assert file is not None
        hashed.update(module.encode())
        hashed.update(_read(file, module)[0].encode())
    return hashed.hexdigest()[:16]


def reached(modules: Iterable[str], root: Path = ROOT) -> list[str]:
    """Give the modules themselves and all that they import within the package in `root`, sorted."""
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module in found or _is_apart(module) or (file := _file(module, root)) is None:
            continue
        found.add(module)
        waiting += [parent for parent in _parents(module) if _face(parent, root) is None]
        for source, name, _ in _read(file, module)[1]:
            waiting += _meant(source, name, root)
    return sorted(found)


def _meant(source: str, name: str, root: Path) -> list[str]:
    """Give the modules that importing a name from a module uses; a face stands for where it has the name from."""
    face = _face(source, root)
    if face is None or not name or name == "*":
        return [source, f"{source}.{name}".rstrip(".")]
    return _meant(*face[name], root) if name in face else [f"{source}.{name}"]


def _face(module: str, root: Path) -> dict[str, tuple[str, str]] | None:
    """Give where a package that only hands names on has each from; None of any other module."""
    file = _file(module, root)
    if file is None or file.name != "__init__.py":
        return None
    return _handed_on(file, module)


@functools.cache
def _handed_on(file: Path, module: str) -> dict[str, tuple[str, str]] | None:
    tree = _Bare().visit(ast.parse(file.read_text(encoding="utf-8")))
    for node in tree.body:
        is_list = isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]
        if not is_list and not isinstance(node, ast.ImportFrom):
            return None
    return {here: (source, name) for source, name, here in _imports(tree, module)}


def _parents(module: str) -> Iterator[str]:
    while module := module.rpartition(".")[0]:
        yield module


@functools.cache
def _read(file: Path, module: str) -> tuple[str, list[tuple[str, str, str]]]:
    """Give a file's code in one canonical form, and what it imports and uses: (module, name in it, name here)."""
    tree = _Bare().visit(ast.parse(file.read_text(encoding="utf-8")))
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} | {
        node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    imported = sorted(entry for entry in _imports(tree, package) if entry[2] in used or entry[2] == "*")
    beside = file.with_suffix(".toml")
    data = beside.read_text(encoding="utf-8") if beside.is_file() else ""
    return repr((imported, _canonical(tree), data)), imported


class _Bare(ast.NodeTransformer):
    """Leaves of a module what can change a number."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        is_docstring = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_docstring else self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        for_types = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        return node.orelse if for_types else node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id == "Claim":
            node.keywords = [keyword for keyword in node.keywords if keyword.arg not in _WORDS_OF_A_CLAIM]
        return self.generic_visit(node)


def _imports(tree: ast.AST, package: str) -> Iterator[tuple[str, str, str]]:
    """Give what is imported as (module, name in it, name here)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, "", alias.asname or alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom):
            source = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            for alias in node.names:
                yield source, alias.name, alias.asname or alias.name


def _canonical(part: object) -> object:
    """Give a tree as nested lists that are the same in every version of Python (`ast.dump` differs between them)."""
    if isinstance(part, list):
        return [_canonical(entry) for entry in part if not isinstance(entry, ast.Import | ast.ImportFrom)]
    if not isinstance(part, ast.AST):
        return part
    fields = {name: value for name, value in ast.iter_fields(part) if name not in _NOT_CODE}
    return [type(part).__name__, *((name, _canonical(v)) for name, v in fields.items() if v is not None and v != [])]


def _is_apart(module: str) -> bool:
    _, *path = module.split(".")
    return tuple(path) in _APART_ALONE or path[0] in _APART


def _file(module: str, root: Path) -> Path | None:
    package, *path = module.split(".")
    if package != root.name:
        return None
    place = root.joinpath(*path)
    for file in (place / "__init__.py", place.with_suffix(".py")):
        if file.is_file():
            return file
    return None
