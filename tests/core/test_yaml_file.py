"""Reading YAML files that users write, and that may be hostile."""

from pathlib import Path

import pytest
from odd_files import ODD_FILES

from core.errors import SettingsError
from core.yaml_file import parse_yaml, read_yaml

UNREADABLE = ("FIFO", "folder", "link to a device", "link to itself", "binary", "huge")
BOMB = "a: &a [1, 1]\n" + "".join(f"{new}: &{new} [*{old}, *{old}]\n" for old, new in zip("abcdefgh", "bcdefghi"))  # noqa: B905


def test_values_are_plain() -> None:
    text = "a: 5e-4\nb: [1, x]\nc: {d: yes}\ne: 1.5\nf: 3e2x\n"
    assert parse_yaml(text) == {"a": 5e-4, "b": [1, "x"], "c": {"d": True}, "e": 1.5, "f": "3e2x"}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (BOMB, "line 1 has an anchor or an alias"),
        ("a: *b\n", "not valid YAML|an anchor or an alias"),
        ("a: !!python/object/apply:os.system ['true']\n", "line 1 has a tag"),
        ("!!binary |\n  AAAA\n", "has a tag"),
        ("[" * 5000, "nested too deeply|not valid YAML"),
        ("a: " + "[" * 20 + "]" * 20, "nested too deeply"),
        ("epochs: 2\nepochs: 3\n", "line 2 has the key epochs for the second time"),
        ("a: {b: 1, b: 2}\n", "the key b for the second time"),
        ("a: [1\nb: 2\n", "not valid YAML in line"),
        ("a: \x00\n", "not valid YAML"),
        ("? [a, b]\n: 1\n", "not valid YAML"),
        ("a: 1\n---\nb: 2\n", "not valid YAML"),
        ("a: 2026-99-99\n", "not valid YAML"),
    ],
)
def test_hostile_yaml_is_refused_in_a_sentence(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=complaint) as caught:
        read_yaml(path, "Correct it.")
    assert str(path) in caught.value.message
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < len(str(path)) + 200


@pytest.mark.parametrize("text", ["", "- a\n", "5\n", "text\n", "# nothing\n"])
def test_a_file_without_keys_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match="it holds no keys"):
        read_yaml(path, "Correct it.")


@pytest.mark.parametrize("kind", UNREADABLE)
def test_an_unreadable_file_is_refused_in_a_sentence(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "r.yaml"
    ODD_FILES[kind](path)
    with pytest.raises(SettingsError) as caught:
        read_yaml(path, "Correct it.")
    assert "Errno" not in caught.value.message


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("#" * (2**16 + 1))
    with pytest.raises(SettingsError):
        read_yaml(path, "Correct it.")
    with pytest.raises(SettingsError):
        read_yaml(tmp_path / "missing.yaml", "Correct it.")
