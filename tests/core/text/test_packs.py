"""Pack counts: how many items a listing sells at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text import packs
from core.text.pack_words import GERMAN_NAMES, NAMES, NUMERALS, possible_statements
from core.text.packs import counts, pack_count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("24-pack", 24),
        ("24 Pack", 24),
        ("pack of 24", 24),
        ("24pk", 24),
        ("24/pack", 24),
        ("24/pk", 24),
        ("24 ct", 24),
        ("24ct.", 24),
        ("24 count", 24),
        ("1,000 ct", 1000),
        ("set of 4", 4),
        ("box of 100", 100),
        ("lot of 5", 5),
        ("two-pack", 2),
        ("pack of six", 6),
        ("twin pack", 2),
        ("triple pack", 3),
        ("dozen", 12),
        ("2 dozen eggs", 24),
        ("half dozen", 6),
        ("50 per box", 50),
        ("50/box", 50),
        ("file folders letter green 25 box", 25),
        ("12 pads per pack", 12),
        ("pair of speakers", 2),
        ("1 pair", 2),
        ("6 pairs of socks", 6),
        ("7pc kit", 7),
        ("100 caplets", 100),
        ("5-piece cookware set", 5),
        ("AA-4pk", 4),
        ("qty 3", 3),
        ("gray case pack 2", 2),
    ],
)
def test_what_is_said(text: str, count: int) -> None:
    assert pack_count(f"Acme thing {text}") == count
    assert pack_count(f"Acme thing {text}".upper()) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("2 x 12 ct", 24),
        ("2x12 pack", 24),
        ("12 ct (pack of 2)", 24),
        ("12 count, 2-pack", 24),
        ("2 packs of 12", 24),
        ("200 tablets, 2-pack", 2),
        ("3 boxes of 100", 300),
        ("24-pack, 24 ct", 24),
        ("pack of 24 - 24 count", 24),
    ],
)
def test_packs_of_packs_multiply_and_repetition_does_not(text: str, count: int) -> None:
    assert pack_count(text) == count


@pytest.mark.parametrize(
    "text",
    [
        "",
        "backpack 3",
        "battery pack 7.2v",
        "value pack",
        "16gb usb 2.0",
        "0 pack",
        "box set",
        "tew-421pc",
        "4 set top box",
        "compact 24",
        "case pack 1",
        "2.5-pack",
        "$5 pack",
    ],
)
def test_where_nothing_is_said(text: str) -> None:
    assert pack_count(text) is None


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("6 x 1kg", 6),
        ("30 x 175g", 30),
        ("24 x 330ml", 24),
        ("24×330ml", 24),
        ("6*500ml", 6),
        ("6x1 l", 6),
        ("6x1l", 6),
        ("6 x 1,5 l", 6),
        ("12 x 0,75l", 12),
        ("24 x 12 oz cans", 24),
        ("24 x cans", 24),
        ("4 x 6 x 330ml", 24),
        ("330ml x 24", 24),
        ("330 ml (x24)", 24),
        ("500mlx6", 6),
        ("pack of 6 x 1kg", 6),
        ("6er Pack, 6 x 1 kg", 6),
        ("6 x 330ml, pack of 4", 24),
        ("2 bags of 5 lb", 2),
        ("10 pack of 700mb", 10),
        ("2 x 8GB", 2),
        ("8GB x 2", 2),
        ("2x8GB kit for laptops", 2),
        ("laptop 16GB (2x8GB) SODIMM", 2),
        ("2x 4gb sodimm", 2),
        ("10 x 8gb flash drives", 10),
    ],
)
def test_a_number_times_what_an_item_holds(text: str, count: int) -> None:
    assert pack_count(f"Acme thing {text}") == count
    assert pack_count(f"ACME {text.upper()}, NEW") == count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("12er Pack", 12),
        ("12er-Pack", 12),
        ("12-er Pack", 12),
        ("12erPack", 12),
        ("12er (Pack)", 12),
        ("6er-Set", 6),
        ("(6er Set)", 6),
        ("4er Vorteils-Pack", 4),
        ("10er-Packung", 10),
        ("12er Karton", 12),
        ("Pack 12er", 12),
        ("Packung (12er)", 12),
        ("Doppelpack", 2),
        ("Dreierpack", 3),
        ("Sechser-Set", 6),
        ("10 Stück", 10),
        ("10 Stueck", 10),
        ("10 Stk.", 10),
        ("3 Stk", 3),
        ("10Stk", 10),
        ("10 St", 10),
        ("10 St.", 10),
        ("20 St Tabletten", 20),
        ("20St", 20),
        ("fünf Stück", 5),
        ("1.000 Stück", 1000),
        ("Stück: 10", 10),
        ("Anzahl: 10", 10),
        ("VE = 10", 10),
        ("VPE 10", 10),
        ("12-teilig", 12),
        ("12-teiliges Set", 12),
        ("12 tlg.", 12),
        ("24 Teile", 24),
        ("Packung mit 6", 6),
        ("Packung mit zwei", 2),
        ("Set mit 4", 4),
        ("Beutel à 20", 20),
        ("50 je Packung", 50),
        ("50 pro Karton", 50),
        ("24 Dosen", 24),
        ("6 Flaschen à 1 l", 6),
        ("Kasten 20 x 0,5 l", 20),
        ("3 Dutzend", 36),
        ("halbes Dutzend", 6),
        ("3 Paar", 3),
    ],
)
def test_german(text: str, count: int) -> None:
    assert pack_count(f"Acme Ding {text}") == count
    assert pack_count(f"ACME {text.upper()}, NEU") == count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("lot de 6", 6),
        ("lot de deux", 2),
        ("pack de 12", 12),
        ("pack de 6 x 1,5 l", 6),
        ("boîte de 100", 100),
        ("vendu par 6", 6),
        ("12 pièces", 12),
        ("12 unités", 12),
        ("50 par boîte", 50),
        ("quantité : 6", 6),
        ("3 paires", 3),
        ("douzaine", 12),
        ("demi-douzaine", 6),
        ("paquete de 12", 12),
        ("paquete de dos", 2),
        ("caja de 12 unidades", 12),
        ("caja con 24", 24),
        ("caja c/24", 24),
        ("juego de 4", 4),
        ("lote de 3", 3),
        ("12 uds.", 12),
        ("12 ud", 12),
        ("12 piezas", 12),
        ("12 pzas", 12),
        ("50 por caja", 50),
        ("cantidad: 6", 6),
        ("3 pares", 3),
        ("media docena", 6),
    ],
)
def test_french_and_spanish(text: str, count: int) -> None:
    assert pack_count(f"Acme {text}") == count
    assert pack_count(f"ACME {text.upper()}, 2024") == count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("10 pcs", 10),
        ("10pcs", 10),
        ("pack of two", 2),
        ("pack of 24.", 24),
        ("tray of 24", 24),
        ("20 packets", 20),
        ("kit of 2", 2),
    ],
)
def test_english(text: str, count: int) -> None:
    assert pack_count(f"Acme thing {text}") == count
    assert pack_count(f"Acme thing {text}".upper()) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("2 x 12 Stück", 24),
        ("2 x 10 St", 20),
        ("2 x 6er-Pack", 12),
        ("3 Packungen à 10 Stück", 30),
        ("2 lots de 6", 12),
        ("3 x lot de 6", 18),
        ("2 x 100 tablets", 200),
        ("24 ct (2 x 12 ct)", 24),
        ("3 boxes of 100 (300 count)", 300),
        ("3er Pack (3 x 100 Stück)", 300),
        ("24 x 36 x 2 pack", 2),  # a poster
        ("16x 4.7 gb dvd 100 pack", 100),  # a speed
    ],
)
def test_multipliers_multiply_once(text: str, count: int) -> None:
    assert pack_count(text) == count


@pytest.mark.parametrize(
    "text",
    [
        "30 x 175 cm",
        "2 x 4 in",
        "2x4 in",
        '18 x 24"',
        "3 x 10 m",
        "3 x 5 ft flag",
        "60 x 40 x 20 cm 5 l",
        "12 l x 10 w x 4 h",
        "8.5 x 11 x 20 lb",
        "210 x 297 x 5 kg",
        "set 4 x 6",
        "set of 4 x 6",
        "carton de 300 x 200 mm",
        "10 x 42",
        "10x42 binoculars",
        "10x zoom",
        "1920 x 1080",
        "1920x1080p",
        "55 inch",
        "4x4 drive",
        "6x1",
        "wd-6x1",
        "2 x 50 w",
        "16/32 gb",
        "iphone x 64gb",
        "laptop 16GB (2x8GB) 512GB",
        "core i5 2 x 4gb",
        "linkstation 2 x 500 gb",
        "4gb x 72 ecc",
        "1 gb x16 pcie",
        "4x 25 gb bd-r",
        "12er schlüssel",
        "ringschlüssel 12er",
        "bmw 3er",
        "29er bike",
        "80er jahre",
        "staffel 3 teil 2",
        "box mit 2 fächern",
        "set a 4",
        "10 st. james",
        "42 st james",
        "1st 21st",
        "elf set",
        "1.250 ct ring",
        "bag of 5 lb",
        "boîte de 500 g",
        "sac de 40 litres",
        "pack de 1,5 l",
        "menge: 500 g",
        "0 stück",
        "0 x 5 kg",
    ],
)
def test_what_only_looks_like_a_count(text: str) -> None:
    assert pack_count(text) is None
    assert pack_count(f"Acme {text} blue") is None


def test_counts_stand_where_they_are_written() -> None:
    text = "cola 4 x 6 x 330 ml, 330 ml x 24, 12er pack, 10 stuck, 2 boxes of 12"
    assert [(text[each.start : each.end], each.number) for each in counts(text)] == [
        ("4 x 6 x", 24),
        ("x 24", 24),
        ("12er pack", 12),
        ("10 stuck", 10),
        ("2", 2),
        ("boxes of 12", 12),
    ]


@given(st.text(st.characters(), max_size=60))
def test_no_text_is_too_strange(text: str) -> None:
    count = pack_count(text)
    assert count is None or count > 0


@given(st.integers(1, 9999))
def test_every_notation_says_the_same(number: int) -> None:
    notations = ["{}-pack", "pack of {}", "{}pk", "{}/pack", "{} ct", "{} count", "{} per box", "{}/box"]
    assert {pack_count(notation.format(number)) for notation in notations} == {number}


#: Words that statements are made of, some of them joined, and signs between them.
PIECES = [
    "pack", "packs", "packung", "sparpack", "multi-pack", "case", "casepack", "box", "boxes", "set", "sets", "carton",
    "beutel", "lote", "caja", "boite", "bag", "of", "mit", "a", "de", "con", "c/", "vendu par", "per", "pro", "par",
    "ct", "count", "pcs", "pc", "stuck", "st", "st.", "tlg", "uds", "er", "er-", "qty", "anzahl:", "vpe", "pack size:",
    "pads", "tablets", "beutel", "dozen", "half dozen", "pair", "pairs", "pares", "x", "×", "*", "/", "=", ":",
    "1", "2", "12", "24", "1.000", "1,000", "kg", "330 ml", "gb", "usb", "ß", "_",
    *NUMERALS, *NAMES, *GERMAN_NAMES,
]  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(["", " ", "-", ", ", "  "])), max_size=7))
def test_no_statement_is_ruled_out_by_its_words(parts: list[tuple[str, str]]) -> None:
    text = "".join(word + gap for word, gap in parts)
    possible = possible_statements(text)
    for kind, pattern in packs._PATTERNS.items():
        assert kind in possible or pattern.search(text) is None
    assert "multiplier" in possible or packs._MULTIPLIES.search(text) is None


@given(st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from([" ", "-", ""])), max_size=6))
def test_the_quantities_may_be_given(parts: list[tuple[str, str]]) -> None:
    text = "".join(word + gap for word, gap in parts).title()
    assert pack_count(text, packs.quantities(text)) == pack_count(text)
