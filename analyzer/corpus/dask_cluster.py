"""Runs the tasks of a corpus on a Dask cluster that exists already. The only file that imports Dask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import distributed
from distributed.scheduler import KilledWorker

from analyzer.corpus.asking import Task, ask, tell_problem
from analyzer.corpus.capture_rows import CaptureRows
from formats.errors import UnavailableError

CONNECT_S = 15
"""Seconds within which the scheduler must answer."""


def run_on_cluster(tasks: Sequence[Task], knowledge: bytes, *, address: str) -> Iterator[CaptureRows]:
    """The answers to tasks, in the order in which they are ready. What a worker did not finish goes to another one.

    Args:
        tasks: what is asked; every worker must see the directory of the captures under the same path.
        knowledge: checked rules, as JSON.
        address: of the scheduler, such as `tcp://10.0.0.7:8786`; certificates are those of Dask's configuration.

    Raises:
        UnavailableError: the scheduler does not answer, has no workers, or went away.
    """
    if not tasks:
        return
    try:
        client = distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise UnavailableError(
            f"the Dask scheduler does not answer ({type(error).__name__})",
            where=address,
            next_step="check the address, or use --workers",
        ) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=CONNECT_S)
        except TimeoutError:
            raise UnavailableError(
                "the Dask scheduler has no workers", where=address, next_step="start workers, or use --workers"
            ) from None
        rules = client.scatter(knowledge, broadcast=True, hash=False)
        # Not pure: a key by content would be answered by what an earlier run left on the scheduler.
        futures = [client.submit(ask, task, rules, pure=False) for task in tasks]
        asked = dict(zip((future.key for future in futures), tasks, strict=True))
        for future in distributed.as_completed(futures, loop=client.loop):
            yield _answer(future, asked[future.key], address)


def _answer(future: distributed.Future, task: Task, address: str) -> CaptureRows:
    if future.status == "cancelled":
        raise UnavailableError(
            "the Dask scheduler went away", where=address, next_step="run the command again: it continues"
        )
    error = future.exception()
    if error is None:
        rows: CaptureRows = future.result()
        return rows
    if isinstance(error, KilledWorker):
        return tell_problem(task.of, "it could not be read: each worker that tried was killed")
    if isinstance(error, ModuleNotFoundError):
        raise UnavailableError(
            f"the workers lack the package {error.name}", where=address, next_step="install the same Tapio on them"
        )
    raise error
