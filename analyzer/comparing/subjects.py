"""Names by which the same workload is recognized in another capture: without what is generated for each pod or run."""

from __future__ import annotations

import re
from dataclasses import dataclass

_GENERATED = "[bcdfghjklmnpqrstvwxz2456789]"
"""Characters of generated names. Source: Kubernetes, apimachinery/pkg/util/rand."""

_OF_REPLICA_SET = re.compile(rf"-{_GENERATED}{{6,10}}\Z")
_OF_POD = re.compile(rf"(?:-{_GENERATED}{{6,10}})?-{_GENERATED}{{5}}\Z")
_ORDINAL = re.compile(r"-[0-9]{1,4}\Z")
_RUN_OF_CRON_JOB = re.compile(r"-[0-9]{8,10}\Z")


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """What a figure, symptom or change is about, whatever pods and runs it has in one capture.

    Attributes:
        kind: of the workload or object; `Pod` if its workload is not known.
        namespace: None if the kind has none.
        name: without generated parts.
    """

    kind: str
    namespace: str | None
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


def subject_of(kind: str, namespace: str | None, name: str) -> Subject:
    """The subject of an object: pods, ReplicaSets and runs of CronJobs lose the generated end of their name."""
    match kind:
        case "Pod":
            name = _OF_POD.sub("", name) if _OF_POD.search(name) else _ORDINAL.sub("", name)
        case "Container":
            pod, _, container = name.partition("/")
            return Subject(kind, namespace, f"{subject_of('Pod', namespace, pod).name}/{container}")
        case "ReplicaSet":
            name = _OF_REPLICA_SET.sub("", name)
        case "Job":
            name = _RUN_OF_CRON_JOB.sub("", name)
        case "Process":
            name = name.partition(" (")[0]
        case _:
            pass
    return Subject(kind, namespace, name)
