import json
from pathlib import Path
from urllib.request import Request, urlopen

from llm_server import llm_server
from samples import PRODUCTS, QUERIES
from tiny_llm import pairs_of

from core.judge.mlx import MlxJudge
from core.judge.prompt import pair_messages

JSON = {"Content-Type": "application/json"}


def test_server_and_in_process_model_agree(tiny_llm: Path) -> None:
    [case] = pairs_of(QUERIES[:1], PRODUCTS[:1])
    [verdict] = MlxJudge(str(tiny_llm), "", mode="reasoned", max_tokens=24).verdicts([case])
    with llm_server(tiny_llm) as url:
        asked = {"model": str(tiny_llm), "messages": pair_messages(case), "max_tokens": 24, "temperature": 0}
        request = Request(f"{url}/chat/completions", json.dumps(asked).encode(), JSON)  # noqa: S310
        with urlopen(request, timeout=240) as answer:  # noqa: S310
            said = json.load(answer)["choices"][0]["message"]
    assert said["content"].strip() == verdict.reasoning.strip() != ""
