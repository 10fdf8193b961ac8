"""Files that people write: a link to a regular file is one, all else that stands there is one sentence."""

from pathlib import Path

import pytest
from odd_files import ODD_FILES

from core.cli.app import make_app, run
from core.errors import CoreError, SettingsError
from core.judge.finetune.llm_recipe import read_recipe
from core.judge.finetune.storage import load_training_pairs
from core.settings import load_settings
from core.text.vocabulary import Vocabulary
from core.toml_file import read_toml
from core.workspace import Workspace
from tui.errors import DeskError
from tui.services.files import TeamGuidelines

UNREADABLE = ("FIFO", "folder", "link to a device", "link to itself", "binary", "huge", "nested", "no newline")


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_is_no_toml_is_one_sentence(workspace: Workspace, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    ODD_FILES[kind](workspace.settings)
    ODD_FILES[kind](workspace.vocabulary)
    with pytest.raises(SettingsError, match=r"samesku\.toml cannot be read: ") as told:
        load_settings(workspace.settings)
    assert "Errno" not in told.value.message
    with pytest.raises(SettingsError, match=r"vocabulary\.toml cannot be read: "):
        read_toml(workspace.vocabulary)
    with pytest.raises(SystemExit) as ended:
        run(make_app(), ["--home", str(workspace.home), "retrain", "--recipe", str(workspace.vocabulary)])
    assert ended.value.code == 1
    assert "cannot be read: " in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        "a." * 200_000 + "a = 1",
        '"a" . ' * 200_000 + "a = 1",
        "[" + "a." * 200_000 + "a]",
        "x = " + ("{" + ".".join("a" * 30) + " = ") * 100 + "1" + "}" * 100,
    ],
    ids=["dotted", "quoted", "header", "inline tables"],
)
def test_a_key_of_very_many_parts_is_refused_at_once(workspace: Workspace, text: str) -> None:
    """The parser's time grows with their square: hours for each of these but the last, and no depth is safe to show."""
    workspace.settings.write_text(text)
    with pytest.raises(SettingsError, match=r"samesku\.toml cannot be read: (a key in it has|it is nested)"):
        load_settings(workspace.settings)


def test_texts_with_many_dots_are_no_keys(workspace: Workspace) -> None:
    workspace.settings.write_text(f"[encoder]\nmodel = '{'.' * 500} {'a. ' * 20}'\n[keys]\naccept = 'space'\n")
    assert load_settings(workspace.settings).keys == {"accept": "space"}


def test_a_link_to_a_teams_file_is_followed(workspace: Workspace, tmp_path: Path) -> None:
    shared = tmp_path / "shared.toml"
    shared.write_text("[retrain]\nepochs = 7\n")
    workspace.settings.symlink_to(shared)
    assert load_settings(workspace.settings).retrain.epochs == 7
    words = tmp_path / "words.toml"
    words.write_text('[[colours]]\nname = "teal"\nspellings = ["petrol blue"]\n')
    workspace.vocabulary.symlink_to(words)
    assert Vocabulary.load(workspace.vocabulary).colours("petrol blue") == {"teal"}
    text = tmp_path / "text.md"
    text.write_text("# Ours")
    workspace.guidelines.symlink_to(text)
    assert TeamGuidelines(workspace.guidelines).read().text == "# Ours"


@pytest.mark.parametrize("kind", ["FIFO", "folder", "link to a device", "link to itself"])
def test_guidelines_that_are_no_file_are_one_sentence(workspace: Workspace, kind: str) -> None:
    ODD_FILES[kind](workspace.guidelines)
    with pytest.raises(DeskError, match="The guidelines cannot be read"):
        TeamGuidelines(workspace.guidelines).read()


@pytest.mark.parametrize("kind", ["huge", "binary", "no newline"])
def test_of_guidelines_only_a_page_is_read(workspace: Workspace, kind: str) -> None:
    ODD_FILES[kind](workspace.guidelines)
    assert len(TeamGuidelines(workspace.guidelines).read().text) < 100_000


@pytest.mark.parametrize("kind", [*UNREADABLE, "link"])
def test_what_a_judge_was_taught_is_not_guessed(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "a" / "judge"
    folder.mkdir(parents=True)
    ODD_FILES[kind](folder / "taught.json")
    with pytest.raises(CoreError, match="cannot be read"):
        load_training_pairs(folder)


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_recipe_of_a_judge_that_is_none_is_one_sentence(tmp_path: Path, kind: str) -> None:
    pytest.importorskip("yaml")
    ODD_FILES[kind](tmp_path / "lora.yaml")
    with pytest.raises(SettingsError):
        read_recipe(tmp_path / "lora.yaml")


@pytest.mark.parametrize("kind", ["FIFO", "folder", "link to a device"])
def test_an_odd_vocabulary_is_one_sentence_for_index_too(
    workspace: Workspace, hash_encoder: object, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    ODD_FILES[kind](workspace.vocabulary)
    with pytest.raises(SystemExit) as ended:
        run(make_app(), ["--home", str(workspace.home), "index"])
    assert ended.value.code == 1
    assert "vocabulary.toml cannot be read: " in capsys.readouterr().err
