"""The YAML files of knowledge, found and read; what they say is read by `analyzer.knowledge.load`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import patterns
from formats.errors import KnowledgeError, MissingInputError
from formats.limits import YAML_BYTES

MAX_FILES = 2_000
"""YAML files of one directory. Why: each rule is a query; ours are some dozen files."""

FEEDBACK_NAME = "feedback.jsonl"
"""Name of the file that is found beside a team's patterns without being asked for."""


SHIPPED = Path(patterns.__file__).parent
"""The folder of the shipped YAML files."""


@dataclass(frozen=True, slots=True)
class KnowledgeFile:
    """One YAML file.

    Attributes:
        name: what messages call it.
        text: its content.
    """

    name: str
    text: str


def read_knowledge_files(paths: Sequence[Path]) -> tuple[KnowledgeFile, ...]:
    """The YAML files of directories (all below them) and of files, sorted by name.

    Raises:
        MissingInputError: if a path does not exist or cannot be read.
        KnowledgeError: if a file is too long or no UTF-8, or there are too many.
    """
    found: dict[str, Path] = {}
    for path in paths:
        if path.is_dir():
            names = [name for pattern in ("*.yaml", "*.yml") for name in path.rglob(pattern) if name.is_file()]
        elif path.is_file():
            names = [path]
        else:
            raise MissingInputError(
                "no such file or directory", where=str(path), next_step="give a YAML file or a directory of them"
            )
        found.update({str(name): name for name in names})
    if len(found) > MAX_FILES:
        raise KnowledgeError(f"{len(found):,} YAML files, more than the limit of {MAX_FILES:,}", where=str(paths[0]))
    return tuple(KnowledgeFile(name, _read_text(found[name])) for name in sorted(found))


def shipped_files() -> tuple[KnowledgeFile, ...]:
    """The shipped YAML files, named as `patterns/<domain>/<file>` wherever they are installed."""
    return tuple(
        KnowledgeFile(str(Path("patterns") / Path(file.name).relative_to(SHIPPED)), file.text)
        for file in read_knowledge_files([SHIPPED])
    )


@cache
def _is_shipped_file(name: str) -> bool:
    return Path(name).parts[:1] == ("patterns",) and (SHIPPED.parent / name).is_file()


def is_shipped(where: str) -> bool:
    """Whether a place, file:line:column, is in a shipped file. What a user adds is measured while it is evaluated."""
    return _is_shipped_file(where.rsplit(":", 2)[0])


def find_feedback(additional: Iterable[Path]) -> Path | None:
    """The feedback file beside a team's patterns: in these directories, or next to these files; the first there is."""
    for path in additional:
        beside = (path if path.is_dir() else path.parent) / FEEDBACK_NAME
        if beside.is_file():
            return beside
    return None


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(YAML_BYTES + 1)
        return content.decode("utf-8")
    except UnicodeDecodeError as problem:
        raise KnowledgeError(
            f"byte {problem.start} is not valid UTF-8", where=str(path), next_step="save the file as UTF-8 text"
        ) from None
    except OSError as problem:
        raise MissingInputError(f"cannot be read: {problem.strerror}", where=str(path)) from None
