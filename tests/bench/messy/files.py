"""The two retailers' files: a CSV in cp1252 with ragged rows and mixed quoting, and a Parquet file."""

import csv
import io
import random
from dataclasses import dataclass
from pathlib import Path

from tests.bench.messy.articles import assortment
from tests.bench.messy.listings import candidate_rows, query_rows


@dataclass(frozen=True)
class MessyFiles:
    """Where the files are, how many rows of each can be read, and the right answers.

    Attributes:
        queries: CSV; broken rows are in it besides.
        candidates: Parquet.
        gold: a line `query_id,candidate_id` per query with a counterpart.
        readable: rows of each file that have an id and a title.
    """

    queries: Path
    candidates: Path
    gold: Path
    readable: tuple[int, int]


def write_files(folder: Path, seed: int) -> MessyFiles:
    """Make both files and the answers in `folder`; the same seed makes the same files."""
    asked, listed, shared = assortment(seed)
    queries, candidates = list(query_rows(asked, seed + 2)), list(candidate_rows(listed, seed + 3))
    ids = {article: key for article, (key, _) in zip(listed, candidates, strict=True)}
    files = MessyFiles(
        folder / "store items.csv", folder / "listings.parquet", folder / "gold.csv", (len(queries), len(candidates))
    )
    _write_csv(files.queries, [row for _, row in queries], random.Random(seed + 4))
    _write_parquet(files.candidates, [row for _, row in candidates])
    answers = [(key, ids[article]) for article, (key, _) in zip(asked, queries, strict=True) if article in shared]
    files.gold.write_text("".join(f"{query},{candidate}\n" for query, candidate in answers))
    return files


def _write_csv(path: Path, rows: list[dict[str, str]], rng: random.Random) -> None:
    lines = [_line(list(rows[0]))]
    for row in rows:
        cells = list(row.values())
        # Some systems leave out empty cells at the end of a row, others add one.
        if rng.random() < 0.2:
            while not cells[-1]:
                cells.pop()
        elif rng.random() < 0.1:
            cells.append("")
        lines.append(_line(cells))
    lines.insert(len(lines) // 2, "\r\n")
    path.write_bytes("".join(lines).encode("cp1252", errors="xmlcharrefreplace"))


def _line(cells: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerow(cells)
    return text.getvalue()


def _write_parquet(path: Path, rows: list[dict[str, object]]) -> None:
    import pyarrow  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    parquet.write_table(pyarrow.Table.from_pylist(rows), path)
