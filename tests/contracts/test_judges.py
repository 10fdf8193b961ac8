"""What every judge holds to, whichever model is behind it: `core.judge.interface.Judge`."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from itertools import count
from pathlib import Path

import pytest
from injections import INJECTIONS
from judges import CountingJudge, StreamingCountingJudge, case_of
from misbehaving import Misbehaving, Request, completion, delta, says, streams
from samples import PRODUCTS, QUERIES
from tiny_encoder import write_tiny_encoder
from tiny_llm import pairs_of, write_tiny_llm

from core.json_store import save
from core.judge.cache import CachingJudge, VerdictCache
from core.judge.calibrated_judge import CalibratedJudge
from core.judge.cross_encoder import CrossEncoderCard, CrossEncoderJudge, load_cross_encoder
from core.judge.factory import Ensemble
from core.judge.interface import Judge, StreamingJudge
from core.judge.mlx import MlxJudge
from core.judge.openai_server.judge import ServerJudge
from core.judge.pair_context import PairContext
from core.judge.verdict import Answer, Verdict
from core.retrieval.encoder_files import weights_sha256
from core.settings import JudgeSettings

pytestmark = pytest.mark.slow

CASES = pairs_of(QUERIES[:3], PRODUCTS[:3])
#: No judge works on more at once.
MOST_AHEAD = 100


def by_length(connection: socket.socket, request: Request) -> None:
    """An answer that depends on the question."""
    even = len(request.body["messages"][-1]["content"]) % 2 == 0
    text = f"They look alike.\n**Verdict:** {'MATCH' if even else 'NO MATCH'}"
    act = streams(delta(text), delta(None, finish="stop")) if request.body.get("stream") else says(completion(text))
    act(connection, request)


@pytest.fixture(scope="module")
def llm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mlx_lm", reason="needs the extra llm", exc_type=ImportError)
    return write_tiny_llm(tmp_path_factory.mktemp("llm"), decided=True)


@pytest.fixture(scope="module")
def cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that was never trained, with a card that says otherwise."""
    encoder = write_tiny_encoder(tmp_path_factory.mktemp("encoder"), [product.title for product in PRODUCTS])
    folder = tmp_path_factory.mktemp("judges") / "cross-encoder-untrained"
    load_cross_encoder(encoder).save_pretrained(str(folder), safe_serialization=True, create_model_card=False)
    card = CrossEncoderCard(folder.name, "tiny", weights_sha256(folder), "2026-01-01T00:00:00+00:00", 2, 1, 1.0)
    save(folder / "judge.json", asdict(card))
    return folder


@pytest.fixture
def remembering(tmp_path: Path) -> Callable[[Judge], CalibratedJudge]:
    """As the rest of samesku sees a judge."""
    cache, no_file = VerdictCache(tmp_path / "derived.db"), tmp_path / "no-calibration.json"
    return lambda judge: CalibratedJudge(CachingJudge(judge, cache), no_file)


@pytest.fixture(params=["cross-encoder", "mlx, reasoned", "mlx, fast", "server", "remembered", "ensemble"])
def judge(request: pytest.FixtureRequest) -> Iterator[Judge]:
    match request.param:
        case "cross-encoder":
            yield CrossEncoderJudge(request.getfixturevalue("cross_encoder"))
        case "mlx, reasoned":
            yield MlxJudge(str(request.getfixturevalue("llm")), "", mode="reasoned", max_tokens=24)
        case "mlx, fast":
            yield MlxJudge(str(request.getfixturevalue("llm")), "", mode="fast", max_tokens=24)
        case "server":
            with Misbehaving(by_length) as server:
                yield ServerJudge(JudgeSettings(server_url=server.url, server_model="tiny"))
        case "remembered":
            yield request.getfixturevalue("remembering")(StreamingCountingJudge())
        case "ensemble":
            remembering = request.getfixturevalue("remembering")
            yield Ensemble([remembering(CountingJudge("one")), remembering(StreamingCountingJudge("two"))], "mean")


def same(one: Verdict, other: Verdict) -> bool:
    """Whether they say the same; what they cost does not count."""
    told = [(verdict.answer, verdict.reasoning, verdict.judge) for verdict in (one, other)]
    return told[0] == told[1] and one.log_odds == pytest.approx(other.log_odds, abs=1e-3)


def test_each_case_gets_its_own_verdict_whatever_stands_beside_it(judge: Judge) -> None:
    together, backwards = list(judge.verdicts(CASES)), list(judge.verdicts(CASES[::-1]))
    alone = [verdict for case in CASES for verdict in judge.verdicts([case])]
    assert len(together) == len(backwards) == len(CASES)
    assert all(map(same, together, backwards[::-1]))
    assert all(map(same, together, alone))
    for verdict in together:
        assert verdict.judge == judge.name
        assert verdict.seconds >= 0
        assert verdict.log_odds is None or (verdict.log_odds > 0) == (verdict.answer is Answer.MATCH)


def test_no_case_gets_no_verdict(judge: Judge) -> None:
    assert list(judge.verdicts([])) == []


def test_cases_are_taken_as_they_are_needed(judge: Judge) -> None:
    taken: list[PairContext] = []

    def endless() -> Iterator[PairContext]:
        for number in count():
            taken.append(CASES[number % len(CASES)])
            yield taken[-1]

    verdicts = iter(judge.verdicts(endless()))
    assert next(verdicts).judge == judge.name
    assert len(taken) <= MOST_AHEAD
    del verdicts
    assert len(list(judge.verdicts(CASES[:2]))) == 2


def test_a_title_that_gives_orders_gets_a_verdict_like_any_other(judge: Judge) -> None:
    hostile = [case_of(number, title) for number, title in enumerate(sorted(INJECTIONS, key=len))]
    # The very long ones apart: a language model pads what it reads together to the longest.
    verdicts = [*judge.verdicts(hostile[:-2]), *judge.verdicts(hostile[-2:])]
    assert len(verdicts) == len(hostile)
    assert all(verdict.probability is None or 0 <= verdict.probability <= 1 for verdict in verdicts)


def test_what_is_heard_ends_in_the_verdict_and_may_be_broken_off(judge: Judge) -> None:
    if not isinstance(judge, StreamingJudge):
        assert "talk" not in dir(judge)
        return
    [verdict] = judge.verdicts(CASES[:1])
    with closing(judge.stream(CASES[1])) as talk:
        next(talk, None)
    heard: list[Verdict] = []

    def listen() -> Iterator[str]:
        heard.append((yield from judge.stream(CASES[0])))

    assert verdict.reasoning in "".join(listen())
    assert same(heard[0], verdict)


def test_a_judge_that_was_let_go_may_be_asked_again(judge: Judge) -> None:
    [before] = judge.verdicts(CASES[:1])
    judge.close()
    judge.close()
    [after] = judge.verdicts(CASES[:1])
    assert same(after, before)
