"""What a cut capture must still give: the finding that it is cut for."""

from __future__ import annotations

from dataclasses import dataclass

from formats.errors import UsageError
from formats.postmortem.document import Document
from formats.postmortem.findings import Finding


@dataclass(frozen=True, slots=True)
class WantedFinding:
    """The finding of the original.

    Attributes:
        finding: as the original gives it.
        findings: how many findings the original gives.
    """

    finding: Finding
    findings: int

    @classmethod
    def of(cls, document: Document, rank: int, *, where: str) -> WantedFinding:
        """The finding of that rank.

        Raises:
            UsageError: there is none.
        """
        findings = document.findings
        if rank > len(findings):
            number = f"{len(findings):,} finding{'' if len(findings) == 1 else 's'}"
            raise UsageError(f"there is no finding {rank}; the capture has {number}", where=where)
        return cls(findings[rank - 1], len(findings))

    def find_in(self, document: Document) -> Finding | None:
        """The finding in another document; None if it is not there, or something is worse than before.

        It is the same if it has the same pattern and the same root object, at this rank or a better one, with every
        step of the chain on the same objects in the same order, and no lower confidence. There must not be more
        findings than before.
        """
        if len(document.findings) > self.findings:
            return None
        return next((other for other in document.findings[: self.finding.rank] if self._is_same(other)), None)

    def _is_same(self, other: Finding) -> bool:
        finding = self.finding
        steps = iter([(step.symptom, step.entity.id) for step in other.chain])
        return (
            other.pattern == finding.pattern
            and other.root_cause.entity == finding.root_cause.entity
            and other.confidence >= finding.confidence
            and all((step.symptom, step.entity.id) in steps for step in finding.chain)
        )
