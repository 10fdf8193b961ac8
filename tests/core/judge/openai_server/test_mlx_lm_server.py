"""The judge behind a URL on a real mlx_lm.server."""

import math
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from shutil import copytree

import pytest
from llm_server import llm_server
from samples import PRODUCTS, QUERIES
from tiny_llm import pairs_of

from core.errors import ModelError
from core.judge.listwise import choose_candidates
from core.judge.openai_server.judge import ServerJudge
from core.judge.verdict import Answer, Verdict
from core.settings import JudgeSettings

pytestmark = pytest.mark.slow

CASES = pairs_of(QUERIES[:2], PRODUCTS[:4])

#: What the decided model writes: after each token the next, but at the fork one of two.
CHAIN = ["Ċ", "**", "Verdict", ":**", "ĠNO", "ĠMATCH", "<|im_end|>"]
LEAD = 2.0


def write_decided_llm(folder: Path) -> Path:
    """Make of a tiny model one that says `**Verdict:** NO MATCH`, and holds it e² times as likely as MATCH.

    Attention and feed-forward layers add nothing, so that each token alone decides on the next: its embedding is an
    axis of its own, and the output layer turns that axis into the next token's logit.
    """
    import torch  # noqa: PLC0415
    from transformers import AutoTokenizer, Qwen2Config, Qwen2ForCausalLM  # noqa: PLC0415

    number = AutoTokenizer.from_pretrained(folder).convert_tokens_to_ids(CHAIN)
    config = Qwen2Config.from_pretrained(folder, tie_word_embeddings=False)
    model = Qwen2ForCausalLM(config)
    width = config.hidden_size
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight", "lm_head.weight")):
                weights.zero_()
        # The last norm makes an axis sqrt(width) long.
        for axis, (token, follows) in enumerate(pairwise(number)):
            model.model.embed_tokens.weight[token] = torch.eye(width)[axis]
            model.lm_head.weight[follows, axis] = 20.0 / math.sqrt(width)
        model.lm_head.weight[number[5], 3] = (20.0 - LEAD) / math.sqrt(width)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def decided(tiny_llm: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A server, and the decided model that it has loaded."""
    model = write_decided_llm(copytree(tiny_llm, tmp_path_factory.mktemp("decided") / "llm"))
    with llm_server(model) as url:
        yield url, model


@pytest.fixture(scope="module")
def random(decided: tuple[str, Path], tiny_llm: Path) -> tuple[str, Path]:
    """The same server, which loads a model of random weights as soon as it is named."""
    return decided[0], tiny_llm


def judge_of(served: tuple[str, Path], **settings: object) -> ServerJudge:
    url, model = served
    asked = {"server_url": url, "server_model": str(model), "server_timeout_s": 120, "max_tokens": 32} | settings
    return ServerJudge(JudgeSettings.model_validate(asked))


@pytest.mark.parametrize("mode", ["reasoned", "fast"])
def test_verdict_probabilities_equal_the_models(decided: tuple[str, Path], mode: str) -> None:
    judge = judge_of(decided, mode=mode)
    told = list(judge.verdicts(CASES))
    assert [verdict.answer for verdict in told] == [Answer.NO_MATCH] * len(CASES)
    assert [verdict.log_odds for verdict in told] == [pytest.approx(-LEAD, abs=1e-4)] * len(CASES)
    assert told[0].probability == pytest.approx(1 / (1 + math.exp(LEAD)), abs=1e-4)
    assert {verdict.reasoning for verdict in told} == {"**Verdict:** NO MATCH"}
    assert all(verdict.tokens_in > 100 and verdict.tokens_out == 6 and verdict.seconds > 0 for verdict in told)


def test_stream_yields_chunks_then_probability(decided: tuple[str, Path]) -> None:
    told: list[Verdict] = []

    def listen() -> Iterator[str]:
        told.append((yield from judge_of(decided).stream(CASES[0])))

    pieces = list(listen())
    assert "".join(pieces) == "**Verdict:** NO MATCH"
    assert len(pieces) > 1
    assert told[0].answer is Answer.NO_MATCH
    assert told[0].log_odds == pytest.approx(-LEAD, abs=1e-4)
    assert told[0].tokens_out == 12  # asked twice: mlx_lm.server tells no probabilities piece by piece


def test_request_after_cancelled_stream(random: tuple[str, Path]) -> None:
    judge = judge_of(random, max_tokens=2000)
    talk = judge.stream(CASES[0])
    # Closed whatever comes of it: a talk that is left open keeps its thread, and that the whole process.
    with closing(talk):
        assert next(filter(None, talk))
    with pytest.raises(StopIteration):
        next(talk)
    assert len(list(judge_of(random).verdicts(CASES[:2]))) == 2


def test_random_model_gives_no_verdict(random: tuple[str, Path]) -> None:
    told = list(judge_of(random).verdicts(CASES[:3]))
    assert [(verdict.answer, verdict.probability) for verdict in told] == [(None, None)] * 3
    assert all(verdict.reasoning and verdict.tokens_out == 32 for verdict in told)


def test_listwise_question(decided: tuple[str, Path]) -> None:
    (choice,) = choose_candidates(judge_of(decided), [(QUERIES[0], PRODUCTS[:4])])
    assert not choice.answered  # NO MATCH is none of the letters


def test_missing_model_raises_error(decided: tuple[str, Path]) -> None:
    url, model = decided
    judge = judge_of((url, model / "nowhere"), server_retries=0)
    with pytest.raises(ModelError, match="has no model"):
        list(judge.verdicts(CASES))
    beside = judge_of((url.removesuffix("/v1") + "/v2", model), server_retries=0)
    with pytest.raises(ModelError, match="nothing at this URL"):
        list(beside.verdicts(CASES))
