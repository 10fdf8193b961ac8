"""The documented benchmark: the whole loop on Walmart-Amazon, through the command line, in a workspace of its own.

    python -m tests.bench.walmart_amazon [FOLDER]

FOLDER holds tableA.csv, tableB.csv, train.csv and valid.csv. The queries that are counted are those of valid.csv
with a match; any match of train.csv or valid.csv counts. Takes about half an hour on two cores.
"""

import csv
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SHARED = Path(__file__).parents[3] / "shared" / "data" / "walmart_amazon"


def main() -> None:
    """Run the loop and print what it gave."""
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else SHARED
    if not (data / "valid.csv").is_file():
        sys.exit(
            f"No benchmark at {data}. Fetch it (samesku fetch walmart-amazon --into DIR), then: make bench DATA=DIR"
        )
    with tempfile.TemporaryDirectory() as folder:
        home, gold = Path(folder) / "workspace", Path(folder) / "gold.csv"
        write_gold(data, gold)
        _run_loop(home, data, gold)


def _run_loop(home: Path, data: Path, gold: Path) -> None:
    rows: list[tuple[str, str]] = []
    _, seconds = samesku(home, "import", "walmart-amazon", str(data), "--labels")
    rows.append(("import, 24,628 products and 8,189 labels", f"{seconds:.1f} s"))
    _, seconds = samesku(home, "index")
    rows.append(("first index", f"{seconds:.0f} s"))
    _, seconds = samesku(home, "index")
    rows.append(("second index, nothing changed", f"{seconds:.1f} s"))
    before, _ = samesku(home, "evaluate", "--matches", str(gold))
    pairs_before, _ = samesku(home, "evaluate", "--pairs", str(data / "valid.csv"))
    # By default the matcher's ranking decides, which gains nothing here: the figures are those of the encoder.
    result, seconds = samesku(home, "retrain", "--set", "gate=dense")
    rows.append(("retrain, evaluation and new index included", f"{seconds / 60:.1f} min"))
    after, _ = samesku(home, "evaluate", "--matches", str(gold))
    pairs, _ = samesku(home, "evaluate", "--pairs", str(data / "valid.csv"))
    rows.append(("lexical", _retrieval(before["lexical"])))
    for name, what in (("encoder", "dense"), ("fused", "hybrid"), ("matched", "matcher")):
        rows.append((f"{what}, before the retrain", _retrieval(before[name])))
        rows.append((f"{what}, after", _retrieval(after[name])))
    rows.append(("pairs of valid.csv, untuned encoder", pair_figures(pairs_before)))
    rows.append(("pairs of valid.csv, tuned encoder", pair_figures(pairs)))
    rows.append(("decision", str(result["decision"])))
    sys.stdout.write("\n".join(f"| {what} | {figure} |" for what, figure in rows) + "\n")


def _retrieval(metrics: dict[str, float]) -> str:
    return f"hit@1 {metrics['hit@1']:.3f}, hit@10 {metrics['hit@10']:.4f}, MRR@10 {metrics['mrr@10']:.3f}"


def pair_figures(metrics: dict) -> str:
    """The result of `evaluate --pairs` in a row of a table."""
    low, high = metrics["pair_intervals"]["f1"]
    precision = f"average precision {metrics['average_precision']:.3f}, ECE {metrics['ece']:.3f}"
    return f"F1 {metrics['f1']:.3f} ({low:.3f}–{high:.3f}), {precision}"


def samesku(home: Path, *arguments: str) -> tuple[dict, float]:
    """One call with `--json`; its answer, and how many seconds it took. Progress goes to standard error."""
    begun = time.monotonic()
    call = [sys.executable, "-m", "core", "--home", str(home), "--json", *arguments]
    answer = subprocess.run(call, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(answer.stdout), time.monotonic() - begun


def write_gold(data: Path, gold: Path) -> None:
    """All known matches of the queries that have one in valid.csv."""
    labels = {name: list(csv.DictReader((data / name).open(newline=""))) for name in ("train.csv", "valid.csv")}
    counted = {row["ltable_id"] for row in labels["valid.csv"] if row["label"] == "1"}
    matches = {(r["ltable_id"], r["rtable_id"]) for rows in labels.values() for r in rows if r["label"] == "1"}
    gold.write_text("".join(f"{query},{candidate}\n" for query, candidate in sorted(matches) if query in counted))


if __name__ == "__main__":
    main()
