"""The mean of the trained weights over the last steps."""

from pathlib import Path

import pytest

from core.training.weight_average import WeightAverage, copy_weights

torch = pytest.importorskip("torch", reason="needs torch")

pytestmark = pytest.mark.slow


def model_of(*values: float) -> "torch.nn.Module":
    model = torch.nn.Linear(len(values), 1, bias=False)
    set_weights(model, *values)
    return model


def set_weights(model: "torch.nn.Module", *values: float) -> None:
    with torch.no_grad():
        model.weight.copy_(torch.tensor([values]))


def after(average: WeightAverage, model: "torch.nn.Module", first: int, last: int, steps: int) -> None:
    """Train: the weight after step n is n and its square."""
    for step in range(first, last + 1):
        set_weights(model, step, step**2)
        average.add(step, steps)


@pytest.mark.parametrize(("share", "expected"), [(0.5, (3.5, 12.5)), (0.25, (4, 16)), (0.0, (4, 16))])
def test_the_last_share_of_the_steps_is_averaged(share: float, expected: tuple[float, float]) -> None:
    model = model_of(0, 0)
    average = WeightAverage(model, share)
    after(average, model, 1, 4, 4)
    average.apply()
    assert model.weight.tolist() == [list(expected)]


@pytest.mark.parametrize("interrupted_after", [1, 2, 3, 4])
def test_it_goes_on_from_a_file(tmp_path: Path, interrupted_after: int) -> None:
    model = model_of(0, 0)
    average = WeightAverage(model, 0.5)
    after(average, model, 1, interrupted_after, 4)
    average.save(tmp_path / "average.safetensors")
    resumed = WeightAverage(model, 0.5)
    resumed.load(tmp_path / "average.safetensors")
    after(resumed, model, interrupted_after + 1, 4, 4)
    resumed.apply()
    assert model.weight.tolist() == [[3.5, 12.5]]


def test_frozen_weights_stay() -> None:
    model = model_of(1, 2)
    model.weight.requires_grad_(requires_grad=False)
    average = WeightAverage(model, 0.5)
    after(average, model, 1, 2, 2)
    average.apply()
    assert model.weight.tolist() == [[2, 4]]


def test_the_weights_of_another_model_are_refused() -> None:
    with pytest.raises(ValueError, match="not those of this model"):
        copy_weights({"weight": torch.zeros(1, 3)}, model_of(1, 2))
