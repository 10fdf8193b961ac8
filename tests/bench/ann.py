"""The kinds of dense index on many vectors: recall@10 against exact search, latency on one core, memory, build time.

    python -m tests.bench.ann [--count 1000000] [--kinds sq8,ivfpq,hnsw] [--home WORKSPACE] [--folder DIR]

The vectors are made of real ones, those of the catalogue products of an indexed workspace (by default, Walmart-Amazon
is imported and indexed in a temporary one): each is a mixture of a product and two of its 16 nearest neighbours, plus
the difference of two random products for noise, so that there are near-duplicates and the spectrum is that of real
vectors. They are written as float16 into a memory map. The queries are the real vectors of the workspace's queries.
Each kind is built and searched in a process of its own, since memory is measured.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from core.jobs.progress import Silent
from core.json_store import binary_file
from core.retrieval.corpus import Corpus
from core.retrieval.corpus_vectors import encode_corpus
from core.retrieval.dense import DenseIndex, Effort, exact_search
from core.retrieval.dense_kinds import KINDS, KindName, Truth, build_dense
from core.retrieval.encoder_registry import Registry
from core.settings import load_settings
from core.workspace import Workspace
from tests.bench.walmart_amazon import SHARED, samesku

NEAREST = 16
BLOCK = 50_000
RECALL = 0.98
QUERIES = 1_000


def main() -> None:
    """Print the figures of every kind."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--kinds", default="sq8,ivfpq,ivf,hnsw")
    parser.add_argument("--home", type=Path)
    parser.add_argument("--folder", type=Path, help="keeps vectors and indexes")
    parser.add_argument("--one", choices=list(KINDS), help="internal: one kind, in this process")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if given.one:
            say(**measure(folder, given.count, given.one))
            return
        prepare(folder, given.count, given.home)
        for kind in given.kinds.split(","):
            arguments = ["--one", kind, "--count", str(given.count), "--folder", str(folder)]
            subprocess.run([sys.executable, "-m", "tests.bench.ann", *arguments], check=True)


def prepare(folder: Path, count: int, home: Path | None) -> None:
    """Write the vectors, the queries and their exact neighbours, unless they are there."""
    if not (folder / "queries.npy").exists():
        queries, products = _real_vectors(home)
        np.save(folder / "products.npy", products)
        np.save(folder / "queries.npy", queries)
    queries = np.load(folder / "queries.npy")[:QUERIES]
    begun = time.perf_counter()
    path = vectors_path(folder, count)
    if not path.exists():
        recombine(np.load(folder / "products.npy"), count, path)
        say(vectors=count, made_s=round(time.perf_counter() - begun))
    vectors = np.load(path, mmap_mode="r")
    begun = time.perf_counter()
    np.save(folder / f"truth-{count}.npy", exact_search(vectors, queries, 10)[0])
    say(exact_ms_per_query_in_a_batch=round((time.perf_counter() - begun) / len(queries) * 1e3, 2))


def _real_vectors(home: Path | None) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    with tempfile.TemporaryDirectory() as temporary:
        if home is None:
            home = Path(temporary)
            samesku(home, "import", "walmart-amazon", str(SHARED))
        workspace = Workspace(home)
        settings = load_settings(workspace.settings)
        model = Registry(workspace, settings).base()
        return encode_corpus(workspace, settings, model, Corpus.read(workspace), Silent())


def recombine(real: NDArray[np.float32], count: int, path: Path) -> None:
    """Write so many mixtures of the real vectors, shape (count, dimensions)."""
    nearest, _ = exact_search(real, real, NEAREST + 1)
    out = np.lib.format.open_memmap(path, "w+", np.float16, (count, real.shape[1]))
    for number, start in enumerate(range(0, count, BLOCK)):
        random, size = np.random.default_rng([7, number]), min(BLOCK, count - start)
        centre = random.integers(len(real), size=size)
        others = nearest[centre[:, None], random.integers(1, NEAREST + 1, size=(size, 2))]
        weights = -np.sort(-random.dirichlet((4, 1, 1), size=size), axis=1).astype(np.float32)
        mixed = np.einsum("nw,nwd->nd", weights, real[np.column_stack([centre, others])])
        noise = real[random.integers(len(real), size=size)] - real[random.integers(len(real), size=size)]
        mixed += random.uniform(0.02, 0.2, size=(size, 1)).astype(np.float32) * noise
        out[start : start + size] = mixed / np.linalg.norm(mixed, axis=1, keepdims=True)
    out.flush()


def vectors_path(folder: Path, count: int) -> Path:
    """The file of the mixtures."""
    return folder / f"vectors-{count}.npy"


def measure(folder: Path, count: int, kind: KindName) -> dict[str, Any]:
    """Figures of one kind; half of the queries set its effort, the others measure it."""
    vectors = np.load(vectors_path(folder, count), mmap_mode="r")
    queries = np.load(folder / "queries.npy")[:QUERIES]
    truth = Truth(queries[1::2].copy(), np.load(folder / f"truth-{count}.npy")[1::2])
    path = folder / f"{kind}-{count}.faiss"
    answer: dict[str, Any] = {"kind": kind, "vectors": count}
    effort_path = path.with_suffix(".json")
    if not path.exists():
        begun = time.perf_counter()
        index = build_dense(vectors, kind, recall=RECALL, queries=queries[::2].copy(), reporter=Silent())
        answer |= {
            "built": index.kind,
            "build_s": round(time.perf_counter() - begun),
            "build_peak_mib": memory_mib("VmHWM", "RssFile"),
        }
        with binary_file(path) as out:
            faiss.write_index(index.index, faiss.PyCallbackIOWriter(out.write))  # type: ignore[attr-defined]
        effort_path.write_text(json.dumps([index.effort.probes, index.effort.shortlist]))
        say(**answer)
        # Searched from the file in a fresh process, as a later run does.
        os.execv(sys.executable, [sys.executable, "-m", "tests.bench.ann", *sys.argv[1:]])  # noqa: S606
    faiss.omp_set_num_threads(1)
    before = memory_mib("RssAnon")
    mapped = faiss.read_index(str(path), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)
    index = DenseIndex(vectors, mapped, kind=kind, effort=Effort(*json.loads(effort_path.read_text())))
    answer |= {"file_mib": round(path.stat().st_size / 2**20), "effort": repr(index.effort)}
    found, seconds = [], []
    for query in truth.queries:
        begun = time.perf_counter()
        found.append(index.search(query[None], 10)[0][0])
        seconds.append(time.perf_counter() - begun)
    p50, p99 = np.percentile(seconds[20:], [50, 99]) * 1e3  # the first read the file
    answer |= {
        "recall@10": round(truth.recall(np.array(found))[0], 4),
        "p50_ms": round(p50, 2),
        "p99_ms": round(p99, 2),
    }
    # Exact vectors of the shortlists are clean pages of the page cache, which the system takes back when it needs them.
    answer |= {"index_resident_mib": memory_mib("RssAnon") - before + _mapped(path)}
    answer |= {"exact_vectors_in_page_cache_mib": _mapped(vectors_path(folder, count))}
    return answer


def memory_mib(name: str, less: str = "") -> int:
    """A line of /proc/self/status in MiB, less another."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    kib = {line.partition(":")[0]: int(line.split()[1]) for line in lines if line.endswith("kB")}
    return (kib[name] - kib.get(less, 0)) // 1024


def _mapped(path: Path) -> int:
    """Resident MiB of the mappings of a file."""
    kib, is_file = 0, False
    for line in Path("/proc/self/smaps").read_text(encoding="utf-8").splitlines():
        if "-" in line.partition(" ")[0]:
            is_file = line.endswith(path.name)
        elif is_file and line.startswith("Rss:"):
            kib += int(line.split()[1])
    return kib // 1024


def say(**values: object) -> None:
    """Print a line of figures as JSON."""
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
