"""Delimited text: delimiters, encodings, quoting, and the rows that are kept out."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.catalog.readers import BadRow, Reason, Row, Table, delimited, read_table
from core.errors import CatalogError

Bad = tuple[int, Reason]


def read(tmp_path: Path, content: bytes | str, name: str = "products.csv") -> Table:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path)


def split(table: Table) -> tuple[list[tuple[int, list[str]]], list[Bad]]:
    good: list[tuple[int, list[str]]] = []
    bad: list[Bad] = []
    for row in table.rows:
        if isinstance(row, Row):
            good.append((row.line, list(row.values.values())))
        else:
            bad.append((row.line, row.reason))
    return good, bad


def test_line_numbers_are_those_of_the_file(tmp_path: Path) -> None:
    table = read(tmp_path, '\nid,title\n1,"two\nlines"\n\n2,plain\n')
    assert table.columns == ("id", "title")
    assert split(table) == ([(3, ["1", "two\nlines"]), (6, ["2", "plain"])], [])


@pytest.mark.parametrize("delimiter", list(",;\t|"))
def test_every_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    rows = [["id", "title", "price"], ["1", "a, b; c | d", "1,50"], ["2", "e", "2,00"]]
    text = "\r\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in rows)
    table = read(tmp_path, text)
    assert table.columns == ("id", "title", "price")
    assert [values for _, values in split(table)[0]] == rows[1:]


def test_a_delimiter_in_the_names_does_not_mislead(tmp_path: Path) -> None:
    table = read(tmp_path, "id;title;price, net, EUR, each\n1;a;5\n2;b;6\n")
    assert table.columns == ("id", "title", "price, net, EUR, each")


def test_a_declared_delimiter_is_taken(tmp_path: Path) -> None:
    table = read(tmp_path, "sep=;\nid;title\n1;a\n")
    assert table.columns == ("id", "title")
    assert split(table) == ([(3, ["1", "a"])], [])


def test_empty_and_repeated_names_become_unique(tmp_path: Path) -> None:
    assert read(tmp_path, " id ,title,,title\n").columns == ("id", "title", "column 3", "title (2)")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    text = "id,title\n1,Café “Crème” 55½\n2,plain text and some more of it\n"
    table = read(tmp_path, text.encode(encoding))
    assert table.columns == ("id", "title")
    assert split(table)[0][0] == (2, ["1", "Café “Crème” 55½"])


def test_undecodable_bytes_cost_one_row(tmp_path: Path) -> None:
    content = "id,title\n1,naïve\n2,".encode() + b"\xff\xfe\x81" + "\n3,Über\n".encode()
    table = read(tmp_path, content)
    rows = list(table.rows)
    assert rows[1] == BadRow(3, Reason.UNDECODABLE, "2,\\xff\\xfe\\x81")
    assert [row.line for row in rows if isinstance(row, Row)] == [2, 4]


def test_garbage_in_an_ascii_file_is_not_taken_for_an_encoding(tmp_path: Path) -> None:
    assert split(read(tmp_path, b"id,title\n1,a\n2,\xff\xfe\n")) == (
        [(2, ["1", "a"])],
        [(3, Reason.UNDECODABLE)],
    )


def test_bytes_that_cp1252_does_not_have_cost_one_row(tmp_path: Path) -> None:
    table = read(tmp_path, b"id,title\n1,caf\xe9\n2,\x81\n3,na\xefve\n")
    assert split(table) == ([(2, ["1", "café"]), (4, ["3", "naïve"])], [(3, Reason.UNDECODABLE)])


def test_a_wrong_number_of_columns_costs_one_row(tmp_path: Path) -> None:
    table = read(tmp_path, 'id,title\n1\n2,a,b\n3,"c\nd",e\n4,f\n')
    assert split(table) == (
        [(2, ["1", ""]), (6, ["4", "f"])],
        [(3, Reason.WRONG_COLUMN_COUNT), (4, Reason.WRONG_COLUMN_COUNT)],
    )


@pytest.mark.parametrize("rest", ["", '5,"Small" thing\n'])
def test_a_stray_quote_does_not_swallow_the_rows_after_it(tmp_path: Path, rest: str) -> None:
    table = read(tmp_path, 'id,title\n1,a\n2,"Big TV\n3,b\n4,c\n' + rest)
    good, bad = split(table)
    assert [values[0] for _, values in good][:3] == ["1", "3", "4"]
    assert bad == [(3, Reason.BROKEN_QUOTING)]


def test_quotes_inside_a_field_are_inches(tmp_path: Path) -> None:
    assert split(read(tmp_path, 'id,title\n1,TV 55" wide\n'))[0] == [(2, ["1", 'TV 55" wide'])]


def test_a_nul_becomes_a_replacement_character(tmp_path: Path) -> None:
    assert split(read(tmp_path, b"id,title\n1,a\0b\n"))[0] == [(2, ["1", "a\ufffdb"])]


def test_carriage_returns_alone_end_lines_too(tmp_path: Path) -> None:
    assert split(read(tmp_path, b"id,title\r1,a\r2,b\r"))[0] == [(2, ["1", "a"]), (3, ["2", "b"])]


def test_a_huge_field_is_read_and_a_monstrous_one_costs_one_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge = "x" * 1_000_000
    assert split(read(tmp_path, f"id,title\n1,{huge}\n"))[0] == [(2, ["1", huge])]
    monkeypatch.setattr("core.catalog.readers.delimited.MAX_ROW", 1000)
    assert split(read(tmp_path, f"id,title\n1,{huge}\n2,b\n")) == ([(3, ["2", "b"])], [(2, Reason.TOO_LONG)])


def test_a_file_of_runaway_rows_does_not_take_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Every line opens a quote that the next one closes and opens again.
    monkeypatch.setattr(delimited, "MAX_ROW", 10_000)
    monkeypatch.setattr(delimited, "_MAX_REPARSED", 100_000)
    _, bad = split(read(tmp_path, "id,title\n" + 'z","\n' * 20_000))
    assert 0 < len(bad) < 1000


FIELD = st.text(alphabet=st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=12)


@settings(max_examples=200, deadline=None)
@given(
    rows=st.integers(2, 5).flatmap(lambda width: st.lists(st.lists(FIELD, min_size=width, max_size=width), min_size=1)),
    delimiter=st.sampled_from(",;\t|"),
    ending=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_csv_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[list[str]],
    delimiter: str,
    ending: str,
    encoding: str,
) -> None:
    if ending == "\n":
        # Older versions of csv.writer then leave a carriage return unquoted, where it ends a line.
        rows = [[cell.replace("\r", "") for cell in row] for row in rows]
    header = [f"c{number}" for number in range(len(rows[0]))]
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter, lineterminator=ending).writerows([header, *rows])
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    path.write_bytes(buffer.getvalue().encode(encoding))
    try:
        table = read_table(path)
    except CatalogError as error:
        # A file full of control characters is taken for no text, and rightly so.
        control = sum(character < " " for row in rows for character in "".join(row))
        assert "not text" in error.message  # noqa: PT017
        assert control > 3
        return
    assert table.columns == tuple(header)
    assert [list(row.values.values()) if isinstance(row, Row) else row for row in table.rows] == rows


@settings(max_examples=300, deadline=None)
@given(
    content=st.binary(max_size=300)
    | st.text(alphabet='a,;"\n\r\t|\0 é{}[]:\ufeff', max_size=200).map(str.encode)
    | st.binary(max_size=80).map(lambda tail: b"id,title\n" + tail)
    | st.binary(max_size=80).map(lambda tail: b'{"id":1}\n' + tail)
    | st.binary(max_size=80).map(lambda tail: b"PAR1" + tail)
    | st.binary(max_size=80).map(lambda tail: b"SQLite format 3\0" + tail)
)
def test_no_bytes_raise_anything_but_our_own_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("bytes") / "t"
    path.write_bytes(content)
    try:
        rows = list(read_table(path).rows)
    except CatalogError as error:
        assert error.message  # noqa: PT017
        return
    for row in rows:
        text = row.raw if isinstance(row, BadRow) else "".join(row.values.values())
        assert "\0" not in text
        text.encode()


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("id,title,brand,price\n1,Sony TV,Sony\n2,LG TV\n", [["1", "Sony TV", "Sony", ""], ["2", "LG TV", "", ""]]),
        ("id,title\n1,Sony TV,\n2,LG TV, ,\n", [["1", "Sony TV"], ["2", "LG TV"]]),
        ("id;title;\n1;Sony TV\n2;LG TV;\n", [["1", "Sony TV", ""], ["2", "LG TV", ""]]),
    ],
)
def test_cells_at_the_end_of_a_row_may_lack_or_be_empty(tmp_path: Path, text: str, rows: list[list[str]]) -> None:
    assert split(read(tmp_path, text)) == ([(number, row) for number, row in enumerate(rows, 2)], [])


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        # Spark, MySQL: a backslash before the quote.
        ('"id","title"\n"1","Sony 55\\" 4K TV"\n"2","LG 50\\" TV, black"\n', ['Sony 55" 4K TV', 'LG 50" TV, black']),
        ('id\ttitle\n1\t"The \\"Bravia\\" 55\\""\n2\tb\n', ['The "Bravia" 55"', "b"]),
        ('id,title\n1,TV 55\\" wide\n2,Mouse\n', ['TV 55" wide', "Mouse"]),
        ('"id","title"\n"1","ends in a backslash\\\\"\n"2","x\\"y"\n', ["ends in a backslash\\", 'x"y']),
        ('"id","title"\n"1","a\\"b\nc"\n', ['a"b\nc']),
        # RFC 4180: a backslash is a backslash.
        ('id,title\n1,"C:\\dir\\"\n2,"a ""b"" \\n c"\n', ["C:\\dir\\", 'a "b" \\n c']),
        # Single quotes, doubled or escaped inside.
        ("'id','title'\n'1','Sony TV, black'\n'2','Levi''s'\n", ["Sony TV, black", "Levi's"]),
        ("id,title\n1,'Sony TV, black'\n2,'Levi\\'s'\n", ["Sony TV, black", "Levi's"]),
        ("id,title\n1,'Tis\n2,dogs' toys\n", ["'Tis", "dogs' toys"]),
        # Not escaped at all: a quote ends a cell only before a delimiter.
        ('id,title\n1,"Sony 55" TV, black"\n2,"plain"\n', ['Sony 55" TV, black', "plain"]),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_both_dialects_of_quoting_are_recognised(tmp_path: Path, text: str, titles: list[str], encoding: str) -> None:
    good, bad = split(read(tmp_path, text.encode(encoding)))
    assert ([values[1] for _, values in good], bad) == (titles, [])


def test_an_escaped_quote_far_down_counts_too(tmp_path: Path) -> None:
    rows = "".join(f'"{number}","plain"\n' for number in range(3000))
    good, bad = split(read(tmp_path, '"id","title"\n' + rows + '"x","Sony 55\\" 4K TV"\n'))
    assert (good[-1][1], bad) == (["x", 'Sony 55" 4K TV'], [])
