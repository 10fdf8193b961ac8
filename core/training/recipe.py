"""The LoRA recipe and where its numbers come from.

LoRA needs about ten times the learning rate of full fine-tuning: 2e-5, the usual rate for BERT-like encoders,
does next to nothing, and 5e-4 lifts MiniLM's hit@1 on Walmart-Amazon from 0.75 to 0.90 in four epochs.
"""

from core.settings import RetrainSettings

#: The linear layers of a BERT-like encoder: those of attention and, by the name `dense`, the feed-forward ones.
TARGET_MODULES = ("query", "key", "value", "dense")

#: What learning from a text costs, in encodings of it: forward, and about twice that backward.
ENCODINGS_A_TEXT = 3

#: With fewer matches half of them teach an encoder too little for the matcher to be worth two more trainings.
FEWEST_FOR_HALVES = 200

#: Settings that make a run short enough to watch: for the demo and for tests, not for a real catalogue.
QUICK = {
    "retrain.epochs": "4",
    "retrain.batch_size": "16",
    "retrain.hard_negatives": "2",
    "retrain.min_steps": "20",
}


def epochs(settings: RetrainSettings, examples: int) -> int:
    """How often the examples are gone through: small sets more often, so that a run has `min_steps` steps."""
    steps = max(1, examples // max(1, min(settings.batch_size, examples)))
    return max(settings.epochs, -(-settings.min_steps // steps))


def steps(settings: RetrainSettings, examples: int) -> int:
    """How many batches a run learns from; the last one of an epoch may be smaller."""
    return epochs(settings, examples) * -(-examples // settings.batch_size)


def texts(settings: RetrainSettings, examples: int) -> int:
    """How many texts a run learns from, each as often as it comes up."""
    return epochs(settings, examples) * examples * (2 + settings.hard_negatives)
