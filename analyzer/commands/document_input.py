"""The post-mortem document of a command's input: a capture to analyze, or a document of `tapio analyze --json`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from analyzer.analysis_cache import analyze_file
from analyzer.capture_places import JoinedPath, RemotePath
from analyzer.commands.window import Moment, check_window
from formats import limits
from formats.errors import FormatError, LimitError, MissingInputError, UsageError
from formats.postmortem.document import Document
from formats.postmortem.reader import from_json

_PROBE_BYTES = 64
_UTF8_BYTES = 4


def read_document(
    path: Path,
    *,
    knowledge: Sequence[Path] = (),
    feedback: Path | None = None,
    begin: Moment | None = None,
    end: Moment | None = None,
) -> Document:
    """The document in a JSON file, or of the capture at `path`.

    A file whose first character is `{` is JSON as `tapio analyze --json` prints it; all else is opened as a capture.

    Args:
        path: a capture or a document.
        knowledge: additional YAML files and directories, for the analysis of a capture.
        feedback: file of verdicts on findings, for the analysis of a capture.
        begin: what was recorded before is ignored, for the analysis of a capture.
        end: what was recorded after it is ignored.

    Raises:
        UsageError: one of these is given for a document, which has been analyzed already.
        MissingInputError: there is nothing at `path`, or it cannot be read.
        FormatError: it is neither a document nor a capture.
    """
    if not _read_begin(path, _PROBE_BYTES).lstrip().startswith(b"{"):
        return analyze_file(path, knowledge=knowledge, feedback=feedback, window=check_window(path, begin, end))
    if knowledge or feedback is not None or begin is not None or end is not None:
        raise UsageError(
            "--knowledge, --feedback, --from and --to have no effect on a document",
            where=str(path),
            next_step="give them to `tapio analyze --json`, or give the capture",
        )
    most = _UTF8_BYTES * limits.DOCUMENT_CHARACTERS
    size = path.bytes.size if isinstance(path, RemotePath) else path.stat().st_size
    if size > most:
        raise LimitError("the document in bytes", size, most, where=str(path))
    try:
        text = _read_begin(path, most).decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"not valid UTF-8 at byte offset {error.start}", where=str(path)) from error
    return from_json(text, where=str(path))


def _read_begin(path: Path, size: int) -> bytes:
    """The first bytes of a file or an object; nothing of a directory or of several captures."""
    if isinstance(path, RemotePath):
        return bytes(path.bytes.read(0, size))
    if isinstance(path, JoinedPath) or path.is_dir():
        return b""
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError as error:
        raise MissingInputError(
            f"cannot be read ({error.strerror})", where=str(path), next_step="give a capture or a document"
        ) from error
