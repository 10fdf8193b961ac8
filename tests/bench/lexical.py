"""The lexical index on many products: latency of one query, recall@10 and hit@10 against exact search, memory.

    python -m tests.bench.lexical [--data FOLDER] [--counts 200000,1000000]

FOLDER holds tableA.csv, tableB.csv, train.csv and valid.csv of Walmart-Amazon. The products are first those of
tableB.csv, then as many listings recombined from them as each count says: some words of a title are exchanged for those
of a product of the same brand and category, and digits in model numbers are drawn again, so that there are
near-duplicates. Last, listings and queries have the titles of two products, and so more postings. The queries are
products of tableA.csv, one at a time, on one core. Each size is measured in a process of its own, since memory is
measured. Times are of the processor (`time.thread_time`), which other jobs change less.
"""

import argparse
import csv
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.matching.features.neighbours import Neighbourhood
from core.retrieval import inverted_index
from core.retrieval.array_file import load_arrays, save_arrays
from core.retrieval.lexical import LexicalIndex
from tests.bench.ann import memory_mib, say
from tests.bench.walmart_amazon import SHARED

QUERIES = 200
#: Results of a search of an index run: a quarter more than `search.depth`.
DEPTH = 125
#: Postings per product that a query may read; the first is exact, the program reads 4.
LIMITS = (10**6, 8, 4, 2, 1, 0.5)

Row = dict[str, str]


def main() -> None:
    """Print the figures of every size."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=SHARED)
    parser.add_argument("--counts", default="200000,1000000")
    parser.add_argument("--one", nargs=2, type=int, help="internal: so many products, of so many titles each")
    given = parser.parse_args()
    if given.one:
        measure(given.data, *given.one)
        return
    counts = [int(count) for count in given.counts.split(",") if count]
    for count, titles in [(0, 1), *((count, 1) for count in counts), *((count, 2) for count in counts)]:
        arguments = ["--data", str(given.data), "--one", str(count), str(titles)]
        subprocess.run([sys.executable, "-m", "tests.bench.lexical", *arguments], check=True)


def measure(data: Path, count: int, titles: int) -> None:
    """Print the figures of one size; 0 is the real products."""
    queries, products = read_rows(data / "tableA.csv"), read_rows(data / "tableB.csv")
    gold = matches(data)
    asked = [row for row in queries if row["id"] in gold] if count == 0 else queries
    asked = Random(7).sample(asked, len(asked) if count == 0 else QUERIES)
    others = [asked[(i + 1) % len(asked)]["title"] if titles > 1 else "" for i in range(len(asked))]
    texts = [f"{_text(row)} {other}" for row, other in zip(asked, others, strict=True)]
    listings = recombined(products, count, titles) if count else [_text(row) for row in products]
    begun = time.thread_time()
    index = LexicalIndex.of(listings)
    built = time.thread_time() - begun
    postings = [index._index.frequencies[row.indices].sum() for row in index.vectors(texts)]
    rows = index._index.rows
    say(
        products=len(index), titles=titles, build_s=round(built, 1), build_peak_mib=memory_mib("VmHWM", "RssFile"),
        ngrams_per_product=round(rows.nnz / len(index)), postings_per_query=round(np.mean(postings)),
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        inverted_index.MAX_EXACT = 0
        save_arrays(Path(folder) / "lexical", index.to_arrays())
        file_mib = (Path(folder) / "lexical").stat().st_size >> 20
        del index, rows, listings
        before = memory_mib("RssAnon")
        index = LexicalIndex.from_arrays(load_arrays(Path(folder) / "lexical"))
        exact = None
        for limit in LIMITS:
            inverted_index._POSTINGS_PER_ROW = limit  # type: ignore[assignment]
            found, times = _searched(index, texts)
            exact = exact or found
            known = [{int(product) - int(products[0]["id"]) for product in gold.get(row["id"], ())} for row in asked]
            hits = {"hit@10": _hits(found[0], known)} if count == 0 else {}
            say(limit=limit if limit < LIMITS[0] else "exact", **times, **_recall(found, exact), **hits)
        say(file_mib=file_mib, memory_of_searches_mib=memory_mib("RssAnon") - before)
        say(**_product_of_matrices(index, texts), **_neighbours(index, texts))


def _searched(index: LexicalIndex, texts: list[str]) -> tuple[tuple[NDArray[np.int64], NDArray[np.float32]], Row]:
    """Results of all queries, and what a query takes."""
    results, seconds = [], []
    for text in [*texts[:5], *texts]:
        begun = time.thread_time()
        results.append(index.search(index.vectors([text]), DEPTH))
        seconds.append(time.thread_time() - begun)
    p50, p99 = np.percentile(seconds[5:], [50, 99]) * 1e3  # the first read the file
    positions, scores = (np.concatenate(part) for part in zip(*results[5:], strict=True))
    return (positions, scores), {"p50_ms": f"{p50:.2f}", "p99_ms": f"{p99:.2f}"}


def _recall(found: tuple[Any, Any], exact: tuple[Any, Any]) -> dict[str, float]:
    """The share of the exact results that were found, by score, since equal ones have equal rights."""
    return {
        f"recall@{k}": round(float(np.mean(found[1][:, :k] >= exact[1][:, k - 1 : k] - 1e-6)), 4) for k in (10, 100)
    }


def _hits(positions: NDArray[np.int64], known: list[set[int]]) -> float:
    """hit@10."""
    return round(float(np.mean([not own.isdisjoint(row[:10]) for row, own in zip(positions, known, strict=True)])), 4)


def _product_of_matrices(index: LexicalIndex, texts: list[str]) -> dict[str, float]:
    """What a query takes as a product of sparse matrices that is made dense: alone, and in a batch of 20."""
    found = {}
    for name, queries in (("alone", index.vectors(texts[:1])), ("batch", index.vectors(texts[:20]))):
        begun = time.thread_time()
        np.argpartition(-(queries @ index._index.rows.T.tocsr()).toarray(), DEPTH, axis=1)
        found[f"matrices_{name}_ms"] = round((time.thread_time() - begun) / queries.shape[0] * 1e3, 1)
    return found


def _neighbours(index: LexicalIndex, texts: list[str]) -> dict[str, float]:
    """What the neighbour features take for each query, and the peak of the memory."""
    begun = time.thread_time()
    Neighbourhood.of((index.vectors(texts), index._index.rows))
    seconds = time.thread_time() - begun
    return {"neighbours_ms": round(seconds / len(texts) * 1e3, 1), "peak_mib": memory_mib("VmHWM", "RssFile")}


def recombined(products: list[Row], count: int, titles: int) -> list[str]:
    """Texts of listings that are made of those of real products."""
    return list(map(_text, recombined_rows(products, count, titles)))


def recombined_rows(products: list[Row], count: int, titles: int = 1) -> Iterator[Row]:
    """Listings that are made of real products: of each title some words are of another one, and digits are others."""
    pick, similar = Random(7), defaultdict(list)
    for row in products:
        similar[row["brand"], row["category"]].append(row)
    every_word = [word for row in products for word in row["title"].split()]
    for _ in range(count):
        row = pick.choice(products)
        others = [pick.choice(similar[row["brand"], row["category"]]) for _ in range(titles)]
        words = " ".join([row["title"], *(other["title"] for other in others[1:])]).split() or ["-"]
        for _ in range(pick.randrange(4)):
            words[pick.randrange(len(words))] = pick.choice(others[0]["title"].split() or ["-"])
        if pick.random() < 0.5:
            words[pick.randrange(len(words))] = pick.choice(every_word)
        words = [_redrawn(word, pick) if pick.random() < 0.5 else word for word in words]
        model = _redrawn(row["modelno"], pick) if pick.random() < 0.8 else row["modelno"]
        yield {**row, "title": " ".join(words), "modelno": model}


def _redrawn(code: str, pick: Random) -> str:
    """A code with some digits and letters drawn again; a word without digits stays."""
    if not any(map(str.isdigit, code)):
        return code
    letters = "abcdefghijklmnopqrstuvwxyz"
    return "".join(
        pick.choice("0123456789") if each.isdigit() and pick.random() < 0.5
        else pick.choice(letters) if each.isalpha() and pick.random() < 0.2
        else each
        for each in code
    )  # fmt: skip


def matches(data: Path) -> dict[str, set[str]]:
    """The known matches of each query."""
    found = defaultdict(set)
    for name in ("train.csv", "valid.csv"):
        for row in read_rows(data / name):
            if row["label"] == "1":
                found[row["ltable_id"]].add(row["rtable_id"])
    return found


def read_rows(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _text(row: Row) -> str:
    return f"{row['title']} {row['brand']} {row['modelno']}"


if __name__ == "__main__":
    main()
