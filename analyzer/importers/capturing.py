"""From foreign files to a capture file: read them, seal one segment, write the capture."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from analyzer.importers.budget import ImportLimits
from analyzer.importers.kubernetes import read_kubernetes
from formats.capture.info import CaptureInfo
from formats.capture.writing import write_capture
from formats.errors import explain_unwritten


def import_kubernetes(
    paths: Sequence[Path],
    output: Path,
    *,
    node_name: str,
    configmap_values: bool = False,
    on_progress: Callable[[int], None] | None = None,
    limits: ImportLimits | None = None,
) -> int:
    """Make a capture from what was recorded of a Kubernetes cluster. The same files give the same bytes.

    Args:
        paths: the files; see `analyzer.importers.kubernetes`.
        output: the capture; an existing file is replaced.
        node_name: the node that the rows will bear.
        configmap_values: whether values of ConfigMaps are kept.
        on_progress: called now and then with the bytes read so far, of twice the size of all files.
        limits: of the import; None = the ordinary ones.

    Returns:
        The number of rows of the capture, losses left out.

    Raises:
        FormatError: there is no Kubernetes object in the files, or they exceed a limit.
        MissingInputError: a file cannot be read.
        OutputError, StorageError: the capture cannot be written there.
    """
    recording, identity = read_kubernetes(
        paths, node_name=node_name, configmap_values=configmap_values, on_progress=on_progress, limits=limits
    )
    created_by = f"tapio import {version('tapio')}"
    try:
        # Beside the capture, so that it needs no space elsewhere and an unwritable place is found out first.
        with tempfile.TemporaryDirectory(prefix=f".{output.name}.", dir=output.absolute().parent) as directory:
            segment = recording.seal(Path(directory), "imported", identity=identity, created_by=created_by)
            write_capture(output, [segment], info=CaptureInfo(created_by=created_by))
    except OSError as error:
        raise explain_unwritten(
            error, "the capture", where=str(output), next_step="choose an existing, writable directory"
        ) from error
    return recording.rows
