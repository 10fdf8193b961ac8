"""Merging an adapter folder into its base, as a plain encoder of the workspace."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.jobs.progress import Reporter
from core.model_files import check_peft_adapter_files, read_json
from core.retrieval.encoder_files import (
    PRESETS,
    EncoderModel,
    find_base,
    readable_save_errors,
    weights_sha256,
)
from core.retrieval.encoder_identity import part_digests
from core.retrieval.encoder_registry import BASE, ModelCard, Registry, new_tuned_id
from core.settings import Settings
from core.text.safe import safe
from core.training.adapters import (
    ADAPTER_CONFIG,
    ADAPTER_WEIGHTS,
    record_base,
    recorded_base,
    require_base,
    verified_merge,
)
from core.training.probe_texts import probe_texts
from core.workspace import Workspace

_HINT = "Name the folder of a LoRA adapter of peft, with adapter_config.json and adapter_model.safetensors."
#: Keys of an adapter's configuration that a recipe has too.
_RECIPE_KEYS = {
    "r": "rank",
    "lora_alpha": "alpha",
    "lora_dropout": "dropout",
    "use_rslora": "rslora",
    "use_dora": "dora",
    "target_modules": "target_modules",
    "modules_to_save": "modules_to_save",
}


def merge(workspace: Workspace, settings: Settings, adapter: Path, base_name: str, reporter: Reporter) -> ModelCard:
    """Merge an adapter into its base, verify the result, and add it to the encoders of a workspace.

    It is not promoted.

    Args:
        workspace: with the catalogue, some texts of which are encoded.
        settings: of the workspace.
        adapter: folder of an adapter, trained here or elsewhere.
        base_name: `base` for the base encoder of the settings, an id, a preset, a name on the hub, or a folder.
        reporter: receives the stages.

    Returns:
        the card of the new encoder.

    Raises:
        ModelError: the adapter is unsafe, damaged, of another base or without effect; the base is unknown or unsafe.
    """
    check_peft_adapter_files(adapter, _HINT)
    registry = Registry(workspace, settings)
    base, found_as = _find(registry, settings, base_name)
    require_base(adapter, base)
    recorded = recorded_base(adapter)
    if recorded is None:
        reporter.message(f"The adapter does not record its base; {base.id} is taken, whose layers have to match.")
    model_id = new_tuned_id(has_adapter=True)
    with registry.drafts() as folder:
        draft = folder / model_id
        draft.mkdir()
        # A copy, so that what is merged is what is kept.
        _copy(adapter, draft / "adapter")
        joins = recorded is not None and recorded.join_model_numbers
        record_base(draft / "adapter", base, join_model_numbers=joins)
        reporter.stage("merge the adapter")
        texts = probe_texts(workspace, settings).prefixed(base)
        measured = verified_merge(base, draft / "adapter", draft / "merged", texts, settings.encoder.max_tokens)
        card = _card(model_id, base, found_as, draft, measured, adapter.absolute().name)
        registry.add(card, draft)
    return card


def _find(registry: Registry, settings: Settings, name: str) -> tuple[EncoderModel, str]:
    """A base by its name, and how it is found again: as the settings have it, by its name on the hub, or its folder."""
    is_hub_name = "/" in name and not name.startswith(("/", ".", "~")) and not Path(name).exists()
    if not registry.is_trained(name) and (name in PRESETS or is_hub_name):
        return find_base(name, "base"), name
    base = registry.find(name)
    return base, settings.encoder.model if name == BASE else str(base.path)


def _copy(adapter: Path, folder: Path) -> None:
    with readable_save_errors(folder):
        folder.mkdir()
        for name in (ADAPTER_CONFIG, ADAPTER_WEIGHTS):
            shutil.copyfile(adapter / name, folder / name)


def _card(
    model_id: str, base: EncoderModel, base_name: str, draft: Path, measured: dict[str, float], origin: str
) -> ModelCard:
    merged = draft / "merged"
    return ModelCard(
        id=model_id,
        parent=base.id,
        base=base_name,
        sha256=weights_sha256(merged),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        recipe={"method": "lora", "lora": _lora(read_json(draft / "adapter" / ADAPTER_CONFIG))},
        metrics=measured,
        query_prefix=base.query_prefix,
        candidate_prefix=base.candidate_prefix,
        prefixes_from=base.prefixes_from,
        parts=part_digests(merged),
        origin=f"merged from the adapter {safe(origin)[:100]}",
    )


def _lora(config: dict[str, Any]) -> dict[str, Any]:
    found = {name: config[key] for key, name in _RECIPE_KEYS.items() if config.get(key)}
    return {name: sorted(value) if isinstance(value, list) else value for name, value in found.items()}
