"""How to use a judge that was trained, printed at the end of a training and of a watched job."""

from collections.abc import Mapping
from typing import Any

from core.cli.context import Context
from core.judge.finetune.storage import adapter_folder
from core.text.safe import safe
from labels.wording import counted


def print_usage(context: Context, result: Mapping[str, Any]) -> None:
    """Print how to use a trained judge.

    Args:
        context: of the verb.
        result: of `judge train`.
    """
    for line in _language_model_usage(context, result) if "recipe" in result else _cross_encoder_usage(result):
        # Not wrapped, so that the lines can be copied.
        context.out.print(safe(line), soft_wrap=True)


def _language_model_usage(context: Context, card: Mapping[str, Any]) -> list[str]:
    return [
        f"{card['id']} is trained. To use it, set in samesku.toml, under [judge]:",
        'use = ["mlx"]',
        f'mlx_model = "{card["base"]}"',
        f'mlx_adapter = "{adapter_folder(context.workspace, card["id"])}"',
    ]


def _cross_encoder_usage(card: Mapping[str, Any]) -> list[str]:
    return [
        f"{card['id']} is trained on {counted(card['pairs'], 'labelled pair')}.",
        "`samesku judge test --judge cross-encoder` evaluates it. To use it, set in samesku.toml, under [judge]:",
        'use = ["cross-encoder"]',
    ]
