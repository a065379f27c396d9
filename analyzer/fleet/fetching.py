"""Brings one node's file home: streamed from its pod, resumed where it broke, and there only if its digest is right."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from analyzer.fleet.captures import NodeAnswer
from analyzer.fleet.recorders import Cluster, RecorderPod
from formats.errors import FormatError, UnavailableError, explain_unwritten
from formats.segment.sealing import sync_directory

_TRIES = 3
"""Tries of one fetch; each goes on where the one before broke."""


def fetch_file(
    cluster: Cluster, pod: RecorderPod, answer: NodeAnswer, path: Path, *, told: Callable[[int], None] = lambda _: None
) -> bool:
    """Fetch the file of one node.

    Args:
        cluster: of the pod.
        pod: of the recorder that has the file.
        answer: what the node says of it.
        path: where it is to be; what has come so far is beside it, and is used by the next fetch.
        told: is called with the number of bytes that have come.

    Returns:
        False if it was there already.

    Raises:
        UnavailableError: the stream broke again and again.
        FormatError: what came is not what the node says.
        OutputError, StorageError: it cannot be written.
    """
    if path.exists() and _matches(path, answer):
        told(answer.size)
        return False
    partial = path.with_name(f".{path.name}.part")
    try:
        _fetch_in_tries(cluster, pod, answer, partial, told)
        if not _matches(partial, answer):
            partial.unlink()
            raise FormatError(
                "what was fetched has another digest than the node says",
                where=f"{answer.node}:{answer.file}",
                next_step="fetch again; if it happens again, the file on the node has changed",
            )
        partial.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        raise explain_unwritten(
            error, "the capture", where=str(path), next_step="choose another directory with -o"
        ) from error
    return True


def _fetch_in_tries(
    cluster: Cluster, pod: RecorderPod, answer: NodeAnswer, partial: Path, told: Callable[[int], None]
) -> None:
    with partial.open("ab") as file:
        if file.seek(0, os.SEEK_END) > answer.size:
            file.truncate(0)
        told(file.seek(0, os.SEEK_END))
        for left in reversed(range(_TRIES)):
            try:
                _append(cluster, pod, answer, file, told=told)
                break
            except UnavailableError:
                if not left:
                    raise
        file.flush()
        os.fsync(file.fileno())


def _append(
    cluster: Cluster, pod: RecorderPod, answer: NodeAnswer, file: BinaryIO, *, told: Callable[[int], None]
) -> None:
    """Append what is missing; what has come stays in the file, however it ends."""
    have = file.seek(0, os.SEEK_END)
    if have == answer.size:
        return
    # tail and not cat: it can begin in the middle. The path is one argument, so no shell reads it.
    for piece in cluster.run(pod, ("tail", "-c", f"+{have + 1}", answer.file)):
        if have + len(piece) > answer.size:
            raise FormatError(
                f"more came than the {answer.size:,} bytes that the node says",
                where=f"{answer.node}:{answer.file}",
                next_step="look at the file on the node",
            )
        file.write(piece)
        have += len(piece)
        told(len(piece))
    if have < answer.size:
        raise UnavailableError(
            f"the stream ended after {have:,} of {answer.size:,} bytes",
            where=answer.node,
            next_step="fetch again: it continues there",
        )


def _matches(path: Path, answer: NodeAnswer) -> bool:
    """Whether a file has the size and digest that the node says."""
    if path.stat().st_size != answer.size:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == answer.sha256
