"""Endless, irregular and malformed input files: one clear error, in bounded memory."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from core.catalog.pair_table import labelled_lines, pair_lines
from labels.errors import LabelsError, SameskuError
from labels.exchange import json_values
from labels.exchange.files import MAX_COLUMNS, MAX_NAME, MAX_ROW, settings_text
from labels.exchange.json_values import json_text, read_json_lines, read_json_list
from labels.exchange.prodigy import read_prodigy
from labels.exchange.tasks import Defaults
from labels.snapshot import open_existing, open_immutable

READERS: dict[str, Callable[[Path], object]] = {
    "pairs": pair_lines,
    "labels": labelled_lines,
    "lines": lambda path: list(read_json_lines(path)),
    "list": lambda path: list(read_json_list(path)),
    "prodigy": lambda path: read_prodigy(path, Defaults("eve")),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_missing_and_irregular_files_are_refused(tmp_path: Path, read: Callable[[Path], object]) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(SameskuError, match=r"fifo is a FIFO, not a regular file\.$") as refusal:
        read(fifo)
    assert refusal.value.hint.startswith("Write its output to a file first")
    with pytest.raises(SameskuError, match="is a device, not a regular file"):
        read(Path("/dev/zero"))
    with pytest.raises(SameskuError, match="is a folder, not a regular file"):
        read(tmp_path)
    with pytest.raises(SameskuError, match=r"^There is no file .*none\.$"):
        read(tmp_path / "none")


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_a_link_named_by_the_user_is_followed(tmp_path: Path, read: Callable[[Path], object]) -> None:
    (tmp_path / "link").symlink_to("/dev/zero")
    with pytest.raises(SameskuError, match="is a device"):
        read(tmp_path / "link")
    (tmp_path / "pairs.csv").write_text("1,2\n")
    (tmp_path / "good").symlink_to("pairs.csv")
    assert len(pair_lines(tmp_path / "good")) == 1


def test_databases_are_regular_files_too(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "labels.db")
    for opened in (open_existing, open_immutable):
        with pytest.raises(LabelsError, match="is a FIFO, not a regular file"), opened(tmp_path / "labels.db"):
            pass


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_an_endless_line_is_refused(tmp_path: Path, read: Callable[[Path], object]) -> None:
    path = tmp_path / "zeros"
    path.touch()
    os.truncate(path, 4 * 2**30)  # sparse: it takes no room
    with pytest.raises(SameskuError) as refusal:
        read(path)
    assert len(refusal.value.message) < 300


@pytest.mark.slow
def test_an_overlong_row_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text('1,2\n3,"' + f"{'x' * 63}\n" * (MAX_ROW // 64) + '"\n')
    with pytest.raises(LabelsError, match="line 2: broken quoting"):
        pair_lines(path)


def test_too_many_columns_and_overlong_ids_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("1,2" + "," * MAX_COLUMNS + "\n")
    with pytest.raises(SameskuError, match=f"a table may have {MAX_COLUMNS:,}"):
        pair_lines(path)
    path.write_text("1," + "x" * (MAX_NAME + 1) + "\n")
    with pytest.raises(SameskuError, match="a name may have 1,000"):
        pair_lines(path)
    path.write_text("1,2\n1," + "x" * (MAX_NAME + 1) + "\n")
    with pytest.raises(LabelsError, match="line 2: id too long"):
        pair_lines(path)
    path.write_text("1," + "x" * MAX_NAME + "\n")
    assert len(pair_lines(path)) == 1


def test_a_quoted_cell_over_lines_is_one_row(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text('1,"two\nlines"\r\n3,4\r5,6\n')
    assert [(line.query, line.candidate) for line in pair_lines(path)] == [
        ("1", "two\nlines"), ("3", "4"), ("5", "6"),
    ]  # fmt: skip


# -- a list of tasks -----------------------------------------------------------------------------------------


def test_a_json_list_is_parsed_incrementally(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = [1, 23, 'a ] , [ " \\', {"k": [{}, [], None, 1.5]}, [], True, "é\u2028" * 50]
    for piece in (1, 2, 3, 7, 1 << 16):
        monkeypatch.setattr(json_values, "_PIECE", piece)
        for text in (json.dumps(values), json.dumps(values, indent=3, ensure_ascii=False), "\ufeff [ ]\n", "[7]"):
            path = tmp_path / "tasks.json"
            path.write_text(text, encoding="utf-8")
            assert list(read_json_list(path)) == json.loads(text.removeprefix("\ufeff"))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is not a list of tasks"),
        ('{"tasks": []}', "is not a list of tasks"),
        ("[1", "there is no comma after task 1"),
        ("[1 2]", "there is no comma after task 1"),
        ("[1,", "task 2: this is not JSON"),
        ("[1,]", "task 2: this is not JSON"),
        ("[1] 2", "there is content after the list"),
        ('[{"a": 1, "a": 2}]', "task 1: this is not JSON: a key occurs twice"),
        ("[NaN]", "NaN is not a number"),
        ("[" * 100_000, "nested too deeply"),
        ("[" + "9" * 10_000 + "]", "task 1: this is not JSON"),
        ('["' + "x" * (2 * MAX_ROW + 100) + '"]', "task 1: it is longer than"),
    ],
    ids=lambda value: value[:24],
)
def test_malformed_json_lists_are_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "tasks.json"
    path.write_text(text)
    with pytest.raises(LabelsError, match=complaint) as refusal:
        list(read_json_list(path))
    assert len(refusal.value.message) < 400
    assert refusal.value.hint


def test_settings_files_have_a_size_limit(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text("epochs = 2\n")
    assert settings_text(path) == "epochs = 2\n"
    with pytest.raises(OSError, match="longer than 5 bytes"):
        settings_text(path, max_bytes=5)


# -- what goes out -------------------------------------------------------------------------------------------


def test_json_output_round_trips_without_control_characters() -> None:
    text = "".join(map(chr, range(0x20, 0x2100))) + "".join(map(chr, range(0x20))) + "\ufeff\udc9b\U0001f4fa"
    written = json_text({text: [text]}, indent=1)
    assert json.loads(written) == {text: [text]}
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]", written)
    written.encode()
    assert "é" in written
    assert json_text({"a": "é"}) == '{"a": "é"}'
