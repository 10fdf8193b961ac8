"""Ray: the same work in several processes, of this machine or of a cluster, through Ray Data.

The cluster is the one that $RAY_ADDRESS names, as for every program with Ray; without it, Ray is started on this
machine for the time of the work. A worker is a class whose object is called with each item. Its results come back in
any order.
"""

import logging
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from core.errors import CoreError
from core.packages import install_hint, require_packages
from core.text.safe import safe
from labels.errors import SameskuError

#: What a worker takes or gives: numbers, texts, bytes and lists of them by name, which Arrow has types for.
Item = dict[str, Any]
#: Ray's own variable: `host:port` of the head node, or `auto`.
ADDRESS_VARIABLE = "RAY_ADDRESS"
_INSTALL = f"{install_hint('ray')}. Without Ray: leave --engine ray out."
_LOCAL = f"Correct ${ADDRESS_VARIABLE}; unset, Ray is started on this machine."
_AGAIN = "The same command goes on with what is missing; without --engine ray, on this machine alone."
#: Ray itself tries a head node that does not answer for minutes.
_CONNECT_S = 10.0
#: Columns of a result that is an error.
_MESSAGE, _HINT = "samesku message", "samesku hint"
#: Longest part of a message of Ray that is shown.
_MAX_MESSAGE = 300


def require_ray() -> None:
    """Require that Ray is installed.

    Raises:
        CoreError: it is not.
    """
    require_packages("--engine ray needs", ["ray"], _INSTALL)


def describe_ray() -> str:
    """The cluster that is used, after a look whether its head node can be reached.

    Raises:
        CoreError: Ray is not installed, or the head node cannot be reached.
    """
    require_ray()
    address = _address()
    _check_reachable(address)
    return f"cluster at {safe(address)} answers" if address else "on this machine"


def map_items(
    items: Sequence[Item], worker: Callable[..., Callable[[Item], Item]], arguments: tuple[object, ...], workers: int
) -> Iterator[Item]:
    """The results of a worker for each item, as they are finished.

    Args:
        items: all of them are handed to Ray at once.
        worker: a class; `worker(*arguments)` is made once in each process, and called with items.
        arguments: of the class.
        workers: number of processes; 0 is one for each processor of the cluster, or one for each GPU.

    Raises:
        CoreError: Ray is not installed or cannot be reached, a process was lost, or a worker has raised one.
    """
    with _connected() as ray, _ray_errors():
        resources = ray.cluster_resources()
        gpus = int(resources.get("GPU", 0))
        count = min(workers or gpus or int(resources.get("CPU", 1)) or 1, len(items))
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        dataset = ray.data.from_items(list(items), override_num_blocks=len(items))
        found = dataset.map_batches(
            _Worker,
            fn_constructor_args=(worker, arguments),
            batch_size=1,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(size=count),
            num_gpus=1 if gpus else 0,
            num_cpus=0 if gpus else 1,
        )
        for row in found.iter_rows():
            if _MESSAGE in row:
                raise CoreError(row[_MESSAGE], row[_HINT])
            yield row


class _Worker:
    """Calls a worker with the item of each batch of one.

    An error for the user is a result: as an exception it would come back as text in the middle of one of Ray.
    """

    def __init__(self, worker: Callable[..., Any], arguments: tuple[object, ...]) -> None:
        self._make = partial(worker, *arguments)
        self._worker: Any = None

    def __call__(self, batch: Any) -> Any:
        import pyarrow as pa

        try:
            self._worker = self._worker or self._make()
            found = [self._worker(item) for item in batch.to_pylist()]
        except SameskuError as error:
            found = [{_MESSAGE: error.message, _HINT: error.hint}]
        return pa.Table.from_pylist(found)


def _address() -> str:
    return os.environ.get(ADDRESS_VARIABLE, "").strip()


def _check_reachable(address: str) -> None:
    host, _, port = address.rpartition("://")[2].partition("/")[0].rpartition(":")
    if not port.isdigit():
        return  # such as `auto`, or none
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise CoreError(f"The Ray cluster at {safe(address)} cannot be reached.", _LOCAL) from error


@contextmanager
def _connected() -> Iterator[Any]:
    """The module `ray`, connected to the cluster."""
    require_ray()
    address = _address()
    _check_reachable(address)
    # No report to Ray's makers, and no messages of its own among the progress; those of errors are in the exceptions.
    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_BACKEND_LOG_LEVEL="fatal")
    import ray
    import ray.data

    for name in ("ray", "ray.data"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    is_own = not ray.is_initialized()
    if is_own:
        options = {} if address else {"include_dashboard": False}
        with _ray_errors():
            ray.init(address or "local", log_to_driver=False, logging_level=logging.CRITICAL, **options)
    try:
        yield ray
    finally:
        if is_own:
            ray.shutdown()


@contextmanager
def _ray_errors() -> Iterator[None]:
    """Turn the errors of Ray into one clear sentence.

    Raises:
        CoreError: a process was lost, or has failed.
    """
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith("ray") and not isinstance(error, ConnectionError):
            raise
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        detail = safe(lines[0][:_MAX_MESSAGE]).rstrip(".:") if lines else type(error).__name__
        raise CoreError(f"Ray failed: {detail}.", _AGAIN) from error
