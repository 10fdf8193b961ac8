"""Quantities: what titles state, in base units, whatever the spelling."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text.quantities import Quantity, quantities, same_quantity
from core.text.units import BASES, COUNTS, UNITS


def read(text: str) -> list[tuple[str, float]]:
    return [(quantity.dimension, round(quantity.value, 6)) for quantity in quantities(text)]


@pytest.mark.parametrize("text", ['55"', "55-inch", "55in", "55 inches", "55''", "55 Inch", "55 in", "55″", "55 in."])
def test_inches_in_every_spelling(text: str) -> None:
    assert read(f"Visonic {text} TV") == [("length", 1.397)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4.1oz", [("mass", 116.233045)]),
        ("4.1 Ounce", [("mass", 116.233045)]),
        ("1.5 lbs", [("mass", 680.388555)]),
        ("2kg", [("mass", 2000)]),
        ("200mg caplets", [("mass", 0.2)]),
        ("12 fl oz", [("volume", 0.354882)]),
        ("12 fl. oz.", [("volume", 0.354882)]),
        ("1 gallon", [("volume", 3.785412)]),
        ("750ml", [("volume", 0.75)]),
        ("2 L", [("volume", 2)]),
        ("32 qt", [("volume", 30.283294)]),
        ("1.7 cu ft", [("volume", 48.138639)]),
        ("16GB", [("storage", 16e9)]),
        ("1 TB", [("storage", 1e12)]),
        ("500 watts", [("power", 500)]),
        ("60w", [("power", 60)]),
        ("12v 5a", [("voltage", 12), ("current", 5)]),
        ("2.1a", [("current", 2.1)]),
        ("400ma", [("current", 0.4)]),
        ("1,000 mAh", [("charge", 1)]),
        ("21 000 pages", [("pages", 21000)]),  # the comma was lost
        ("player - 2 - 1080p", [("lines", 1080)]),
        ("2.4 GHz", [("frequency", 2.4e9)]),
        ("120hz", [("frequency", 120)]),
        ("300 Mbps", [("data rate", 3e8)]),
        ("6 gb/s", [("data rate", 48e9)]),
        ("12.1 megapixel", [("resolution", 12.1)]),
        ("16 MP", [("resolution", 16)]),
        ("1080p", [("lines", 1080)]),
        ("7200 rpm", [("rotation", 7200)]),
        ("4x optical zoom", [("magnification", 4)]),
        ("24awg", [("gauge", 24)]),
        ("24 hours", [("time", 86400)]),
        ("80 min", [("time", 4800)]),
        ("90 degree", [("angle", 90)]),
        ("8-port switch", [("ports", 8)]),
        ("100 sheets", [("sheets", 100)]),
        ("300 sq ft", [("area", 27.870912)]),
        ("1,5 l", [("volume", 1.5)]),
        ("0,75l", [("volume", 0.75)]),
        ("0,330 l", [("volume", 0.33)]),
        ("7,5 g", [("mass", 7.5)]),
        ("1,000 g", [("mass", 1000)]),
        ("500 gramos", [("mass", 500)]),
        ("2 litros", [("volume", 2)]),
        ("6 x 1kg", [("mass", 1000)]),
        ("6x1,5 l", [("volume", 1.5)]),
        ("500mlx6", [("volume", 0.5)]),
    ],
)
def test_a_measure_is_read_in_its_base_unit(text: str, expected: list[tuple[str, float]]) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1/2 inch", [0.0127]),
        ("2 1/2-inch", [0.0635]),
        ("2-1/2 in", [0.0635]),
        ('5½"', [0.1397]),
        ("½ inch", [0.0127]),
        (".5 inch", [0.0127]),
        ("(.5 inch)", [0.0127]),
        ("5 .5 inch", [0.1397]),
        ("24-70mm", [0.024, 0.07]),
        ("24 to 70 mm", [0.024, 0.07]),
        ("12 x 15 ft", [3.6576, 4.572]),
        ("4x6 in", [0.1016, 0.1524]),
        ("10 x 20 x 30 cm", [0.1, 0.2, 0.3]),
        ("6ft x 9ft", [1.8288, 2.7432]),
        ("6' 2\"", [1.8796]),
        ("6 ft 2 in", [1.8796]),
        ("8-1 2 x 11 in", [0.2159, 0.2794]),  # the slash was lost
        ("1 2 inch", [0.0127]),
    ],
)
def test_fractions_ranges_and_sides(text: str, expected: list[float]) -> None:
    assert read(text) == [("length", value) for value in expected]


def test_alternatives_share_their_unit() -> None:
    assert read("110-240v") == [("voltage", 110), ("voltage", 240)]
    assert read("16/32gb") == [("storage", 16e9), ("storage", 32e9)]


def test_a_multiplier_is_no_quantity() -> None:
    assert read("2 x 500 gb") == [("storage", 500e9)]


def test_the_text_stands_as_written() -> None:
    assert [quantity.text for quantity in quantities('Lens 24-70MM, 2 1/2" hood')] == ["24-70MM", "70MM", '2 1/2"']


@pytest.mark.parametrize(
    "text",
    [
        "",
        "802.11g 802.11 n wireless",
        "3g and 4g phone",
        "16g card",
        "54g router",
        "mp3 player",
        "usb 2.0 hub",
        "5.1 surround",
        "3m tape",
        "hp 12a toner",
        "2 in 1 laptop",
        "7 in-dash receiver",
        "25 w tabs",
        "11 pt stock",
        "2x labels",
        "2x1 grid",
        "gc-fm-2 pocket",
        "dv7-4087cl",
        "5902v",
        "utp-1400-14g",
        "cable 010m",
        "f 3.5-5.6 g lens",
        "1.3 m pixel",
        "10/100m switch",
        "vtx-240g",
        "80 g/m2",
        "model 90210",
        "sizes 3,4,5 in",
        "tube 12ax7",
    ],
)
def test_what_only_looks_like_a_quantity(text: str) -> None:
    assert quantities(text) == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("4.1oz", "116 g"),
        ("4.1oz", "4.1 Ounce"),
        ("1 lb", "16 oz"),
        ("1 gallon", "128 fl oz"),
        ("355 ml", "12 fl oz"),
        ("1024mb", "1gb"),
        ("6 ft", "1.8 m"),
        ("2.5-inch", '2 1/2"'),
        ("14.2 mp", "14 megapixels"),
    ],
)
def test_rounded_figures_are_the_same(one: str, other: str) -> None:
    (first,), (second,) = quantities(one), quantities(other)
    assert same_quantity(first, second)
    assert same_quantity(second, first)


@pytest.mark.parametrize(
    ("one", "other"),
    [("16gb", "32gb"), ("40 in", "42 in"), ("12 oz", "12 fl oz"), ("50 sheets", "51 sheets"), ("12 oz", "340 ml")],
)
def test_others_are_not(one: str, other: str) -> None:
    (first,), (second,) = quantities(one), quantities(other)
    assert not same_quantity(first, second)


@given(st.text(st.characters(), max_size=60))
def test_no_text_is_too_strange(text: str) -> None:
    for quantity in quantities(text):
        assert quantity.value >= 0
        assert quantity.text in text


@given(st.text(string.ascii_letters + string.digits + " .,-/'\"x½", max_size=40))
def test_case_means_nothing(text: str) -> None:
    assert [(q.dimension, q.value) for q in quantities(text.upper())] == [
        (q.dimension, q.value) for q in quantities(text.lower())
    ]


_PLAIN = sorted(spelling for spelling in UNITS if spelling.isalpha() and len(spelling) > 3 and spelling != "times")


@given(st.integers(1, 100), st.sampled_from(_PLAIN), st.sampled_from(["", " ", "-"]))
def test_spellings_of_a_unit_are_equivalent(number: int, spelling: str, gap: str) -> None:
    unit = UNITS[spelling]
    assert [(q.dimension, q.value) for q in quantities(f"{number}{gap}{spelling}")] == [
        (unit.dimension, number * unit.size)
    ]


def test_every_unit_converts_to_its_base() -> None:
    for unit in set(UNITS.values()):
        assert unit.size > 0
        assert bool(unit.name) == (unit.dimension in BASES)
    assert not COUNTS & set(BASES)


def test_the_sizes_are_pints() -> None:
    registry = pytest.importorskip("pint").UnitRegistry()
    for unit in UNITS.values():
        if unit.name:
            assert unit.size == pytest.approx(registry.Quantity(1, unit.name).to(BASES[unit.dimension]).magnitude)


def test_a_quantity_knows_where_it_stands() -> None:
    text = "Lens 24-70mm, 5 ft 2 in tall, 8 1/2 x 11 inch"
    assert all(text.startswith(found.text, found.start) for found in quantities(text))
    assert [(found.start, found.unit.name, round(found.amount, 6)) for found in quantities(text)] == [
        (5, "millimeter", 24), (8, "millimeter", 70), (14, "inch", 62), (30, "inch", 8.5), (38, "inch", 11),
    ]  # fmt: skip


def test_a_quantity_is_a_value() -> None:
    assert Quantity("mass", 1.0, "1 g") == Quantity("mass", 1.0, "1 g")
