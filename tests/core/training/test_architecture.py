"""The layers of an encoder, by the header of its weights: adapter targets, widths and parameter counts."""

import math
from pathlib import Path
from typing import Literal

import pytest
from tiny_encoder import write_tiny_model, write_tiny_sentence_encoder

from core.errors import ModelError, SettingsError
from core.retrieval.encoder import load
from core.retrieval.encoder_files import EncoderModel
from core.training.architecture import TARGET_MODULES, Architecture, Layer, read_architecture
from core.training.fine_tuning import _add_adapter
from core.training.recipes.recipe import LoraKeys, Recipe

pytestmark = pytest.mark.slow

TEXTS = ["camera model 5", "router drive lens"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    return {
        kind: write_tiny_model(folder, TEXTS, kind)
        for kind in ("bert", "mpnet", "qwen2", "mistral", "clip", "distilbert")
    }


@pytest.mark.parametrize(
    ("kind", "family"),
    [
        ("bert", "BERT"), ("mpnet", "MPNet"), ("qwen2", "Qwen, Llama and Mistral"),
        ("mistral", "Qwen, Llama and Mistral"), ("clip", "CLIP"),
    ],
)  # fmt: skip
def test_targets_follow_the_architecture(models: dict[str, Path], kind: str, family: str) -> None:
    architecture = read_architecture(models[kind])
    assert architecture.target_modules(LoraKeys()) == TARGET_MODULES[family]
    assert (architecture.hidden_size, architecture.depth, architecture.heads) == (32, 2, 2)


def test_an_unknown_architecture_names_the_key_and_the_layers_found(models: dict[str, Path]) -> None:
    architecture = read_architecture(models["distilbert"])
    with pytest.raises(SettingsError, match=r"lora\.target_modules: auto does not know") as caught:
        architecture.trainable(Recipe())
    assert "k_lin, lin1, lin2, out_lin, q_lin, v_lin" in caught.value.message
    assert "lora.target_modules: [k_lin" in caught.value.hint
    assert architecture.trainable(Recipe(lora=LoraKeys(target_modules=("q_lin", "v_lin")))) == 2 * 2 * 16 * (32 + 32)


@pytest.mark.parametrize("kind", ["bert", "mpnet", "qwen2", "clip"])
@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(),
        Recipe(lora=LoraKeys(rank=4, dora=True)),
        Recipe(lora=LoraKeys(rank=3, modules_to_save=("word_embeddings",))),
        Recipe(method="full"),
    ],
    ids=["lora", "dora", "modules_to_save", "full"],
)
def test_the_parameters_of_the_header_are_those_of_the_trainer(
    models: dict[str, Path], kind: str, recipe: Recipe
) -> None:
    if kind in {"qwen2", "clip"} and recipe.lora.modules_to_save:
        saved = "embed_tokens" if kind == "qwen2" else "token_embedding"
        recipe = Recipe(lora=LoraKeys(rank=3, modules_to_save=(saved,)))
    architecture = read_architecture(models[kind])
    model = load(EncoderModel(kind, models[kind]), 16)
    if recipe.has_adapter:
        _add_adapter(model, recipe, architecture)
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    assert architecture.trainable(recipe) == trained
    if not recipe.has_adapter:
        assert architecture.parameters == trained


def test_a_rank_above_the_width_of_a_layer_is_refused(models: dict[str, Path]) -> None:
    architecture = read_architecture(models["bert"])
    assert architecture.trainable(Recipe(lora=LoraKeys(rank=32))) > 0
    with pytest.raises(
        SettingsError, match=r"lora\.rank: 33 is above the width of the layer encoder\.layer\.0"
    ) as caught:
        architecture.trainable(Recipe(lora=LoraKeys(rank=33)))
    assert "it is a whole number from 1 to 32" in caught.value.message


@pytest.mark.parametrize("key", ["target_modules", "modules_to_save"])
def test_unknown_modules_name_those_found(models: dict[str, Path], key: str) -> None:
    architecture = read_architecture(models["bert"])
    with pytest.raises(SettingsError, match=rf"lora\.{key}: no .* is called q_proj; those found are .*dense") as caught:
        architecture.trainable(Recipe(lora=LoraKeys.model_validate({key: ["q_proj"]})))
    assert "Name some of these" in caught.value.hint


def test_a_module_in_another_one_is_refused(models: dict[str, Path]) -> None:
    with pytest.raises(SettingsError, match="both match, and one contains the other"):
        read_architecture(models["bert"]).trainable(Recipe(lora=LoraKeys(modules_to_save=("embeddings",))))


def test_the_vision_tower_of_a_multimodal_model_gets_no_adapter() -> None:
    square = {"weight": (32, 32)}
    layers = [Layer(f"{tower}.layers.0.{name}", square) for tower in ("vision_model", "text_model")
              for name in ("q_proj", "v_proj", "out_proj")]  # fmt: skip
    architecture = Architecture((*layers, Layer("text_model.embeddings.token_embedding", {"weight": (400, 32)})))
    assert [layer.name for layer in architecture.targets(LoraKeys())] == [layer.name for layer in layers[3:]]


def test_the_dense_layer_behind_the_pooling_counts_only_in_full(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415
    from sentence_transformers.sentence_transformer.modules import Dense  # noqa: PLC0415

    folder = write_tiny_sentence_encoder(tmp_path, TEXTS)
    before = read_architecture(folder)
    model = SentenceTransformer(str(folder))
    model.add_module("3", Dense(32, 16))
    model.save(str(tmp_path / "dense"), create_model_card=False)
    after = read_architecture(tmp_path / "dense")
    assert (after.other, before.dimension, after.dimension) == (32 * 16 + 16, 32, 16)
    assert before.trainable(Recipe(matryoshka=(32,))) > 0
    with pytest.raises(SettingsError, match=r"matryoshka: 32 is above the dimension of the vectors; .* from 1 to 16"):
        after.trainable(Recipe(matryoshka=(8, 32)))
    assert after.trainable(Recipe()) == before.trainable(Recipe())
    assert after.trainable(Recipe(method="full")) == before.trainable(Recipe(method="full")) + after.other


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    folder = write_tiny_sentence_encoder(tmp_path, TEXTS)
    weights = next(folder.rglob("model.safetensors"))
    weights.write_bytes(weights.read_bytes()[: math.ceil(weights.stat().st_size / 2)])
    with pytest.raises(ModelError, match="cannot be loaded: it is damaged"):
        read_architecture(folder)


@pytest.mark.parametrize("kind", ["bert", "mpnet", "qwen2", "mistral", "clip"])
def test_the_upper_half_gets_an_adapter_and_the_lower_half_no_gradient(models: dict[str, Path], kind: str) -> None:
    architecture, lora = read_architecture(models[kind]), LoraKeys(layers="upper-half", rank=4)
    targets = architecture.targets(lora)
    assert {layer.block for layer in targets} == {1}
    assert 2 * len(targets) == sum(layer.block is not None for layer in architecture.targets(LoraKeys()))
    model = load(EncoderModel(kind, models[kind]), 32)
    _add_adapter(model, Recipe(lora=lora), architecture)
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert len(trained) == 2 * len(targets)
    assert all(any(layer.name_in_block in name for layer in targets) for name in trained)


@pytest.mark.parametrize(
    ("blocks", "layers", "first"),
    [
        (6, "upper-half", 3),
        (6, "upper-two-thirds", 2),
        (12, "upper-two-thirds", 4),
        (2, "upper-two-thirds", 0),
        (3, "upper-half", 1),
    ],
)
def test_the_upper_part_is_counted_from_below(
    blocks: int, layers: Literal["upper-half", "upper-two-thirds"], first: int
) -> None:
    made = tuple(
        Layer(f"encoder.layer.{block}.{name}", {"weight": (8, 8)})
        for block in range(blocks)
        for name in ("query", "key", "value", "dense")
    )
    targets = Architecture(made).targets(LoraKeys(layers=layers))
    assert {layer.block for layer in targets} == set(range(first, blocks))


def test_an_encoder_without_numbered_blocks_has_no_upper_half() -> None:
    layers = tuple(Layer(name, {"weight": (8, 8)}) for name in ("query", "key", "value", "dense"))
    with pytest.raises(SettingsError, match=r"lora\.layers: the base has no numbered layers"):
        Architecture(layers).targets(LoraKeys(layers="upper-half"))
