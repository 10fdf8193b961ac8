"""The documentation site builds without warnings, loads nothing from other hosts, and is current."""

import html
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from core.settings import Settings
from core.training.recipes.keys import recipe_keys
from core.training.recipes.sources import SHIPPED
from docs.scripts.diagrams import ASSETS, diagrams
from docs.scripts.reference import (
    command_reference,
    commands,
    key_reference,
    pages,
    recipe_reference,
    settings_reference,
)
from labels.model import Stream
from tui.common.words import STREAM_HELP
from tui.key_bindings import GROUPS

ROOT = Path(__file__).parents[2]

#: What makes a browser load something: attributes of elements, and style sheets.
_LOADS = re.compile(
    r"""<(?:script|img|iframe|source|video|audio|embed|use|image)\b[^>]*?\b(?:src|href)=["']?((?:https?:)?//[^"'\s>]+)"""
    r"""|<link\b(?![^>]*rel=["']?canonical)[^>]*\bhref=["']?((?:https?:)?//[^"'\s>]+)"""
    r"""|(?:url\(|@import\s+)["']?((?:https?:)?//[^"')\s]+)"""
)

#: A mark of `docs.scripts.reference`.
_MARK = re.compile(r"<!-- (?:generated:|include:|end -->)")


def loaded(text: str) -> list[str]:
    """The addresses of other hosts that a page or style sheet loads from."""
    return ["".join(found) for found in _LOADS.findall(text)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    pytest.importorskip("mkdocs", reason="needs the extra docs")
    pytest.importorskip("material", reason="needs the extra docs")
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


@pytest.mark.slow
def test_the_site_builds_with_every_page(site: Path) -> None:
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    assert pages <= {path.relative_to(site) for path in site.rglob("*.html")}
    left = [path.name for path in site.rglob("*.html") if _MARK.search(path.read_text(encoding="utf-8"))]
    assert left == []


@pytest.mark.slow
def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    pages = [path for kind in ("*.html", "*.css", "*.svg") for path in site.rglob(kind)]
    assert len(pages) > 20
    faults = [
        f"{path.relative_to(site)}: {address}" for path in pages for address in loaded(path.read_text(encoding="utf-8"))
    ]
    assert faults == []


@pytest.mark.parametrize(
    "text",
    [
        "<script src='https://cdn.example/x.js'></script>",
        '<link rel="stylesheet" href="//fonts.example/css">',
        "@font-face{src:url(https://cdn.example/f.woff2)}",
    ],
)
def test_what_is_loaded_from_elsewhere_is_found(text: str) -> None:
    assert len(loaded(text)) == 1


@pytest.mark.slow
def test_the_site_tells_every_verb_setting_and_key(site: Path) -> None:
    pages = {
        name: html.unescape((site / "reference" / f"{name}.html").read_text(encoding="utf-8"))
        for name in ("command-line", "settings", "keys")
    }
    for path, _ in commands():
        assert len(path) == 1 or " ".join(path) in pages["command-line"], path
    for section in Settings.model_fields:
        assert f"[{section}]" in pages["settings"]
    for _, acts in GROUPS:
        for act in acts:
            assert act.help in pages["keys"], act.id


def test_the_reference_in_the_repository_is_current() -> None:
    """The pages are also read in the repository, where no site build fills them."""
    current = pages()
    assert {path.stem for path in current} == {"command-line", "keys", "recipes", "settings"}
    for path, text in current.items():
        assert path.read_text(encoding="utf-8") == text, "run `make reference`"


def test_every_option_is_in_the_reference() -> None:
    text = command_reference()
    for path, command in commands():
        for option in command.params:
            if option.param_type_name == "option" and not option.hidden and option.name not in _OF_THE_SHELL:
                assert f"`{option.opts[0]}`" in text, (path, option.opts)


#: Options that every Typer program has.
_OF_THE_SHELL = {"help", "install_completion", "show_completion"}


def test_every_setting_is_in_the_reference_with_its_default() -> None:
    rows = re.findall(r"^\| `(\w+)` \| .+ \| (?:`.*`|from the recipe) \| .*\|$", settings_reference(), re.MULTILINE)
    sections = [field.annotation for field in Settings.model_fields.values()]
    assert rows == [name for section in sections for name in getattr(section, "model_fields", {})]


def test_every_key_of_a_recipe_and_every_shipped_recipe_is_in_the_reference() -> None:
    recipes, keys = recipe_reference().split("## Keys")
    assert re.findall(r"^\| `([\w-]+)` \| .+ \| `.*` \|$", recipes, re.MULTILINE) == list(SHIPPED)
    assert re.findall(r"^\| `([\w.]+)` \| .+ \| .+ \|$", keys, re.MULTILINE) == [key.name for key in recipe_keys()]


def test_every_key_is_in_the_reference() -> None:
    text = key_reference()
    for _, acts in GROUPS:
        for act in acts:
            keys = " ".join(f"`{key}`" for key in act.shown.split())
            assert f"| {keys} | `{act.id}` |" in text


def test_the_diagrams_are_current() -> None:
    for name, content in diagrams().items():
        assert (ASSETS / name).read_text(encoding="utf-8") == content, "run `python -m docs.scripts.diagrams`"


def test_the_pictures_are_small_and_load_nothing() -> None:
    for path in ASSETS.glob("*.svg"):
        assert path.stat().st_size < 2**20
        assert loaded(path.read_text(encoding="utf-8")) == []
        assert "<script" not in path.read_text(encoding="utf-8")


def test_the_readme_is_short_and_its_links_lead_somewhere() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(readme.split()) <= 700
    for page in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        for link in re.findall(r"\]\(([^)#\s]+)", (ROOT / page).read_text(encoding="utf-8")):
            assert link.startswith("https://") or (ROOT / link).exists(), (page, link)


def test_every_stream_has_one_definition() -> None:
    """The one that the desk shows is in the glossary and on the page for teams."""
    pages = {name: (ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("glossary.md", "how-to/team.md")}
    for stream, sentence in STREAM_HELP.items():
        for name, text in pages.items():
            if stream is not Stream.ADJUDICATION or name != "glossary.md":  # there, it is the act
                assert sentence.rstrip(".").lower() in " ".join(text.lower().split()), (stream, name)
    for name in ("README.md", "docs/how-to/own-catalogues.md"):
        (line,) = re.findall(r"--stream triage +# (.+)", (ROOT / name).read_text(encoding="utf-8"))
        assert STREAM_HELP[Stream.TRIAGE].rstrip(".").lower() in line, name


def test_the_glossary_has_every_term_once_in_order() -> None:
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    terms = re.findall(r"^(\S.*)\n:   ", page, re.MULTILINE)
    assert len(terms) > 50
    assert terms == sorted(set(terms), key=str.lower)
