"""The whole loop on Walmart-Amazon with titles only: a simulated campaign, and the pairs before and after a retrain.

    python -m tests.bench.proxy_workspace [FOLDER] [--only titles boilerplate translated] [--retrain]

FOLDER holds tableA.csv, tableB.csv, train.csv and valid.csv. Every listing of both catalogues is altered as in
`tests.bench.proxies`. Five minutes for each alteration on two cores, and ten more for a retrain.
"""

import argparse
import csv
import random
import shutil
import sys
import tempfile
from pathlib import Path

from core.catalog.product import Product
from tests.bench.match import NO_BENCHMARK, SHARED, read_products
from tests.bench.offers import shops
from tests.bench.proxies import VARIANTS
from tests.bench.walmart_amazon import pair_figures, samesku

_BUDGET, _REPORTED = 300, (50, 100, 300)
_SHOPS = 25


def main() -> None:
    """Measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.proxy_workspace", description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="?", default=SHARED)
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=["titles", "boilerplate"])
    parser.add_argument("--retrain", action="store_true", help="also retrain the encoder")
    arguments = parser.parse_args()
    if not (arguments.data / "valid.csv").is_file():
        sys.exit(NO_BENCHMARK.format(arguments.data))
    sys.stdout.write("| proxy | what | figure |\n| --- | --- | --- |\n")
    for name in arguments.only:
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder) / "data"
            write_altered(arguments.data, data, name)
            _measure(name, data, Path(folder) / "workspace", retrain=arguments.retrain)


def write_altered(source: Path, folder: Path, name: str, seed: int = 1) -> None:
    """Write the four files of the benchmark with altered listings.

    Args:
        source: folder of the published files.
        folder: receives the altered ones.
        name: of the alteration, one of `VARIANTS`.
        seed: of the shops, and of what each listing gets of them.
    """
    folder.mkdir()
    draw = random.Random(seed)
    ours, theirs = shops(draw, _SHOPS), shops(draw, _SHOPS)
    for table, retailer, known in (("tableA.csv", "walmart", ours), ("tableB.csv", "amazon", theirs)):
        altered = [VARIANTS[name](product, draw, known) for product in read_products(source / table, retailer)]
        _write_table(folder / table, altered)
    for labels in ("train.csv", "valid.csv"):
        shutil.copy(source / labels, folder / labels)


def _write_table(path: Path, products: list[Product]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "title", "category", "brand", "modelno", "price"])
        writer.writerows(
            [each.id, each.title, each.category, each.brand, each.model, "" if each.price is None else each.price]
            for each in products
        )


def _measure(name: str, data: Path, home: Path, *, retrain: bool) -> None:
    def tell(what: str, figure: str) -> None:
        sys.stdout.write(f"| {name} | {what} | {figure} |\n")
        sys.stdout.flush()

    samesku(home, "import", "walmart-amazon", str(data), "--labels")
    samesku(home, "index")
    labels = ["--gold", str(data / "train.csv"), "--test", str(data / "valid.csv"), "--budget", str(_BUDGET)]
    campaign, _ = samesku(home, "simulate", *labels)
    points = {point["labels"]: point["f1"] for point in campaign["strategies"]["mixed"]}
    tell("F1 after " + ", ".join(map(str, _REPORTED)) + " labels", ", ".join(f"{points[n]:.3f}" for n in _REPORTED))
    pairs = ["evaluate", "--pairs", str(data / "valid.csv")]
    tell("pairs of valid.csv", pair_figures(samesku(home, *pairs)[0]))
    if retrain:
        result, seconds = samesku(home, "retrain")
        tell(f"retrain, {seconds / 60:.0f} min", str(result["decision"]))
        tell("pairs of valid.csv after it", pair_figures(samesku(home, *pairs)[0]))


if __name__ == "__main__":
    main()
