"""The vocabulary: words of the packaged files, and a user's file over them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SettingsError
from core.text.vocabulary import TABLES, Phrases, Vocabulary, packaged_entries, read_entries, words

VOCABULARY = Vocabulary.load()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Case BLK", {"black"}),
        ("black case", {"black"}),
        ("grey and Gray", {"gray"}),
        ("navy blue bag", {"navy"}),
        ("black/white", {"black", "white"}),
        ("black and white", {"black", "white"}),
        ("Black & Decker drill, orange", {"orange"}),
        ("blackberry sleeve", set()),
        ("blu-ray player silver", {"silver"}),
        ("covered", set()),
    ],
)
def test_colours(text: str, names: set[str]) -> None:
    assert VOCABULARY.colours(text) == names


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("camera", ""),
        ("new camera", ""),
        ("Refurbished camera", "refurbished"),
        ("camera (Renewed)", "refurbished"),
        ("used camera", "used"),
        ("pre-owned camera", "used"),
        ("open-box camera", "open box"),
        ("can be used with a camera", ""),
        ("cloth used for lenses", ""),
    ],
)
def test_condition(text: str, condition: str) -> None:
    assert VOCABULARY.condition(text) == condition


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("ipad 2nd generation", {"2"}),
        ("ipad second generation", {"2"}),
        ("ipad gen 2", {"2"}),
        ("ipad 2nd gen", {"2"}),
        ("lens mark II", {"2"}),
        ("lens mkII", {"2"}),
        ("lens mk2", {"2"}),
        ("headset v2", {"2"}),
        ("headset v2.0", {"2"}),
        ("cable version 1.3", {"1.3"}),
        ("glossy ii paper", {"2"}),
        ("series iii", {"3"}),
        ("2nd edition", {"2"}),
        ("2012 edition", {"2012"}),
        ("tax software 2012", {"2012"}),
        ("ipod touch 4g case", {"4"}),
        ("case for ipad 2", {"2"}),
        ("ipad 32 gb", set()),
        ("latest generation 6 display", set()),
        ("sata ii drive", set()),
        ("v7 cable", set()),
        ("4g phone", set()),
        ("privacy edition 4 gb", set()),
        ("2000 sheets", set()),
        ("2012-up wiring", set()),
        ("i robot v x", set()),
        ("genuine", set()),
    ],
)
def test_generations(text: str, numbers: set[str]) -> None:
    assert VOCABULARY.generations(text) == numbers


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("case compatible with iPhone", True),
        ("replacement for Acme 12", True),
        ("battery for use with drills", True),
        ("fits most cars", True),
        ("remanufactured toner", True),
        ("one size fits most hat", False),
        ("toner", False),
        ("outfits", False),
    ],
)
def test_compatible(text: str, answer: bool) -> None:
    assert VOCABULARY.compatible(text) is answer


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Cables and chargers", {"cable", "charger"}),
        ("cable, charger", {"cable", "charger"}),
        ("batteries", {"battery"}),
        ("battery", {"battery"}),
        ("lenses", {"lens"}),
        ("skins and sleeves", {"case"}),
        ("toner cartridge", {"ink"}),
        ("screen protectors", {"screen protector"}),
        ("remote control", {"remote"}),
        ("case of 12", set()),
        ("in-ear", set()),
        ("television", set()),
    ],
)
def test_kinds(text: str, names: set[str]) -> None:
    assert VOCABULARY.kinds(text) == names


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("HP", "Hewlett-Packard"),
        ("hp", "Hewlett Packard Company"),
        ("Griffin", "Griffin Technology, Inc."),
        ("Fuji", "FUJIFILM Corp."),
        ("StarTech", "startech.com"),
        ("Black & Decker", "Black+Decker"),
        ("TP-Link", "TP LINK"),
        ("Kirkland", "Kirkland Signature"),
        ("Member's Mark", "Members Mark"),
        ("Mother\u2019s Best", "mothers best"),
    ],
)
def test_names_of_a_brand(name: str, other: str) -> None:
    assert VOCABULARY.brand(name) == VOCABULARY.brand(other) != ""
    assert VOCABULARY.same_brand(name, other, False)


def test_other_brands_are_others_and_nothing_equals_nothing() -> None:
    assert not VOCABULARY.same_brand("Canon", "Nikon", True)
    assert not VOCABULARY.same_brand("", "", True)
    assert not VOCABULARY.same_brand("Canon", "", True)
    assert VOCABULARY.brand("V Tech") == "vtech"
    assert VOCABULARY.brand("Technologies") == "technologies"
    assert VOCABULARY.brand("—") == ""


@pytest.mark.parametrize(
    "name", ["Great Value", "365", "AmazonBasics", "Kirkland", "equate", "MAINSTAYS", "onn.", "Up&Up"]
)
def test_store_brands(name: str) -> None:
    assert VOCABULARY.is_store_brand(name)
    assert VOCABULARY.same_brand(name, "Marketside", store_brands=True)
    assert not VOCABULARY.same_brand(name, "Marketside", store_brands=False)


def test_a_brand_like_another_is_no_store_brand() -> None:
    assert not VOCABULARY.is_store_brand("Canon")
    assert not VOCABULARY.is_store_brand("")
    assert not VOCABULARY.is_store_brand("pets")
    assert not VOCABULARY.same_brand("Canon", "Great Value", store_brands=True)


def test_every_packaged_group_says_where_it_is_from() -> None:
    files = packaged_entries()
    groups = [group for file in files for table in TABLES for group in getattr(file, table)]
    assert {table for table in TABLES if any(getattr(file, table) for file in files)} == set(TABLES)
    assert all(len(group.source) > 8 for group in groups)


@pytest.mark.parametrize("table", TABLES)
def test_no_spelling_and_no_name_stands_in_two_groups(table: str) -> None:
    groups = [group for file in packaged_entries() for group in getattr(file, table)]
    names = [group.name for group in groups]
    assert len(names) == len(set(names))
    spellings = [" ".join(words(spelling)) for group in groups for spelling in set(group.spellings)]
    owners = {key: group.name for group in groups for key in (" ".join(words(s)) for s in group.spellings)}
    for group in groups:
        assert owners.get(" ".join(words(group.name)), group.name) in {group.name, "none"}
    assert len(spellings) >= len(owners)


def test_the_packaged_vocabulary_is_read_once(tmp_path: Path) -> None:
    assert Vocabulary.load(tmp_path / "vocabulary.toml") is Vocabulary.load()
    assert Vocabulary.load(write(tmp_path, "")) is not Vocabulary.load()


def write(folder: Path, text: str) -> Path:
    path = folder / "vocabulary.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_of_the_user_there_is_the_packaged_one(tmp_path: Path) -> None:
    assert Vocabulary.load(tmp_path / "vocabulary.toml").colours("blk") == {"black"}


def test_a_user_extends(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        [[colours]]
        name = "black"
        spellings = ["onyx"]
        [[brands]]
        name = "acme"
        spellings = ["acme rockets"]
        [[store_brands]]
        name = "corner shop"
        spellings = ["Corner Choice"]
        [[editions]]
        name = "wave"
        spellings = ["wave"]
        """,
    )
    vocabulary = Vocabulary.load(path)
    assert vocabulary.colours("onyx, blk") == {"black"}
    assert vocabulary.same_brand("ACME", "Acme Rockets Inc", False)
    assert vocabulary.is_store_brand("corner choice")
    assert vocabulary.generations("router wave 2") == {"2"}
    assert VOCABULARY.generations("router wave 2") == frozenset()


def test_a_user_overrides(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        [[colours]]
        name = "graphite"
        spellings = ["graphite"]
        [[colours]]
        name = "none"
        spellings = ["orange"]
        [[kinds]]
        name = "case"
        spellings = ["etui"]
        replace = true
        """,
    )
    vocabulary = Vocabulary.load(path)
    assert vocabulary.colours("graphite gray orange") == {"graphite", "gray"}
    assert vocabulary.colours("blu-ray") == frozenset()
    assert vocabulary.kinds("etui, sleeve, cable") == {"case", "cable"}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[colours]\n", "cannot be read"),
        ("[[colors]]\nname = 'x'\nspellings = ['x']", "colors: unknown key"),
        ("[[colours]]\nspellings = ['x']", "colours.0.name: this key is missing"),
        ("[[colours]]\nname = 'x'\nspellings = []", "colours.0.spellings"),
        ("[[colours]]\nname = 'x'\nspellings = 'red'", "colours.0.spellings: must be a list, such as"),
        ("[colours]\nname = 'x'\nspellings = ['red']", "colours: must be a list"),
        ("[[colours]]\nname = 'x'\nspellings = ['x']\nhue = 3", "colours.0.hue: unknown key"),
        ("[[colours]]\nname = 'x'\nspellings = ['...']", "'...' has no letter or digit"),
        ("[[colours]]\nname = 'x'\nspellings = [3]", "colours.0.spellings.0"),
        (
            "[[colours]]\nname = 'x'\nspellings = ['a']\n[[colours]]\nname = 'y'\nspellings = ['A']",
            "colours: 'A' stands for 'x' and for 'y'",
        ),
    ],
)
def test_a_bad_file_is_one_sentence_with_file_and_key(tmp_path: Path, text: str, complaint: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        read_entries(path)
    assert str(path) in caught.value.message
    assert complaint in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vocabulary.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="cannot be read"):
        Vocabulary.load(path)


def test_the_longest_phrase_counts_and_words_belong_to_one() -> None:
    phrases = Phrases([("navy", "navy"), ("navy blue", "dark"), ("blue", "blue")])
    assert list(phrases.find("Navy-Blue, blue & navy")) == ["dark", "blue", "navy"]


@given(st.text(st.characters(), max_size=60))
def test_no_text_is_too_strange(text: str) -> None:
    VOCABULARY.colours(text)
    VOCABULARY.condition(text)
    VOCABULARY.compatible(text)
    VOCABULARY.kinds(text)
    assert all(number[0].isdigit() for number in VOCABULARY.generations(text))
    assert VOCABULARY.brand(text).isalnum() or not VOCABULARY.brand(text)


@given(st.text(min_size=1, max_size=20), st.booleans())
def test_a_brand_is_itself(name: str, store_brands: bool) -> None:
    assert VOCABULARY.same_brand(name, name, store_brands) == bool(VOCABULARY.brand(name))
