"""How missing packages are installed."""

import ast
import tomllib
from pathlib import Path

import pytest

from core.errors import CoreError
from core.packages import install_hint, require_packages

ROOT = Path(__file__).parents[2]
SOURCES = [path for package in ("labels", "core", "tui") for path in (ROOT / package).rglob("*.py")]


def test_the_hint_installs_from_the_folder_of_the_project() -> None:
    assert install_hint("train", "offline").endswith("pip install -c constraints.txt -e '.[train,offline]'")
    with pytest.raises(CoreError, match="A chart needs packages that are not installed: no_such_package") as caught:
        require_packages("A chart needs", ["no_such_package", "json"], install_hint("report"))
    assert ".[report]" in caught.value.hint


def test_no_hint_asks_a_package_index_for_this_project() -> None:
    assert SOURCES
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        assert "samesku[" not in text, path
        assert path.name == "packages.py" or "pip install -c" not in text, path


def test_the_hints_name_extras_that_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    named = {
        argument.value
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "install_hint"
        for argument in node.args
        if isinstance(argument, ast.Constant)
    }
    assert {"train", "serve", "web", "judge"} <= named
    assert named <= extras.keys()
