"""The rooms of the package: which imports which, and what a reader may expect of each module."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

import altertable_dbapi

PACKAGE = Path(altertable_dbapi.__file__).parent

#: A room imports from itself and from the lines before its own, not from others of its line.
ORDER = """
notebook
errors dbapi20 interval
process statement rows
protocol
settings parameters
logs arrow_input
result
session
catalog
ingest
execution
executemany
cursor
connection
local
_connect
__init__
pieces pool
aio airflow doctor sqlalchemy polars
cli
__main__
"""
LEVELS = {room: level for level, line in enumerate(ORDER.split("\n")) for room in line.split()}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(module: str) -> str:
    """The room of a module, by its dotted name below the package."""
    return module.split(".")[0] or "__init__"


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def is_module(name: str) -> bool:
    path = PACKAGE.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or path.is_dir()


def imported(path: Path) -> Iterator[str]:
    """What a module imports of the package, unless for its types alone."""
    package = ["altertable_dbapi", *path.relative_to(PACKAGE).parts[:-1]]
    pending: list[ast.AST] = [ast.parse(path.read_text())]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            pending += node.orelse
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            whole = [*base, *(node.module or "").split(".")]
            if whole[0] == "altertable_dbapi":
                names = [".".join(filter(None, [*whole[1:], alias.name])) for alias in node.names]
                yield from (n if is_module(n) else n.rpartition(".")[0] for n in names)
        else:
            pending += ast.iter_child_nodes(node)


def test_each_room_imports_those_before_it_alone() -> None:
    wrong = []
    for path in MODULES:
        here = room_of(name_of(path))
        for module in imported(path):
            there = room_of(module)
            if there != here and LEVELS[there] >= LEVELS[here]:
                wrong.append(f"{name_of(path)} imports {module}")
    assert not wrong, "\n".join(wrong)


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {name_of(path): set(imported(path)) for path in MODULES}
    graphlib.TopologicalSorter(graph).prepare()


def test_the_tests_of_a_room_are_in_a_folder_of_its_name() -> None:
    folders = {path.parent.name for path in Path(__file__).parent.rglob("*/*.py")}
    # Those of `lake` need an environment of their own.
    assert folders - {"support", "lake"} <= LEVELS.keys()
    assert not list(Path(__file__).parent.glob("support/test_*.py"))


#: Lines of a module, and methods of a class that is not an interface of a standard.
MOST_LINES, MOST_METHODS = 400, 20

#: The classes whose methods somebody else names (PEP 249 and ADBC, SQLAlchemy, Airflow,
#: pyarrow.flight), and a value with the operators of Python.
INTERFACES = {
    "AsyncConnection",
    "AsyncCursor",
    "AltertableCompiler",
    "AltertableHook",
    "Connection",
    "Cursor",
    "Interval",
    "Service",
}


def test_no_module_is_long() -> None:
    long = [
        f"{name_of(path)}: {lines} lines"
        for path in MODULES
        if (lines := len(path.read_text().splitlines())) > MOST_LINES
    ]
    assert not long, "\n".join(long)


def test_no_class_has_many_methods() -> None:
    many = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and node.name not in INTERFACES:
                methods = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
                if len(methods) > MOST_METHODS:
                    many.append(f"{name_of(path)}.{node.name}: {len(methods)} methods")
    assert not many, "\n".join(many)
