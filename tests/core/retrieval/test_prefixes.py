"""What is put before the texts, and where that is known from."""

from pathlib import Path
from typing import Any

import pytest
from encoder_folder import edit_json, write_encoder_folder, write_json

from core.retrieval.encoder_identity import Prefixes, hub_name_of, model_prefixes, set_prefixes

E5 = ("query: ", "passage: ")


def prefixes(name: str, folder: Path) -> tuple[str, str]:
    found = model_prefixes(name, folder)
    return found.query, found.candidate


@pytest.mark.parametrize(
    "place",
    [
        "e5-base-v2",
        "intfloat/e5-base-v2",
        "intfloat_e5-base-v2",
        "intfloat--e5-base-v2",
        "E5-Base-V2",
        "models--intfloat--e5-base-v2/snapshots/0f1e2d",
        "multilingual-e5-large",
        "intfloat/e5-small",
    ],
)
def test_a_folder_of_a_known_model_has_its_prefixes(tmp_path: Path, place: str) -> None:
    folder = write_encoder_folder(tmp_path / place)
    assert prefixes(str(folder), folder) == E5
    (tmp_path / "linked").symlink_to(folder)
    assert prefixes(str(tmp_path / "linked"), tmp_path / "linked") == E5


@pytest.mark.parametrize("name", ["intfloat/e5-base-v2", "intfloat/multilingual-e5-small", "Intfloat/E5-base-v2"])
def test_a_known_name_on_the_hub_has_its_prefixes_wherever_it_lies(tmp_path: Path, name: str) -> None:
    assert prefixes(name, write_encoder_folder(tmp_path / "0f1e2d")) == E5


def test_a_copy_is_known_by_the_name_in_its_configuration(tmp_path: Path) -> None:
    folder = write_encoder_folder(tmp_path / "copy")
    assert hub_name_of(str(folder), folder) == ""
    edit_json(folder / "config.json", _name_or_path="intfloat/e5-base-v2")
    assert hub_name_of(str(folder), folder) == "intfloat/e5-base-v2"


@pytest.mark.parametrize("name", ["BAAI/bge-base-en-v1.5", "sentence-transformers/all-MiniLM-L6-v2", "my/own", "e5"])
def test_others_have_none(tmp_path: Path, name: str) -> None:
    assert prefixes(name, write_encoder_folder(tmp_path / "model")) == ("", "")


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"prompts": {"query": "Q: ", "document": "D: "}}, ("Q: ", "D: ")),
        ({"prompts": {"query": "Q: ", "passage": "P: "}}, ("Q: ", "P: ")),
        ({"prompts": {"query": "Q: "}}, ("Q: ", "")),
        ({"prompts": {"all": "X: "}, "default_prompt_name": "all"}, ("X: ", "X: ")),
        ({"prompts": {"query": "", "document": ""}}, E5),
        ({"prompts": {"query": 5}}, E5),
        ({"prompts": []}, E5),
        ([], E5),
    ],
)
def test_the_own_prompts_come_first(tmp_path: Path, config: Any, expected: tuple[str, str]) -> None:
    folder = write_encoder_folder(tmp_path / "e5-base-v2")
    write_json(folder / "config_sentence_transformers.json", config)
    assert prefixes(str(folder), folder) == expected


def test_settings_stand_above_what_is_known_and_each_says_where_it_is_from(tmp_path: Path) -> None:
    folder = write_encoder_folder(tmp_path / "e5-base-v2")
    known = model_prefixes(str(folder), folder)
    assert str(known) == '"query: " before queries, "passage: " before candidates (known for intfloat/e5-base-v2)'
    assert set_prefixes(known, "auto", "auto") == known
    assert set_prefixes(known, "", "") == Prefixes("", "", "settings")
    assert set_prefixes(known, "q: ", "auto") == Prefixes("q: ", "passage: ", "settings")
    assert str(set_prefixes(known, "", "")) == "none (settings)"
