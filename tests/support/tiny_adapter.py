"""A LoRA adapter with random weights for a tiny encoder: no training, and its effect shows."""

from pathlib import Path


def write_tiny_adapter(folder: Path, encoder: Path) -> Path:
    """An adapter as peft saves it: without a record of its base."""
    import torch  # noqa: PLC0415
    from peft import LoraConfig, TaskType, get_peft_model  # noqa: PLC0415
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415

    torch.manual_seed(3)
    model = SentenceTransformer(str(encoder), device="cpu")
    config = LoraConfig(
        task_type=TaskType.FEATURE_EXTRACTION, r=4, lora_alpha=16, target_modules=["query", "value", "dense"],
        init_lora_weights=False,
    )  # fmt: skip
    get_peft_model(model.transformers_model, config).save_pretrained(str(folder), safe_serialization=True)
    return folder
