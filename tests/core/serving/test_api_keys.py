"""Keys of programs: made, listed, revoked; stored as hashes; and from the environment."""

import json
import sys

import pytest

from core.errors import CoreError
from core.serving.api_keys import ApiKeys, add_key, environment_keys
from core.settings import load_settings
from core.workspace import Workspace
from tests.core.cli.conftest import Call, call

__all__ = ["call"]


def test_a_key_is_printed_once_and_stored_as_a_hash(workspace: Workspace, call: Call) -> None:
    made = call("serve", "keys", "add", "shop", "--home", workspace.home, "--json").json
    assert made["name"] == "shop"
    assert made["key"] not in workspace.api_keys.read_text()
    assert workspace.api_keys.stat().st_mode & 0o007 == 0
    assert ApiKeys(workspace).name_of(made["key"]) == "shop"
    listed = call("serve", "keys", "list", "--home", workspace.home)
    assert "shop" in listed.out
    assert made["key"] not in listed.out
    again = call("serve", "keys", "add", "shop", "--home", workspace.home)
    assert (again.code, "There is a key named shop already." in again.err) == (1, True)
    assert call("serve", "keys", "revoke", "shop", "--home", workspace.home).code == 0
    assert ApiKeys(workspace).name_of(made["key"]) is None
    assert call("serve", "keys", "revoke", "shop", "--home", workspace.home).code == 1
    assert call("serve", "keys", "list", "--home", workspace.home, "--json").json == {"keys": []}


@pytest.mark.parametrize("name", ["", "machine", "a\x1bb", "x" * 57, "a shop", "a/b", "api:x"])
def test_names_are_those_of_annotators(workspace: Workspace, name: str) -> None:
    with pytest.raises(CoreError, match="cannot be the name of a key"):
        add_key(workspace, name)
    assert not workspace.api_keys.exists()


def test_keys_of_the_environment(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMESKU_API_KEYS", " erp:0123456789abcdef , b:fedcba9876543210:x,")
    assert [key.name for key in environment_keys()] == ["erp", "b"]
    keys = ApiKeys(workspace)
    assert (keys.name_of("0123456789abcdef"), keys.name_of("fedcba9876543210:x")) == ("erp", "b")
    assert load_settings(workspace.settings)  # it is no setting


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("0123456789abcdef", "has a part without a colon"),
        ("a:short", "fewer than 16 characters"),
        ("a:0123456789abcdef,a:0123456789abcdeg", "two keys with one name"),
        (":0123456789abcdef", "cannot be the name of a key"),
    ],
)
def test_an_environment_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch, value: str, said: str) -> None:
    monkeypatch.setenv("SAMESKU_API_KEYS", value)
    with pytest.raises(CoreError, match=said) as error:
        environment_keys()
    assert "0123456789abcdef" not in str(error.value)


def test_a_damaged_file_lets_nobody_in(workspace: Workspace) -> None:
    key = add_key(workspace, "shop")
    keys = ApiKeys(workspace)
    workspace.api_keys.write_text(json.dumps({"keys": 7}))
    for _ in range(2):
        with pytest.raises(CoreError, match="damaged"):
            keys.name_of(key)


def test_another_address_without_keys_is_refused(workspace: Workspace, call: Call) -> None:
    answer = call("serve", "--host", "0.0.0.0", "--home", workspace.home)  # noqa: S104 - what is refused
    assert answer.code == 1
    assert "is reached from other machines, and there is no key." in answer.err
    assert "samesku serve keys add NAME" in answer.err


def test_a_workspace_without_an_index_is_said_at_the_start(workspace: Workspace, call: Call) -> None:
    answer = call("serve", "--port", "0", "--home", workspace.home)
    assert (answer.code, answer.err.count("Error: ")) == (1, 1)
    assert "samesku index" in answer.err


def test_without_the_extra_the_way_to_install_it_is_said(
    workspace: Workspace, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    answer = call("serve", "--home", workspace.home)
    assert (answer.code, answer.err.count("Error: ")) == (1, 1)
    assert "not installed: uvicorn." in answer.err
    assert "-e '.[serve]'" in answer.err
    assert call("serve", "keys", "list", "--home", workspace.home).code == 0


def test_an_address_that_is_none(workspace: Workspace, call: Call) -> None:
    add_key(workspace, "shop")
    assert "is not an address" in call("serve", "--host", "not an address", "--home", workspace.home).err
    assert "cannot listen on" in call("serve", "--host", "192.0.2.1", "--home", workspace.home).err
