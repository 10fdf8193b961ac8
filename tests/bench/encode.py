"""How fast the catalogue is encoded in 8 bits, against plain `SentenceTransformer.encode`, and what it costs.

    python -m tests.bench.encode [FOLDER]

FOLDER holds the Walmart-Amazon data, as for `tests.bench.walmart_amazon`. Both encode all Amazon products in one
process, one after the other. The figures of retrieval are those of `samesku evaluate`, before any training.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from core.catalog.template import check, render
from core.retrieval.corpus import Corpus
from core.retrieval.encoder import Encoder
from core.retrieval.encoder_registry import Registry
from core.retrieval.int8_encoder import Int8Encoder, run_trial
from core.settings import load_settings
from core.workspace import Workspace
from tests.bench.walmart_amazon import SHARED, samesku, write_gold


def main() -> None:
    """Print speed and figures of both."""
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else SHARED
    with tempfile.TemporaryDirectory() as folder:
        home, gold = Path(folder) / "workspace", Path(folder) / "gold.csv"
        write_gold(data, gold)
        samesku(home, "import", "walmart-amazon", str(data), "--labels")
        _compare_speed(Workspace(home), Path(folder))
        for backend in ("torch", "int8"):
            os.environ["SAMESKU_ENCODER__BACKEND"] = backend
            _, seconds = samesku(home, "index")
            found, _ = samesku(home, "evaluate", "--matches", str(gold))
            for ranking in ("encoder", "fused", "matched"):
                hits = f"hit@1 {found[ranking]['hit@1']:.4f}, hit@10 {found[ranking]['hit@10']:.4f}"
                _say(f"{backend}, {ranking}: {hits}")
            _say(f"{backend}, index: {seconds:.0f} s")


def _compare_speed(workspace: Workspace, folder: Path) -> None:
    settings = load_settings(workspace.settings)
    template = check(settings.encoder.template)
    texts = [render(template, product) for product in Corpus.read(workspace).products]
    model = Registry(workspace, settings).base()
    encoder = Encoder(model, max_tokens=settings.encoder.max_tokens, batch_size=settings.encoder.batch_size)
    begun = time.perf_counter()
    trial = run_trial(encoder, folder, texts)
    _say(f"trial {time.perf_counter() - begun:.1f} s, loading torch and the encoder included: {trial}")
    seconds = {}
    for name, encode in (
        ("plain", lambda: encoder.loaded.encode(texts, normalize_embeddings=True)),
        ("int8", lambda: Int8Encoder(folder).encode(texts)),
    ):
        begun = time.perf_counter()
        encode()
        seconds[name] = time.perf_counter() - begun
        _say(f"{name}: {len(texts):,} texts in {seconds[name]:.1f} s, {len(texts) / seconds[name]:.0f}/s")
    _say(f"ratio {seconds['plain'] / seconds['int8']:.2f}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
