"""Figures of the code's structure: files, lines, importers, cycles between areas, function-level imports, markers.

`python -m tests.bench.structure [FOLDER]` prints them for the packages labels, core and tui of a checkout.
"""

import ast
import sys
from collections import defaultdict
from pathlib import Path

PACKAGES = ("labels", "core", "tui")


def modules_in(root: Path) -> dict[str, Path]:
    """Path of each module by its full name; a package's name is that of its `__init__`."""
    paths = sorted(path for package in PACKAGES for path in (root / package).rglob("*.py"))
    return {".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


def imports_of(tree: ast.AST, modules: dict[str, Path], *, top_level: bool = False) -> set[str]:
    """The project's own modules that a module imports anywhere, or at its top level only."""
    found: set[str] = set()
    nodes = ast.iter_child_nodes(tree) if top_level else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            found.update(name if name in modules else node.module for name in names)
    return found & modules.keys()


def function_level_imports(tree: ast.AST) -> int:
    """Import statements inside functions."""
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    inner = {id(node) for function in functions for node in ast.walk(function)}
    return sum(isinstance(node, ast.Import | ast.ImportFrom) and id(node) in inner for node in ast.walk(tree))


def area_of(module: str) -> str:
    """The part of a package that one layer of the import contract names."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "core" else parts[0]


def strongly_connected(graph: dict[str, set[str]]) -> list[set[str]]:
    """The groups of two or more nodes that reach one another (by reachability: the graph is small)."""

    def reachable(start: str) -> set[str]:
        seen: set[str] = set()
        queue = [start]
        while queue:
            for node in graph.get(queue.pop(), ()):
                if node not in seen:
                    seen.add(node)
                    queue.append(node)
        return seen

    reach = {node: reachable(node) for node in graph}
    groups = {frozenset({other for other in reach[node] if node in reach.get(other, ())} | {node}) for node in graph}
    return [set(group) for group in groups if len(group) > 1]


def main() -> None:
    """Print the figures."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    modules = modules_in(root)
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in modules.items()}
    lines = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in modules.items()}
    importers: dict[str, set[str]] = defaultdict(set)
    areas: dict[str, set[str]] = defaultdict(set)
    for name, tree in trees.items():
        for other in imports_of(tree, modules):
            importers[other].add(name)
        for other in imports_of(tree, modules, top_level=True):
            if area_of(other) != area_of(name):
                areas[area_of(name)].add(area_of(other))
    text = "".join(path.read_text(encoding="utf-8") for path in modules.values())
    snapshots = list((root / "tests").rglob("*.svg"))
    figures = [
        f"files                    {len(modules):,}",
        f"lines                    {sum(lines.values()):,}",
        f"mean lines per file      {sum(lines.values()) / len(modules):.0f}",
        f"modules with 1 importer  {sum(len(importers[name]) == 1 for name in modules):,}",
        f"cycles between areas     {[sorted(group) for group in strongly_connected(areas)] or 0}",
        f"function-level imports   {sum(map(function_level_imports, trees.values())):,}",
        f"noqa markers             {text.count('# noqa'):,}",
        f"snapshots                {len(snapshots):,}, {sum(path.stat().st_size for path in snapshots) / 1e6:.1f} MB",
    ]
    sys.stdout.write("\n".join(figures) + "\n")


if __name__ == "__main__":
    main()
