"""Commands that a launcher of distributed programs has started: `accelerate launch`, torchrun.

A launcher starts a command several times. The first process does the whole work, and starts the processes of a training
itself (`core.training.processes`); the others end at once. Nothing is planned, written or reported twice.
"""

import os
from dataclasses import dataclass

from core.errors import SettingsError

#: Variables by which a launcher tells a process its place. Libraries read them too.
_VARIABLES = (
    "RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_RANK", "GROUP_WORLD_SIZE", "ROLE_RANK", "ROLE_NAME",
    "ROLE_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT",
)  # fmt: skip
_PREFIX = "TORCHELASTIC_"
#: Ways of sharing a model that `accelerate launch` sets, by the variable.
_SHARDING = {"ACCELERATE_USE_FSDP": "FSDP", "ACCELERATE_USE_DEEPSPEED": "DeepSpeed"}


@dataclass(frozen=True, slots=True)
class Launch:
    """How a launcher has started this process.

    Attributes:
        processes: how many it has started on this machine.
        is_first: whether this is the first of them.
        is_single: whether `accelerate launch` was asked for several, and has started this one only.
    """

    processes: int = 1
    is_first: bool = True
    is_single: bool = False


def leave_launcher() -> Launch:
    """Read how a launcher has started this process, and remove that from the environment.

    Raises:
        SettingsError: it has started processes on several machines, or that share a model.
    """
    names = [*_VARIABLES, *(name for name in os.environ if name.startswith(_PREFIX))]
    place = {name: value for name in names if (value := os.environ.get(name)) is not None}
    # Without a GPU, accelerate launch gives a program of several processes an address, and starts one.
    is_single = "LOCAL_RANK" not in place and "MASTER_PORT" in place and "ACCELERATE_MIXED_PRECISION" in os.environ
    if not is_single and not {"RANK", "LOCAL_RANK", "WORLD_SIZE"} <= place.keys():
        return Launch()
    for name in names:
        os.environ.pop(name, None)
    for variable, name in _SHARDING.items():
        if os.environ.pop(variable, "").lower() == "true":
            raise SettingsError(
                f"{name} is not supported: each process of a training holds the whole encoder.",
                "Leave it out; `method: qlora` and `gradient_checkpointing: true` in the recipe take less memory.",
            )
    if is_single:
        return Launch(is_single=True)
    count = place["WORLD_SIZE"]
    if (here := place.get("LOCAL_WORLD_SIZE", count)) != count:
        raise SettingsError(
            f"Several machines cannot train together: the launcher has started {count} processes, {here} of them on"
            " this one.",
            "Start it on one machine.",
        )
    return Launch(int(count) if count.isdecimal() else 1, is_first=place["RANK"] == "0")
