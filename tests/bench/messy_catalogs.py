"""Two messy catalogues of 400 and 2,000 products: what the import keeps, and what is found before any label.

    python -m tests.bench.messy_catalogs [--seed N] [--keep FOLDER]

Counts the rows that came in, hit@1 and hit@10 of the list that `match` writes, over the queries with a counterpart,
and how often a row of the band `high` is right.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from core.stats.wilson import wilson
from tests.bench.messy.files import MessyFiles, write_files


def main() -> None:
    """Make the files, run the command line on them, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--keep", type=Path, help="make files and workspace here, and leave them")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        _measure(folder, write_files(folder, given.seed))


def _measure(folder: Path, files: MessyFiles) -> None:
    home, matches = folder / "workspace", folder / "matches.csv"
    for path, source, role in ((files.queries, "stores", "query"), (files.candidates, "market", "catalog")):
        counted = _samesku(home, "import", "products", str(path), "--source", source, "--role", role)
        _say(f"{source}: {json.dumps(counted)}")
    _say(f"rows that can be read: {files.readable[0]} and {files.readable[1]}")
    _samesku(home, "index")
    _samesku(home, "match", "--out", str(matches))
    gold = dict(csv.reader(files.gold.open(newline="")))
    rows: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in csv.DictReader(matches.open(newline="")):
        rows[row["query_id"]].append(row)
    for k in (1, 10):
        hits = sum(any(row["candidate_id"] == right for row in rows[query][:k]) for query, right in gold.items())
        _say(f"hit@{k}: {hits / len(gold):.4f} ({hits} of {len(gold)})")
    _say_bands(rows, gold)


def _say_bands(rows: dict[str, list[dict[str, str]]], gold: dict[str, str]) -> None:
    counts: dict[str, list[bool]] = defaultdict(list)
    for query, candidates in rows.items():
        for row in candidates:
            counts[row["band"]].append(row["candidate_id"] == gold.get(query))
    for band, right in sorted(counts.items()):
        share = wilson(sum(right), len(right))
        _say(
            f"{band}: {share.labels} rows, right {share.right / share.labels:.4f} ({share.low:.3f} to {share.high:.3f})"
        )


def _samesku(home: Path, *arguments: str) -> dict[str, object]:
    call = [sys.executable, "-m", "core", "--home", str(home), "--json", *arguments]
    answer: dict[str, object] = json.loads(subprocess.run(call, stdout=subprocess.PIPE, text=True, check=True).stdout)
    return answer


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
