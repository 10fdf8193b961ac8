"""A local language model by torch: the same verdicts as by mlx-lm, and adapters of either."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from samples import PRODUCTS, QUERIES, write_catalogue
from tiny_llm import pairs_of, write_tiny_llm

from core.errors import ModelError
from core.jobs.progress import Silent
from core.judge import backend
from core.judge.backend import choose_backend
from core.judge.finetune.chat_examples import write_training_data
from core.judge.finetune.llm_recipe import RECIPE_FILE, LoraParameters, read_recipe
from core.judge.finetune.splits import TrainValidTest
from core.judge.finetune.storage import adapter_folder
from core.judge.finetune.train import create_tuned_judge, tune
from core.judge.mlx import MlxJudge
from core.judge.prompt import short_messages
from core.judge.torch_judge import TorchJudge
from core.judge.verdict import Answer, Verdict

pytestmark = pytest.mark.slow

CASES = pairs_of(QUERIES[:3], PRODUCTS[:4])


def key_fields(verdict: Verdict) -> tuple[Any, ...]:
    odds = verdict.log_odds
    return verdict.answer, verdict.reasoning, odds and pytest.approx(odds, abs=0.02), verdict.tokens_in


@pytest.fixture(autouse=True)
def float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a processor without bfloat16, so that the two libraries agree in all digits."""
    monkeypatch.setattr("core.judge.torch_judge._computes_bfloat16", lambda _: False)


@pytest.mark.parametrize("mode", ["fast", "short", "reasoned"])
def test_verdicts_equal_those_of_mlx(decided_llm: Path, mode: Any) -> None:
    by_torch, by_mlx = (kind(str(decided_llm), "", mode=mode, max_tokens=24) for kind in (TorchJudge, MlxJudge))
    assert by_torch.name == by_mlx.name
    verdicts = list(by_torch.verdicts(CASES))
    assert list(map(key_fields, verdicts)) == list(map(key_fields, by_mlx.verdicts(CASES)))
    assert mode != "fast" or {verdict.answer for verdict in verdicts} == set(Answer)


def test_rotary_settings_of_transformers_5_reach_mlx(decided_llm: Path, tmp_path: Path) -> None:
    for file in decided_llm.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    assert "rope_theta" not in config
    config["rope_parameters"]["rope_theta"] = 50.0
    (tmp_path / "config.json").write_text(json.dumps(config))
    by_torch, by_mlx, before = (
        [verdict.log_odds for verdict in kind(str(folder), "", mode="short", max_tokens=16).verdicts(CASES[:4])]
        for kind, folder in ((TorchJudge, tmp_path), (MlxJudge, tmp_path), (MlxJudge, decided_llm))
    )
    assert by_mlx == pytest.approx(by_torch, abs=0.02)
    assert by_mlx != pytest.approx(before, abs=0.02)


def test_streamed_verdict_equals_written_one(decided_llm: Path) -> None:
    judge = TorchJudge(str(decided_llm), "", mode="reasoned", max_tokens=24)
    pieces, heard = [], judge.stream(CASES[0])
    try:
        while True:
            pieces.append(next(heard))
    except StopIteration as end:
        verdict: Verdict = end.value
    [written] = judge.verdicts(CASES[:1])
    assert "".join(pieces) == verdict.reasoning == written.reasoning
    assert verdict.log_odds == pytest.approx(written.log_odds)


def test_a_damaged_or_quantised_model_is_refused(tiny_llm: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file  # noqa: PLC0415

    for file in tiny_llm.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    judge = TorchJudge(str(tmp_path), "", mode="fast", max_tokens=16)
    weights = load_file(tmp_path / "model.safetensors")
    name = next(name for name in weights if name.endswith("q_proj.weight"))
    save_file({key: value for key, value in weights.items() if key != name}, tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match="its weights lack"):
        next(judge.verdicts(CASES))
    save_file({**weights, name: weights[name] * math.nan}, tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match="no finite numbers"):
        next(judge.verdicts(CASES))
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "quantization": {"bits": 4, "group_size": 64}}))
    with pytest.raises(ModelError, match="quantised") as caught:
        next(judge.verdicts(CASES))
    assert "judge.backend" in caught.value.hint
    assert choose_backend(str(tmp_path)) == "mlx"
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "/somewhere/else"}')
    with pytest.raises(ModelError, match="holds an adapter beside"):
        next(judge.verdicts(CASES))


def test_the_backend_follows_the_machine(tiny_llm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "_mlx_has_gpu", lambda: False)
    assert choose_backend(str(tiny_llm)) == "torch"
    assert choose_backend(str(tiny_llm), "mlx") == "mlx"
    monkeypatch.setattr(backend, "_mlx_has_gpu", lambda: True)
    assert choose_backend(str(tiny_llm)) == "mlx"


def test_a_short_prompt_holds_the_findings_in_one_line_each() -> None:
    system, user = short_messages(CASES[0])
    assert [line.partition(":")[0] for line in user["content"].splitlines()] == ["A", "B", "Same", "Different"]
    assert len(system["content"]) < 150


class Losses(Silent):
    """Records the losses, and interrupts after a step."""

    def __init__(self, ends_at: int | None = None) -> None:
        self.losses: dict[int, float] = {}
        self._ends_at = ends_at

    def loss(self, step: int, value: float) -> None:
        self.losses[step] = value
        if step == self._ends_at:
            raise KeyboardInterrupt


def test_training_resumes_and_its_adapter_works_in_both_libraries(tmp_path: Path) -> None:
    # Three layers, so that the lowest one is frozen and its output kept.
    model = write_tiny_llm(tmp_path / "model", layers=3)
    workspace, data = write_catalogue(tmp_path / "home"), tmp_path / "examples"
    labels = {case.pair: number % 4 == 0 for number, case in enumerate(CASES)}
    splits = TrainValidTest(labels, dict(list(labels.items())[:2]), {})
    write_training_data(workspace, splits, data, str(model), Silent(), balance=None, seed=1, short=True)
    recipe = read_recipe(data / RECIPE_FILE)
    quick = {
        "iters": 12, "batch_size": 4, "learning_rate": 2e-3, "num_layers": 2, "save_every": 4, "steps_per_report": 1,
        "steps_per_eval": 6, "lora_parameters": LoraParameters(rank=4),
    }  # fmt: skip
    card = create_tuned_judge(workspace, recipe.model_copy(update=quick))
    first, second = Losses(ends_at=6), Losses()
    with pytest.raises(KeyboardInterrupt):
        tune(workspace, card.id, first, backend="torch")
    finished = tune(workspace, card.id, second, backend="torch")
    assert list(second.losses) == list(range(5, 13))
    assert second.losses[12] < 0.8 * first.losses[1]
    assert finished.losses.keys() == {"training", "validation"}

    adapter = str(adapter_folder(workspace, card.id))
    tuned = [kind(str(model), adapter, mode="short", max_tokens=16) for kind in (TorchJudge, MlxJudge)]
    by_torch, by_mlx = (list(judge.verdicts(CASES)) for judge in tuned)
    assert list(map(key_fields, by_torch)) == list(map(key_fields, by_mlx))
    [base] = TorchJudge(str(model), "", mode="short", max_tokens=16).verdicts(CASES[:1])
    assert abs((base.log_odds or 0) - (by_torch[0].log_odds or 0)) > 0.1
    assert tuned[0].training_pairs() == labels.keys()
    other = TorchJudge(
        str(write_tiny_llm(tmp_path / "other", layers=3, hidden=128)), adapter, mode="short", max_tokens=16
    )
    with pytest.raises(ModelError, match="another model"):
        next(other.verdicts(CASES))


def test_an_unreadable_configuration_is_one_sentence(decided_llm: Path, tmp_path: Path) -> None:
    for file in decided_llm.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "config.json").write_text("{")
    assert choose_backend(str(tmp_path)) in {"mlx", "torch"}
    with pytest.raises(ModelError, match=r"config\.json"):
        next(TorchJudge(str(tmp_path), "", mode="fast", max_tokens=16).verdicts(CASES))
