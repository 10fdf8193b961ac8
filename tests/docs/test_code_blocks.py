"""The code in README and documentation works: commands are run where that is quick, and parsed everywhere."""

import csv
import json
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from tiny_encoder import write_tiny_sentence_encoder

from core.catalog.demo import demo_catalogue
from core.serving.schemas import FeedbackRequest, MatchRequest
from core.settings import RetrainSettings
from core.training.recipes.recipe import Recipe
from core.training.recipes.sources import resolve_recipe
from core.training.sweep.space import read_space
from docs.scripts.reference import commands, on_page_markdown
from tui.command_line import start

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
SHELL = {"sh", "console", "bash"}

#: Verbs that are parsed only, and why.
NOT_RUN = {
    "demo": "opens the desk",
    "review": "opens the desk",
    "web": "serves until it is ended",
    "serve": "serves until it is ended",
    "fetch": "needs a network",
    "retrain": "trains an encoder",
    "jobs": "needs a job",
    "judge": "needs a model",
    "models show": "needs a trained encoder",
    "models compare": "needs two encoders",
    "models merge": "needs an adapter",
    "models promote": "needs a trained encoder",
    "models rollback": "needs a trained encoder",
}
#: Options of verbs that are run otherwise, likewise.
NOT_RUN_WITH = {
    "--judge": "needs a model",
    "--against": "needs 50 validation queries",
    "--auto": "needs a certified band",
    "--engine": "needs Ray",
    "--home": "a workspace of another demo",
}
#: Queries and candidates of the small workspace, and how many of the queries are labelled.
QUERIES, PRODUCTS, LABELLED = 30, 100, 24


@dataclass(frozen=True)
class Block:
    """A fenced block of code.

    Attributes:
        page: the file, from the repository's root.
        line: of its first line.
        language: what stands behind the fence.
    """

    page: str
    line: int
    language: str
    text: str


def blocks(path: Path) -> Iterator[Block]:
    """The fenced blocks of a page, those of included files too."""
    page = str(path.relative_to(ROOT))
    text = on_page_markdown(path.read_text(encoding="utf-8"))
    for found in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield Block(page, text.count("\n", 0, found.start()) + 2, found[1], found[2])


BLOCKS = [block for page in PAGES for block in blocks(page)]


def calls(block: Block) -> Iterator[list[str]]:
    """The arguments of each `samesku` in a block of shell commands."""
    for line in block.text.splitlines():
        words = shlex.split(line.removeprefix("$ "), comments=True)
        for first, part in groupby(words, lambda word: word in {"&&", "|"}):
            command = list(part)
            if not first and command[0].endswith("samesku"):
                yield command[1:]


@cache
def verbs() -> dict[str, Any]:
    """Every command by its name without the program's own."""
    return {" ".join(path[1:]): command for path, command in commands()}


def fault(arguments: list[str]) -> str:
    """Why the command line does not understand the arguments; empty where it does."""
    known = verbs()
    root = known[""]
    words, command, path = list(arguments), root, ""
    while words:
        word = words.pop(0)
        if word.startswith("--"):
            option = _option(command, word) or _option(root, word)
            if word == "--help":
                continue
            if option is None:
                return f"{path or 'samesku'} has no option {word}"
            if not option.is_flag and "=" not in word and words:
                words.pop(0)
        elif getattr(command, "commands", {}) and re.fullmatch(r"[a-z-]+", word):
            path = f"{path} {word}".strip()
            if path not in known:
                return f"there is no verb {path}"
            command = known[path]
    return ""


def _option(command: Any, word: str) -> Any:
    names = {name: each for each in command.params for name in (*each.opts, *each.secondary_opts)}
    return names.get(word.partition("=")[0])


def why_not_run(arguments: list[str]) -> str:
    """Why a command is parsed only; empty where it can be run."""
    if any(re.fullmatch(r"[A-Z]{2,}", word) for word in arguments):
        return "a placeholder"
    if any(word.startswith("/") for word in arguments):
        return "a path of another machine"
    for option, why in NOT_RUN_WITH.items():
        if option in arguments:
            return why
    words = [word for word in arguments if not word.startswith("-")]
    return NOT_RUN.get(words[0], "") or NOT_RUN.get(" ".join(words[:2]), "")


# -- parsed ----------------------------------------------------------------------------------------------------


def test_every_command_in_a_block_exists() -> None:
    shown = [(block, call) for block in BLOCKS if block.language in SHELL for call in calls(block)]
    assert len(shown) > 100
    assert [f"{block.page}:{block.line}: {why}" for block, call in shown if (why := fault(call))] == []


def test_every_command_in_the_text_exists() -> None:
    faults = []
    for page in PAGES:
        text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        for line in re.findall(r"`samesku ([^`]+)`", text):
            words = [word for word in shlex.split(line) if word != "VERB"]
            if why := fault(words):
                faults.append(f"{page.relative_to(ROOT)}: {line}: {why}")
    assert faults == []


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    faults = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        named = re.findall(r"`make ([a-z-]+)", text) + re.findall(r"^make ([a-z-]+)", text, re.MULTILINE)
        faults += [f"{page.relative_to(ROOT)}: make {name}" for name in named if name not in targets]
    assert faults == []


def test_every_block_is_of_a_kind_that_is_checked() -> None:
    """A new kind of block needs a check of its own here."""
    assert {block.language for block in BLOCKS} <= {*SHELL, "python", "toml", "yaml", "json", "sql", "text", ""}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("labels importing FILE", "there is no verb labels importing"),
        ("match --kk 10", "match has no option --kk"),
        ("--home DIR labels import FILE --as maria", ""),
        ("import products FILE --source amazon --map price='Unit Price'", ""),
    ],
)
def test_what_does_not_exist_is_found(line: str, why: str) -> None:
    assert fault(shlex.split(line)) == why


# -- run -------------------------------------------------------------------------------------------------------


def run(arguments: list[str], home: Path) -> int:
    """Run a command in this process; returns its exit code."""
    with pytest.raises(SystemExit) as end:
        start(["--home", str(home), *arguments])
    return end.value.code if isinstance(end.value.code, int) else 0


def write_files(folder: Path) -> None:
    """The files that the pages name: two small catalogues, their changes, and labels."""
    import openpyxl  # noqa: PLC0415 - an extra
    import pyarrow  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    demo = demo_catalogue()
    queries = demo.queries[:QUERIES]
    wanted = {product for query, product in demo.gold if query in {each.id for each in queries}}
    near = [each for each in demo.products if each.id in wanted]
    products = (near + [each for each in demo.products if each.id not in wanted])[:PRODUCTS]
    rows = [{"id": q.id, "title": q.title, "brand": q.brand, "category": q.category} for q in queries]
    (folder / "listings").mkdir()
    for name, part in (
        ("walmart.csv", rows), ("walmart-monday.csv", rows[:-1]), ("target.csv", rows[:20]),
        ("listings/1.csv", rows), ("listings/2.csv", rows[:9]),
    ):  # fmt: skip
        with (folder / name).open("w", newline="", encoding="utf-8") as out:
            writer = csv.DictWriter(out, list(rows[0]))
            writer.writeheader()
            writer.writerows(part)
    with (folder / "known.csv").open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["source", "id", "product"])
        for source, part in (("walmart", queries), ("amazon", products)):
            writer.writerows((source, p.id, next((q for q, other in demo.gold if other == p.id), p.id)) for p in part)
    with (folder / "shop.csv").open("w", newline="", encoding="utf-8") as out:
        listings = csv.DictWriter(out, list(rows[0]))
        listings.writeheader()
        listings.writerows([*rows, *({name: getattr(p, name) for name in rows[0]} for p in products)])
    table = [{"asin": p.id, "title": p.title, "brand": p.brand, "category": p.category} for p in products]
    parquet.write_table(pyarrow.Table.from_pylist(table), folder / "amazon.parquet")
    book = openpyxl.Workbook()
    book.active.title = "Price list"
    for row in [["asin", "title", "Unit Price"], *([p.id, p.title, "9.99"] for p in products[:20])]:
        book.active.append(row)
    book.save(folder / "prices.xlsx")


def write_labels(folder: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Labels of most queries' candidates, by the demo's known answers."""
    gold = demo_catalogue().gold
    capsys.readouterr()
    assert run(["match", "--json", "--quiet"], home) == 0
    rows = json.loads(capsys.readouterr().out)["matches"]
    labelled = list(dict.fromkeys(row["query_id"] for row in rows))[:LABELLED]
    for name in ("train.csv", "pairs.csv"):
        with (folder / name).open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out)
            writer.writerow(["query_id", "candidate_id", "label"])
            for row in rows:
                if row["query_id"] in labelled:
                    pair = row["query_id"], row["candidate_id"]
                    writer.writerow([*pair, int(pair in gold)])


def write_workspace(folder: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A workspace that two people have labelled, and the files beside it."""
    write_files(folder)
    for source, file, role in (("walmart", "walmart.csv", "query"), ("amazon", "amazon.parquet", "catalog")):
        assert run(["import", "products", str(folder / file), "--source", source, "--role", role], home) == 0
    assert run(["index"], home) == 0
    write_labels(folder, home, capsys)
    for name in ("maria", "bob"):
        assert run(["labels", "import", str(folder / "train.csv"), "--as", name], home) == 0
    assert run(["labels", "backup"], home) == 0
    assert run(["index"], home) == 0


@pytest.fixture(scope="module")
def made() -> dict[str, Path]:
    """Where the encoder and the workspace were made, once, for all pages."""
    return {}


@pytest.fixture
def shop(
    made: dict[str, Path],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Path:
    """A folder of its own with the files that the pages name, and a labelled workspace in `home`."""
    if not made:
        folder = tmp_path_factory.mktemp("shop")
        titles = [each.title for each in demo_catalogue().products[:PRODUCTS]]
        made["encoder"] = write_tiny_sentence_encoder(folder / "tiny", titles)
    # A small one, since no page is about what it finds.
    monkeypatch.setenv("SAMESKU_ENCODER__MODEL", str(made["encoder"]))
    if "shop" not in made:
        folder = made["encoder"].parents[1]
        write_workspace(folder, folder / "home", capsys)
        made["shop"] = folder
    shutil.copytree(made["shop"], tmp_path / "shop")
    monkeypatch.chdir(tmp_path / "shop")
    return tmp_path / "shop"


def is_run(block: Block) -> bool:
    """Whether there is something in it to run; the reference's examples stand alone, and are parsed only."""
    if block.page == "docs/reference/command-line.md":
        return False
    return block.language == "python" or (block.language in SHELL and any(calls(block)))


PAGES_WITH_CODE = sorted({block.page for block in BLOCKS if is_run(block)})


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES_WITH_CODE)
def test_the_code_of_a_page_runs(page: str, shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One after the other, in one workspace; a page that begins with an import begins with an empty one."""
    parts = [block for block in BLOCKS if block.page == page and is_run(block)]
    first = next((call for block in parts if block.language in SHELL for call in calls(block)), [])
    home = shop / ("matching" if first[:2] == ["import", "products"] else "home")
    for block in parts:
        if block.language == "python":
            exec(compile(block.text, f"{page}:{block.line}", "exec"), {})  # noqa: S102 - our own documentation
            continue
        for arguments in calls(block):
            if arguments[0] == "review" and home != shop / "home":
                # What people would answer at the desk.
                assert run(["labels", "import", "train.csv", "--as", "maria"], home) == 0
            if not why_not_run(arguments):
                code = run(arguments, home)
                out, err = capsys.readouterr()
                assert code == 0, f"samesku {shlex.join(arguments)}\n{out}\n{err}"


@pytest.mark.slow
@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "yaml"], ids=lambda b: f"{b.page}:{b.line}")
def test_recipes_are_valid(tmp_path: Path, block: Block) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(block.text)
    if block.page.endswith("sweep.md"):
        assert read_space(file, Recipe(), {}).dimensions
    else:
        assert resolve_recipe(RetrainSettings(), str(file)).description


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "toml"], ids=lambda b: f"{b.page}:{b.line}")
def test_a_settings_file_is_accepted(block: Block, shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first line says which file of the workspace it is."""
    name = re.match(r"# ([a-z]+\.toml)", block.text)
    assert name, "begin the block with the file's name, such as `# samesku.toml`"
    (shop / "home" / name[1]).write_text(block.text, encoding="utf-8")
    code = run(["settings"] if name[1] == "samesku.toml" else ["index"], shop / "home")
    assert code == 0, capsys.readouterr().err
    if "[keys]" in block.text:
        assert run(["doctor", "--json"], shop / "home") == 0


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "json"], ids=lambda b: f"{b.page}:{b.line}")
def test_a_request_is_valid(block: Block) -> None:
    request = json.loads(block.text)
    model = FeedbackRequest if "decision" in request else MatchRequest
    assert request
    # Whatever the block names is a field: none is misspelt and ignored.
    assert model.model_validate(request).model_fields_set == request.keys()


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.language == "sql"], ids=lambda b: f"{b.page}:{b.line}")
def test_a_query_of_the_ledger_runs(block: Block, shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for statement in re.sub(r"^--.*\n", "", block.text, flags=re.MULTILINE).split(";")[:-1]:
        assert run(["labels", "query", statement.strip()], shop / "home") == 0, capsys.readouterr().err
