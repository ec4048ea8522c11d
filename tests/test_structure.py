"""The structure of the package: no circle of imports, short modules, one meaning per name, references that resolve."""

import ast
import builtins
import importlib
import re
import subprocess
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from tests.helpers import ROOT

CONVENTIONAL = {"__all__", "_LOGGER", "learn", "logger"}

MODULES = sorted((ROOT / "segtool").rglob("*.py"))
CODE = [*MODULES, *sorted((ROOT / "scripts").glob("*.py")), *sorted((ROOT / "tests").glob("*.py"))]


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {name_of(path): path for path in MODULES}


@cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def for_type_checkers(node):
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def imports_of(path, inside=False):
    """Modules of the package that a module imports when it is imported; or also when its functions run."""
    found, open_nodes = set(), [tree_of(path)]
    while open_nodes:
        node = open_nodes.pop()
        if for_type_checkers(node) or (isinstance(node, ast.FunctionDef | ast.Lambda) and not inside):
            continue
        open_nodes += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            found.update(each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            for each in node.names:
                whole = f"{node.module}.{each.name}"
                found.add(whole if whole in NAMES else node.module)
    return found & NAMES.keys() - {name_of(path)}


def circles(graph):
    """Sets of nodes that reach one another (Tarjan 1972)."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(graph[node]):
            if other not in index:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == index[node]:
            circle = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(circle) > 1:
                found.append(sorted(circle))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return sorted(found)


def room_of(name):
    """The subpackage of a module; a module at the top is a room of its own."""
    return name.split(".")[1] if name.count(".") else name


def rooms(inside):
    graph = defaultdict(set)
    for name, path in NAMES.items():
        graph[room_of(name)].update(room_of(each) for each in imports_of(path, inside) - {"segtool"})
        graph[room_of(name)].discard(room_of(name))
    return graph


# Imports


def test_modules_import_one_another_without_circles():
    assert circles({name: imports_of(path) for name, path in NAMES.items()}) == []
    assert circles({name: imports_of(path, inside=True) for name, path in NAMES.items()}) == []


def test_circles_are_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}) == [["b", "c"]]


@pytest.mark.parametrize("inside", [False, True])
def test_rooms_import_one_another_without_circles(inside):
    assert circles(rooms(inside)) == []


# Sizes


def test_modules_are_short():
    long = [str(path.relative_to(ROOT)) for path in CODE if path.read_text(encoding="utf-8").count("\n") >= 400]
    assert long == []


# Names


def test_tracked_paths_are_plain():
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True)
    if done.returncode or not done.stdout:
        pytest.skip("not a git checkout")
    assert [path for path in done.stdout.decode().split("\0") if not re.fullmatch(r"[A-Za-z0-9._/-]*", path)] == []


def test_no_file_has_marks_of_a_merge():
    done = subprocess.run(["git", "grep", "-nE", "^(<{7}|>{7}) "], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == ""


def defined_in(path):
    """Names that a module defines at its top."""
    for node in tree_of(path).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        for target in node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]:
            for each in target.elts if isinstance(target, ast.Tuple) else [target]:
                if isinstance(each, ast.Name):
                    yield each.id


def test_a_name_has_one_meaning():
    homes = defaultdict(list)
    for name, path in NAMES.items():
        if name.startswith("segtool.integrations.jieba"):
            continue  # its names are those of jieba
        for each in defined_in(path):
            homes[each].append(name)
    several = {name for name, modules in homes.items() if len(modules) > 1} - CONVENTIONAL
    assert {name: homes[name] for name in several} == {}


# References


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_references_resolve(path):
    if "integrations" in path.parts:
        pytest.importorskip(name_of(path))
    for name in re.findall(r":(?:func|class|mod|meth|data|attr|exc):`~?([^`]*)`", path.read_text(encoding="utf-8")):
        assert resolves(name, path), name


def resolves(name, path):
    """Whether a name is that of a module, of something in one, or of something in this one or in a class of it."""
    parts = name.split(".")
    homes = [importlib.import_module(name_of(path)), builtins]
    homes += [each for each in vars(homes[0]).values() if isinstance(each, type)]
    if any(has(home, parts) for home in homes):
        return True
    for end in range(len(parts), 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:end]))
        except ImportError:
            continue
        return has(module, parts[end:])
    return False


def has(home, parts):
    for part in parts:
        fields = getattr(home, "__dataclass_fields__", {})
        if not hasattr(home, part) and part not in fields:
            return False
        home = getattr(home, part, None)
    return True


def test_references_that_do_not_resolve_are_found():
    here = Path(__file__)
    for name in ("segtool.train", "segtool.lm", "segtool.settings.TrainingSettings.passes", "resolves", "re.match"):
        assert resolves(name, here), name
    for name in ("segtool.trane", "segtool.nowhere", "segtool.settings.TrainingSettings.steps", "unresolved"):
        assert not resolves(name, here), name
