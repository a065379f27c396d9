"""From a capture to the smallest one that still gives a finding: every try is written, read back and analyzed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from analyzer.analyze import analyze_capture
from analyzer.cutting.focus import find_focus
from analyzer.cutting.rows import Mask, TableRows, count_rows, read_rows
from analyzer.cutting.search import RowSearch
from analyzer.cutting.wanted import WantedFinding
from analyzer.cutting.writing import write_rows
from analyzer.guard.opening import open_capture
from analyzer.knowledge.rules import Knowledge
from formats.capture.reading import Capture
from formats.errors import OutputError, TapioError, explain_unwritten
from formats.postmortem.findings import Finding

Progress = Callable[[int, int, int], None]
"""Is given the number of analyses so far, rows that are enough, and rows of the original."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When the search ends.

    Attributes:
        analyses: at most so many. They alone decide what the result is, if `is_over` never says True.
        is_over: asked before each analysis.
    """

    analyses: int
    is_over: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class CutResult:
    """What was written.

    Attributes:
        finding: as the cut capture gives it.
        rows: of the cut capture.
        rows_before: of the original.
        analyses: how many were made.
        is_complete: False if a limit ended the search before every step was tried.
        lost_rows: rows of `loss` that were carried along, those of damage among them.
    """

    finding: Finding
    rows: int
    rows_before: int
    analyses: int
    is_complete: bool
    lost_rows: int


def cut_capture(
    source: Path, target: Path, knowledge: Knowledge, *, rank: int, limits: Limits, on_progress: Progress
) -> CutResult:
    """Write the smallest capture that is found to give the finding. The original is not changed.

    Args:
        source: the capture.
        target: the new capture; it appears only when it is complete.
        knowledge: checked rules.
        rank: of the finding.
        limits: when the search ends.
        on_progress: called after each analysis.

    Raises:
        UsageError: there is no such finding.
        OutputError: the target exists or cannot be written.
        LimitError: the capture has too many rows.
    """
    if target.exists():
        raise OutputError("already exists", where=str(target), next_step="choose another path with -o")
    capture = open_capture(source)
    document = analyze_capture(capture, knowledge)
    wanted = WantedFinding.of(document, rank, where=str(source))
    sources = read_rows(capture)
    try:
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.absolute().parent) as directory:
            tries = _Tries(capture, knowledge, sources, wanted, Path(directory), limits, on_progress)
            search = RowSearch(
                sources, find_focus(document, wanted.finding, sources), tries.gives_finding, tries.count_left
            )
            if not tries.gives_finding(search.kept):
                raise TapioError(
                    "a copy of the capture without what is damaged or unknown does not give the finding",
                    where=str(source),
                    next_step="run `tapio verify` on it",
                )
            kept = search.run()
            tries.best.replace(target)
    except OSError as error:
        raise explain_unwritten(
            error, "the capture", where=str(target), next_step="choose an existing, writable directory"
        ) from error
    return CutResult(
        finding=tries.finding,
        rows=count_rows(kept),
        rows_before=tries.rows,
        analyses=tries.made,
        is_complete=not tries.was_stopped,
        lost_rows=sum(one.rows.num_rows for one in sources if one.table == "loss"),
    )


@dataclass(slots=True)
class _Tries:
    """Analyzes one selection of rows after the other, and keeps the file of the last one that gives the finding."""

    capture: Capture
    knowledge: Knowledge
    sources: Sequence[TableRows]
    wanted: WantedFinding
    directory: Path
    limits: Limits
    on_progress: Progress
    made: int = 0
    was_stopped: bool = False
    finding: Finding = field(init=False)
    rows: int = field(init=False)
    enough: int = field(init=False)

    def __post_init__(self) -> None:
        self.finding = self.wanted.finding
        self.rows = self.enough = sum(source.rows.num_rows for source in self.sources)

    @property
    def best(self) -> Path:
        """The file of the smallest selection that gives the finding."""
        return self.directory / "best.tapio"

    def count_left(self) -> int:
        """How many more analyses may be made."""
        return self.limits.analyses - self.made

    def gives_finding(self, kept: Sequence[Mask]) -> bool | None:
        """Whether these rows give the finding; None if no more analyses are allowed."""
        if self.count_left() <= 0 or (self.made and self.limits.is_over()):
            self.was_stopped = True
            return None
        self.made += 1
        found = self._find(kept)
        if found is not None:
            self.finding, self.enough = found, count_rows(kept)
        self.on_progress(self.made, self.enough, self.rows)
        return found is not None

    def _find(self, kept: Sequence[Mask]) -> Finding | None:
        draft, workspace = self.directory / "draft.tapio", self.directory / "segments"
        workspace.mkdir()
        try:
            write_rows(draft, workspace, self.capture, self.sources, kept, pattern=self.wanted.finding.pattern)
            found = self.wanted.find_in(analyze_capture(open_capture(draft), self.knowledge))
        finally:
            shutil.rmtree(workspace)
        if found is not None:
            draft.replace(self.best)
        return found
