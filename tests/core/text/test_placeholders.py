"""Values that stand for a missing one."""

from pathlib import Path

import pytest

from core.text.normalization import Placeholders

PLACEHOLDERS = Placeholders.load()


@pytest.mark.parametrize(
    "text",
    ["nan", "NULL", "None", "N/A", "n.a.", "#N/A", "\\N", "<NA>", "Does not apply", "-", "?", " (unknown) "],
)
@pytest.mark.parametrize("field", ["title", "brand", "category", "model", "upc"])
def test_placeholders_of_every_field(text: str, field: str) -> None:
    assert PLACEHOLDERS.is_missing(text, field)


def test_some_stand_in_one_field_alone() -> None:
    assert PLACEHOLDERS.is_missing("Sans marque", "brand")
    assert not PLACEHOLDERS.is_missing("Sans marque", "title")
    # People type it into the model number too.
    assert PLACEHOLDERS.is_missing("Unbranded", "model")
    # Of further attributes less is taken for missing: no allergens is a statement.
    assert not PLACEHOLDERS.is_missing("None", "Allergens", further=True)
    assert PLACEHOLDERS.is_missing("N/A", "Allergens", further=True)


@pytest.mark.parametrize(
    "text",
    [
        "o.V.",
        "o. V.",
        "k.A.",
        "k. A.",
        "K.A",
        "n. v.",
        "keine Angabe",
        "ENTFÄLLT",
        "nicht bekannt",
        "s/o",
        "N/C",
        "n / d",
        "Non renseigné",
        "non renseigne",
        "NON COMMUNIQUÉ",
        "sans objet",
        "s/d",
        "no consta",
        "sin informacion",
        "N / A",
    ],
)
def test_german_french_and_spanish_ones_in_every_spelling(text: str) -> None:
    assert PLACEHOLDERS.is_missing(text, "brand")
    assert PLACEHOLDERS.is_missing(text, "Material", further=True)


@pytest.mark.parametrize(
    ("text", "field"),
    [("néant", "brand"), ("NEANT", "model"), ("sin marca", "brand"), ("s/n", "model"), ("Sin categoria", "category")],
)
def test_german_french_and_spanish_ones_of_a_field(text: str, field: str) -> None:
    assert PLACEHOLDERS.is_missing(text, field)


@pytest.mark.parametrize("text", ["O.V. Guide", "NV", "S/M 2", "No Disponible Co.", "N.C. State", "ov", "ka"])
def test_what_only_looks_like_an_abbreviation_is_kept(text: str) -> None:
    assert not PLACEHOLDERS.is_missing(text, "title")


def test_a_size_is_kept() -> None:
    assert not PLACEHOLDERS.is_missing("S/M", "Size", further=True)


@pytest.mark.parametrize("text", ["N", "Sony", "Nan Ya", "0", "NullSpace", "日本", "Nonesuch", "T-6"])
def test_names_are_none(text: str) -> None:
    assert not PLACEHOLDERS.is_missing(text, "brand")


def test_a_workspace_adds_its_own_and_takes_back(tmp_path: Path) -> None:
    path = tmp_path / "vocabulary.toml"
    assert not Placeholders.load(path).is_missing("House brand", "brand")
    path.write_text(
        '[[placeholders]]\nname = "brand"\nspellings = ["House Brand"]\n'
        '[[placeholders]]\nname = "Color"\nspellings = ["as shown"]\n'
        '[[placeholders]]\nname = "none"\nspellings = ["Generic"]\n'
    )
    found = Placeholders.load(path)
    assert found.is_missing("house brand", "brand")
    assert found.is_missing("As shown.", "Color", further=True)
    assert not found.is_missing("Generic", "brand")
    assert found.is_missing("Unbranded", "brand")
