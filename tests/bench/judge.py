"""What batches, and the memory of how prompts begin, save a language model that judges: as ratios.

    python -m tests.bench.judge [WIDTH]

The model is a Qwen2 with random weights, made on the spot. The prompts are real ones, pairs of the demo catalogue,
under a tokenizer that cuts them about as finely as those of published models do. Answers are as long as an analysis,
since random weights find no end.

The model is narrow, so that a step costs what it costs to take it at all. So it is with published models on Metal and
CUDA, where a step waits for the weights, and one for 32 answers takes little longer than one for a single answer. A
processor has nothing to gain there: as soon as the arithmetic counts, from a WIDTH of some 256 on, mlx multiplies 32
rows in 32 times the time of one, and batches save next to nothing.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from unittest.mock import patch

sys.path.append(str(Path(__file__).parents[1] / "support"))
from tiny_llm import write_tiny_llm

from core.catalog.demo import demo_catalogue
from core.judge.mlx import MlxJudge
from core.judge.mlx_model import LocalModel
from core.judge.pair_context import Findings, PairContext
from core.judge.prompt import pair_messages

#: Pairs; tokens of an answer; and how often all is measured.
_PAIRS, _LONGEST, _ROUNDS = 32, 128, 5
_WIDTH, _LAYERS, _VOCABULARY = 32, 4, 4096


def main() -> None:
    """Measure and print."""
    width = int(sys.argv[1]) if len(sys.argv) > 1 else _WIDTH
    demo = demo_catalogue()
    cases = [
        PairContext(query, product, Findings())
        for query, product in zip(demo.queries[:_PAIRS], demo.products[:_PAIRS], strict=True)
    ]
    _say(f"{os.cpu_count()} cores, of which others keep {os.getloadavg()[0]:.1f} busy")
    with tempfile.TemporaryDirectory() as folder:
        texts = [message["content"] for case in cases for message in pair_messages(case)]
        write_tiny_llm(Path(folder), hidden=width, layers=_LAYERS, vocabulary=_VOCABULARY, texts=texts)
        _sizes(LocalModel(folder), cases)
        _batches(MlxJudge(folder, "", mode="reasoned", max_tokens=_LONGEST), cases)
        _memory(MlxJudge(folder, "", mode="fast", max_tokens=_LONGEST), cases)


def _sizes(local: LocalModel, cases: Sequence[PairContext]) -> None:
    asked = [pair_messages(case) for case in cases]
    read = [local.encode(local.render(each)) for each in asked]
    rest = [local.split_cached_prefix(each, tokens)[0] for each, tokens in zip(asked, read, strict=True)]
    letters = statistics.mean(len(each[0]["content"]) + len(each[1]["content"]) for each in asked)
    whole, left = statistics.mean(map(len, read)), statistics.mean(map(len, rest))
    _say(f"prompts of {whole:.0f} tokens ({letters / whole:.1f} characters each), {left:.0f} behind what all share")


def _batches(judge: MlxJudge, cases: Sequence[PairContext]) -> None:
    """Reasoned verdicts: all at once against one after the other."""
    few = cases[: _PAIRS // 4]
    together, alone = _measured(
        lambda: list(judge.verdicts(cases)), lambda: [verdict for case in few for verdict in judge.verdicts([case])]
    )
    together, alone = together / len(cases), alone / len(few)
    _say(
        f"reasoned, {_LONGEST} tokens an answer: {1e3 * together:.0f} ms a pair in batches, {1e3 * alone:.0f} ms alone"
    )
    _say(f"batch against one at a time: {alone / together:.1f} (bar: 3)")


def _memory(judge: MlxJudge, cases: Sequence[PairContext]) -> None:
    """Fast verdicts: with the memory of how prompts begin, and reading each whole."""

    def forgetful() -> object:
        from mlx_lm.models.cache import make_prompt_cache  # noqa: PLC0415

        with patch.object(LocalModel, "remembered", lambda own, _, tokens: (tokens, make_prompt_cache(own.model))):
            return list(judge.verdicts(cases))

    remembered, whole = _measured(lambda: list(judge.verdicts(cases)), forgetful)
    remembered, whole = remembered / len(cases), whole / len(cases)
    _say(f"verdicts weighed: {1e3 * remembered:.0f} ms a pair with the memory, {1e3 * whole:.0f} ms without")
    _say(f"prompt cache against none: {whole / remembered:.1f} (bar: 1.5)")


def _measured(first: Callable[[], object], second: Callable[[], object]) -> tuple[float, float]:
    """The median seconds of each, in turns, so that what others do on the machine meets both."""
    first(), second()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(_ROUNDS):
        for seconds, work in zip(times, (first, second), strict=True):
            begun = time.perf_counter()
            work()
            seconds.append(time.perf_counter() - begun)
    return statistics.median(times[0]), statistics.median(times[1])


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
