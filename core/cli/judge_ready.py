"""What to do with a judge when it is trained, said at the end of a training whoever has watched it."""

from collections.abc import Mapping
from typing import Any

from core.cli.context import Context
from core.judge.tuned import adapter_of
from core.text.safe import safe
from labels.wording import counted


def tell_ready(context: Context, result: Mapping[str, Any]) -> None:
    """Print how it is put in use.

    Args:
        context: of the verb.
        result: what `judge train` has reported.
    """
    for line in _of_language_model(context, result) if "recipe" in result else _of_cross_encoder(result):
        # Not broken at the screen's edge: these are lines to copy.
        context.out.print(safe(line), soft_wrap=True)


def _of_language_model(context: Context, card: Mapping[str, Any]) -> list[str]:
    return [
        f"{card['id']} is trained. To use it, set in samesku.toml, under [judge]:",
        'use = ["mlx"]',
        f'mlx_model = "{card["base"]}"',
        f'mlx_adapter = "{adapter_of(context.workspace, card["id"])}"',
    ]


def _of_cross_encoder(card: Mapping[str, Any]) -> list[str]:
    return [
        f"{card['id']} has learnt from {counted(card['pairs'], 'labelled pair')}.",
        "`samesku judge test --judge cross-encoder` measures it. To use it, set in samesku.toml, under [judge]:",
        'use = ["cross-encoder"]',
    ]
