"""What a retrain would do: data, recipe, steps, trainable parameters, memory and time. Trains and downloads nothing."""

from dataclasses import dataclass

from core.jobs.board import Jobs
from core.settings import Settings
from core.training.architecture import Architecture, read_architecture
from core.training.base_encoder import local_base_folder
from core.training.cost import batch_size
from core.training.fine_tuning import BITSANDBYTES_HINT, has_bitsandbytes
from core.training.plan import RetrainPlan, plan_retrain
from core.training.recipes.recipe import Recipe
from core.workspace import Workspace
from labels.wording import counted

_FLOAT32, _FLOAT16 = 4, 2
#: Bytes of a trainable parameter beside its weight: the gradient and two moments of AdamW, in float32.
_TRAINING_BYTES = 12
#: Bytes of a weight in NF4 with double quantisation: 4 bits, and 0.127 bits of constants (arXiv:2305.14314).
_NF4_BYTES = (4 + 0.127) / 8


@dataclass(frozen=True, slots=True)
class Explanation:
    """A retrain that was not started.

    Attributes:
        plan: training data, evaluation set and time model.
        base: the base encoder by the name of the recipe or the settings.
        parameters, trainable: of the encoder; None if it is not on this machine.
        memory_bytes: estimated peak of weights, gradients, optimizer and activations; None if unknown.
        notes: what the user should know, a sentence each.
    """

    plan: RetrainPlan
    base: str
    parameters: int | None
    trainable: int | None
    memory_bytes: int | None
    notes: tuple[str, ...]

    @property
    def recipe(self) -> Recipe:
        """The recipe of the run."""
        return self.plan.recipe

    def record(self) -> dict[str, object]:
        """Its values for `--json`."""
        plan, epochs = self.plan, self.recipe.epochs
        share = self.trainable / self.parameters if self.parameters and self.trainable is not None else None
        return {
            "base": self.base, "recipe": self.recipe.record(), "queries": plan.queries, "matches": plan.matches,
            "non_matches": plan.non_matches, "unsure": plan.unsure, "conflicts": plan.conflicts,
            "withheld": plan.withheld,
            "eval_queries": plan.eval_queries, "judged_on": plan.judged_on, "possible": plan.possible,
            "epochs": plan.epochs(epochs), "steps": plan.steps(epochs), "parameters": self.parameters,
            "trainable": self.trainable, "trainable_share": share, "memory_bytes": self.memory_bytes,
            "seconds": plan.seconds(epochs), "notes": list(self.notes),
            "prospect": plan.prospect.record() if plan.prospect else None,
        }  # fmt: skip


def explain_retrain(
    workspace: Workspace, settings: Settings, jobs: Jobs, recipe: Recipe, *, lead: bool = True
) -> Explanation:
    """Explain a retrain with the current labels.

    Args:
        workspace: with the labels.
        settings: of the workspace.
        jobs: earlier jobs, for the time estimate.
        recipe: of the run.
        lead: whether the user may promote encoders.

    Raises:
        SettingsError: the recipe does not fit the base encoder.
        SameskuError: labels, catalogue or encoder cannot be read.
    """
    plan = plan_retrain(workspace, settings, jobs, lead=lead, recipe=recipe)
    base = settings.encoder.model if recipe.base == "auto" else recipe.base
    notes = list(recipe.warnings)
    if recipe.processes > 1:
        notes.append(
            f"The training runs in {counted(recipe.processes, 'process', 'processes')}. The memory is that of each of"
            " them; the duration is estimated for a single one."
        )
    if recipe.method == "qlora" and not has_bitsandbytes():
        notes.append(f"The package bitsandbytes is not installed. {BITSANDBYTES_HINT}")
    folder = local_base_folder(workspace, settings, recipe)
    if folder is None:
        notes.append(f"{base} is not on this machine; its parameters are known once it is downloaded.")
        return Explanation(plan, base, None, None, None, tuple(notes))
    architecture = read_architecture(folder)
    trainable = architecture.trainable(recipe)
    memory = estimate_memory(architecture, recipe, trainable, max(plan.matches, 1), settings.encoder.max_tokens)
    return Explanation(plan, base, architecture.parameters, trainable, memory, tuple(notes))


def estimate_memory(
    architecture: Architecture, recipe: Recipe, trainable: int, examples: int, max_tokens: int
) -> int | None:
    """Estimated peak memory of a training process in bytes, without the libraries'; None if the sizes are unknown.

    An upper bound, since texts are shorter than `max_tokens`. The activations of a layer take s·b·h·(34 + 5·a·s/h)
    bytes at 16 bits, for s tokens, b texts, h dimensions and a heads (Korthikanti et al. 2022, arXiv:2205.05198,
    section 4.1); twice that at 32 bits.
    """
    s, h, a, depth = max_tokens, architecture.hidden_size, architecture.heads, architecture.depth
    if not (h and a and depth):
        return None
    if recipe.has_adapter:
        depth -= architecture.first_block(recipe.lora)  # nothing is kept of the blocks below
    weights: float = architecture.parameters * _FLOAT32
    if recipe.method == "qlora":
        linear = sum(layer.parameters for layer in architecture.layers if layer.is_linear)
        weights -= linear * (_FLOAT32 - _NF4_BYTES)
    if recipe.has_adapter:
        weights += trainable * _FLOAT32
    elements = _texts_at_once(recipe, examples) * s * h
    layer_bytes = elements * (34 + 5 * a * s / h) * (1 if recipe.precision == "bf16" else _FLOAT32 / _FLOAT16)
    # With checkpointing, the input of each layer is kept, and one layer is computed again at a time.
    activations = depth * elements * _FLOAT32 + layer_bytes if recipe.gradient_checkpointing else depth * layer_bytes
    return int(weights + trainable * _TRAINING_BYTES + activations)


def _texts_at_once(recipe: Recipe, examples: int) -> int:
    """Texts whose activations are in the memory of a process at the same time."""
    if recipe.loss in {"cached-mnr", "gist"}:
        return recipe.mini_batch_size
    batch = batch_size(recipe, examples) // recipe.processes
    return batch * (2 if recipe.on_pairs else 2 + recipe.hard_negatives)
