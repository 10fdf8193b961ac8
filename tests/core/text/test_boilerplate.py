"""Boilerplate of titles: phrases of commerce, and fragments that a catalogue repeats."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text.boilerplate import Boilerplate
from core.text.vocabulary import Vocabulary

VOCABULARY = Vocabulary.load()
PLAIN = Boilerplate(VOCABULARY.boilerplate)
NAMES = [f"Maker{i} Model{i * 7} camera" for i in range(12)]


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Canon EOS 600D günstig kaufen", "Canon EOS 600D"),
        ("Buy online: Canon EOS 600D - Free Shipping", "Canon EOS 600D"),
        ("Canon EOS 600D nur 49,00 €", "Canon EOS 600D"),
        ("Canon EOS 600D (page 2 of 14)", "Canon EOS 600D"),
        ('"Canon EOS 600D | meilleur prix"@fr', "Canon EOS 600D"),
    ],
)
def test_phrases_prices_and_tags_at_the_edge_go(title: str, name: str) -> None:
    assert PLAIN.clean(title) == name


@pytest.mark.parametrize(
    "title",
    ["Canon EOS 600D", 'Samsung TV - 14"', "How to buy a house and rent it", "buy online", "", "Price Pfister 49-H1"],
)
def test_a_name_stays(title: str) -> None:
    assert PLAIN.clean(title).endswith(title.rsplit(maxsplit=1)[-1] if title else "")
    assert len(PLAIN.clean(title)) >= 0.3 * len(title)


def test_what_stands_behind_many_names_is_learned() -> None:
    learned = Boilerplate.learn([f"{name} | Foto Meyer" for name in NAMES], VOCABULARY)
    assert learned.endings == {("foto", "meyer")}
    assert learned.clean("Nikon D90 body | Foto Meyer") == "Nikon D90 body"
    assert learned.clean("Foto Meyer") == "Foto Meyer"


def test_what_stands_before_many_names_is_learned() -> None:
    learned = Boilerplate.learn([f"Foto Meyer: {name}" for name in NAMES], VOCABULARY)
    assert learned.beginnings == {("foto", "meyer")}
    assert learned.clean("Foto Meyer: Nikon D90 body") == "Nikon D90 body"


@pytest.mark.parametrize("ending", ["black", "Schwarz", "Herren", "Size 10", "refurbished"])
def test_an_attribute_behind_a_separator_is_none(ending: str) -> None:
    assert not Boilerplate.learn([f"{name} - {ending}" for name in NAMES], VOCABULARY).endings


def test_an_ending_of_one_family_is_none() -> None:
    titles = [f"Maker model{i} camera - deluxe outfit" for i in range(12)]
    assert not Boilerplate.learn(titles, VOCABULARY).endings


def test_what_often_stands_elsewhere_is_none() -> None:
    titles = [*(f"{name} - leather case" for name in NAMES), *(f"leather case for {name}" for name in NAMES)]
    assert not Boilerplate.learn(titles, VOCABULARY).endings


@given(st.text(max_size=60))
def test_any_text_can_be_cleaned_and_enough_remains(text: str) -> None:
    cleaned = PLAIN.clean(text)
    assert cleaned == text or len(cleaned) >= 0.3 * len(text)
