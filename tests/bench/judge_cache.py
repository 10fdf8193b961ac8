"""What a verdict costs that was given before, and what remembering costs a judge.

    python -m tests.bench.judge_cache [VERDICTS]

A cached verdict is to take 1 ms at most, the digest of the pair included, among a hundred thousand others.
"""

import os
import random
import sys
import tempfile
import time
from pathlib import Path

from core.catalog.product import Product
from core.judge.cache import VerdictCache, percentile
from core.judge.pair_context import Findings, PairContext
from core.judge.verdict import Answer, Verdict

_VERDICTS, _LOOKED_UP = 100_000, 2_000
_REASONING = "Similarities:\n- same brand samsung\nDifferences:\n- 55 inch against 46 inch\n**Verdict:** NO MATCH" * 8


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else _VERDICTS
    _say(f"{os.cpu_count()} cores, of which others keep {os.getloadavg()[0]:.1f} busy")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "derived.db"
        cache = VerdictCache(path)
        begun = time.perf_counter()
        for number in range(count):
            cache.put(_case(number), _VERDICT)
        cache.close()
        each = (time.perf_counter() - begun) / count
        _say(f"kept {count:,} verdicts: {1e3 * each:.3f} ms each, {path.stat().st_size / 2**20:,.0f} MiB")
        cache = VerdictCache(path)
        for name, start in (("known", 0), ("not known", count)):
            numbers = random.Random(5).sample(range(start, start + count), min(count, _LOOKED_UP))
            chosen = [_case(number) for number in numbers]
            took = sorted(_seconds(cache, case) for case in chosen)
            p50, p99 = (1e3 * percentile(took, share) for share in (0.5, 0.99))
            _say(f"cached verdict, {name}: p50 {p50:.3f} ms, p99 {p99:.3f} ms (bar: 1 ms)")
        cache.close()


_VERDICT = Verdict(
    Answer.NO_MATCH, 0.03, -3.5, _REASONING, "model@1a2b3c4d, reasoned in 512 tokens, prompt 1", 1.0, 600, 200
)


def _seconds(cache: VerdictCache, case: PairContext) -> float:
    begun = time.perf_counter()
    cache.get(_VERDICT.judge, case)
    return time.perf_counter() - begun


def _case(number: int) -> PairContext:
    query = Product(
        "walmart",
        f"q{number}",
        f'samsung 55" class led 1080p hdtv un55d6000 {number}',
        "samsung",
        "tv",
        "un55d6000",
        998.0,
    )
    candidate = Product(
        "amazon",
        f"c{number}",
        f"samsung un46d6000 46-inch 1080p 120 hz led hdtv {number}",
        "samsung",
        "tv",
        "un46d6000",
    )
    return PairContext(
        query, candidate, Findings(("same brand samsung",), ("55 inch against 46 inch", "un55d6000 against un46d6000"))
    )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
