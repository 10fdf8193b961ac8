"""Commands that messages, help and documents advise: each is one that the command line understands."""

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from command_tree import root_command

from core.settings import Settings
from core.training.recipes.keys import recipe_keys
from tui.command_line import doctor, review, web

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for package in ("labels", "core", "tui") for path in (ROOT / package).rglob("*.py"))
ROOT_COMMAND = root_command([review, web, doctor])

#: What stands in the place of a value that is only known when the sentence is said.
PLACE = "PLACE"
_CODE = re.compile(r"``?([^`]+)``?")
_PLAIN = re.compile(r"(?:^|[\s(:])samesku ((?:--?[a-z]|[a-z])[^`\n]*)")
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
#: Options of other programs that the sources and documents name.
FOREIGN = {
    # pip, git, jq, sshd, mlx, Python, apt
    "--break-system-packages", "--no-binary", "--only-binary", "--user", "--force-reinstall", "--recurse-submodules",
    "--upgrade",
}  # fmt: skip


def inner(command: Any) -> dict[str, Any]:
    """The verbs of a command that has some. Typer brings a click of its own, whose classes have no public names."""
    return getattr(command, "commands", {})


VERBS = set(inner(ROOT_COMMAND))
GROUPS = {name for name, command in inner(ROOT_COMMAND).items() if inner(command)}


@cache
def texts(path: Path) -> list[tuple[int, str]]:
    """Every string of a module with its line, its parts joined and its values replaced by a word."""
    return list(_texts(path))


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    inside: set[ast.AST] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            inside.update(ast.walk(node))
            parts = (part.value if isinstance(part, ast.Constant) else PLACE for part in node.values)
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in inside:
            yield node.lineno, node.value


def commands(text: str) -> Iterator[str]:
    """The command lines in a text, without the program's own name."""
    for code in _CODE.findall(text):
        words = code.split() or [""]
        if words[0] == "samesku":
            yield " ".join(words[1:])
        elif words[0] in VERBS and len(words) > 1 and (words[0] in GROUPS or words[1].startswith("--")):
            yield code
    for line in _PLAIN.findall(_CODE.sub(" ", re.sub(r"\n(?!\n)", " ", text))):
        if line.split()[0].rstrip(".,;:") in VERBS and not line.startswith("index run"):
            yield re.split(r"[.;,)](?:\s|$)", line)[0]


def fault(line: str) -> str:
    """Why the command line does not understand it; empty where it does."""
    first = re.split(r" (?:&&|\|) ", line)[0]
    try:
        words = shlex.split(first, comments=True)
    except ValueError:
        words = first.split()
    command: Any = ROOT_COMMAND
    known = _options(ROOT_COMMAND)
    rest: list[str] = []
    words = [word for before, word in zip(["", *words], words, strict=False) if before not in {"--home", "--as"}]
    for word in words:
        name = word.partition("=")[0]
        if name.startswith("--"):
            if name not in known and name not in _options(ROOT_COMMAND):
                return f"{command.name}: no option {name}"
        elif inner(command) and not rest and re.fullmatch(r"[a-z][a-z-]*[.,;:]?", word):
            found = inner(command).get(word.rstrip(".,;:"))
            if found is None:
                return f"{command.name}: no verb {word}"
            command, known = found, _options(found)
        elif inner(command):
            rest.append(word)
    return ""


def _options(command: Any) -> set[str]:
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}


def _all_options(command: Any) -> set[str]:
    return _options(command).union(*map(_all_options, inner(command).values()))


def test_every_command_that_the_program_advises_exists() -> None:
    faults = [
        f"{path.relative_to(ROOT)}:{number}: {line!r}: {why}"
        for path in SOURCES
        for number, text in texts(path)
        for line in commands(text)
        if (why := fault(line))
    ]
    assert faults == []


def test_every_option_that_the_program_names_exists() -> None:
    known = _all_options(ROOT_COMMAND) | FOREIGN
    faults = [
        f"{path.relative_to(ROOT)}:{number}: {name} in {text[:80]!r}"
        for path in SOURCES
        for number, text in texts(path)
        for name in _OPTION.findall(text)
        if name not in known
    ]
    assert faults == []


#: Only verbs that have it reach the message.
FITTING = {"--home", "--as", "--detach", "--force-reinstall"}


def test_a_hint_names_the_verb_of_its_option() -> None:
    """What is raised below the command line may end another verb than the one that has the option."""
    below = [path for path in SOURCES if "cli" not in path.parts and path.name != "command_line.py"]
    faults = []
    for path in below:
        for call in (
            node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)
        ):
            if ast.unparse(call.func).endswith("Error") and len(call.args) > 1:
                hint = _text(call.args[1])
                told = " ".join(commands(hint))
                bare = {name for name in _OPTION.findall(hint) if name not in told} - FITTING
                faults += [f"{path.relative_to(ROOT)}:{call.lineno}: {name}" for name in sorted(bare)]
    assert faults == []


def _text(node: ast.AST) -> str:
    """All that an expression may say."""
    return " ".join(str(each.value) for each in ast.walk(node) if isinstance(each, ast.Constant))


def test_every_setting_that_the_program_advises_exists() -> None:
    sections = Settings.model_fields
    known = {"section.key", *(key.name for key in recipe_keys())}
    faults = []
    for path in SOURCES:
        for number, text in texts(path):
            for section, name in re.findall(r"(?:--set |`)([a-z]+)\.([a-z_]+)\s*=", text):
                model = sections[section].annotation if section in sections else None
                if f"{section}.{name}" not in known and name not in getattr(model, "model_fields", {}):
                    faults.append(f"{path.relative_to(ROOT)}:{number}: {section}.{name}")
    assert faults == []


@pytest.mark.parametrize("document", ["README.md", "labels/SCHEMA.md"])
def test_every_command_in_the_documents_exists(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    shown = [*commands(text), *re.findall(r"^(?: {4}|\$ )samesku (.+)$", text, re.MULTILINE)]
    assert [(line, why) for line in shown if (why := fault(line))] == []


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("import walmart-amazon DIR --split auto", "walmart-amazon: no option --split"),
        ("labels importing FILE", "labels: no verb importing"),
        ("labels import FILE --split auto --as maria", ""),
        ("--home DIR import products FILE --map price='Unit Price'", ""),
    ],
)
def test_what_does_not_exist_is_found(line: str, why: str) -> None:
    assert fault(line) == why
