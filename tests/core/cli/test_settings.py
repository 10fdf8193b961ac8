"""What can be set is told as a samesku.toml that says the same."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from core.settings import Settings, load_settings
from core.workspace import Workspace

Call = Callable[..., Any]
SET = """
[judge]
use = ["server"]
server_model = "tiny"
[people]
streams = { "bob b" = ["triage"] }
[keys]
accept = "space"
"""


@pytest.fixture
def set_up(workspace: Workspace) -> Workspace:
    workspace.settings.write_text(SET)
    return workspace


def test_what_is_told_is_what_is_set(set_up: Workspace, call: Call, tmp_path: Path) -> None:
    told = tmp_path / "told.toml"
    told.write_text(call("settings", "--home", set_up.home).out)
    assert load_settings(told) == load_settings(set_up.settings)
    assert tomllib.loads(told.read_text()).keys() == Settings.model_fields.keys()


def test_a_line_says_what_it_means_what_it_may_be_and_what_it_was(set_up: Workspace, call: Call) -> None:
    told = call("settings", "judge", "--home", set_up.home).out
    assert 'server_model = "tiny"  # default ""\n' in told
    assert '# A folder with a LoRA adapter for the model; `judge train` creates one.\nmlx_adapter = ""\n' in told
    assert "One of mean, vote." in " ".join(told.replace("\n# ", " ").split())
    assert "[encoder]" not in told
    assert all(len(line) <= 80 for line in told.splitlines() if line.startswith("#"))


def test_every_section_says_what_it_is(set_up: Workspace, call: Call) -> None:
    told = call("settings", "--home", set_up.home).out
    for name, field in Settings.model_fields.items():
        above = told.partition(f"[{name}]\n")[0].splitlines()[-1]
        assert above.startswith("# "), name
        assert isinstance(field.default, BaseModel) == (name != "keys")


def test_it_answers_with_json_and_refuses_what_there_is_not(set_up: Workspace, call: Call) -> None:
    assert call("settings", "keys", "--home", set_up.home, "--json").json == {"keys": {"accept": "space"}}
    refused = call("settings", "colours", "--home", set_up.home)
    assert refused.code == 1
    assert "There is no section colours." in refused.err
