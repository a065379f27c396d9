"""`tapio fleet doctor`: what each node can record, as its recorder says; what several nodes say is told once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from analyzer.fleet.recorders import Cluster, Json, RecorderPod
from formats.errors import TapioError
from formats.rows.kube_json import items, parse_object, text
from formats.text import escape_text

DOCTOR_COMMAND = ("tapio-recorder", "doctor", "--config", "/etc/tapio/recorder.yaml", "--json")
_AT_ONCE = 4
"""Nodes that are asked at the same time: each compiles its kernel programs for the answer."""
_ANSWER_BYTES = 1 << 20
_NODES_NAMED = 5


@dataclass(frozen=True, slots=True)
class NodeDiagnosis:
    """One node.

    Attributes:
        node: its name.
        problem: why there is no diagnosis; empty if there is one.
        diagnosis: what `tapio-recorder doctor --json` says; empty if it could not be asked.
    """

    node: str
    problem: str
    diagnosis: Json

    @property
    def is_good(self) -> bool:
        """Whether every source works that is switched on, if need be with its fallback."""
        return not self.problem and all(text(one, "verdict") != "fails" for one in items(self.diagnosis, "sources"))


def diagnose_nodes(cluster: Cluster, recorders: Sequence[RecorderPod]) -> list[NodeDiagnosis]:
    """Ask every recorder, several at a time; sorted as `recorders`."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda pod: _diagnose_node(cluster, pod), recorders))


def format_diagnoses(nodes: Sequence[NodeDiagnosis]) -> str:
    """What is not as it should be, each once with the nodes that say so; and which nodes have nothing to say."""
    told: dict[tuple[str, str, str, str], list[str]] = {}
    for node in nodes:
        for line in _lines(node):
            told.setdefault(line, []).append(node.node)
    lines = []
    for (verdict, what, found, step), names in told.items():
        lines.append(f"{verdict:<9}{what:<16} {found}".rstrip() + f"  ({_name(names, len(nodes))})")
        if step:
            lines.append(f"{'':<25} -> {step}")
    silent = [node.node for node in nodes if not list(_lines(node))]
    if silent:
        lines.append(f"works    everything        ({_name(silent, len(nodes))})")
    return "\n".join(escape_text(line) for line in lines)


def diagnoses_to_json(nodes: Sequence[NodeDiagnosis]) -> str:
    """Everything that the recorders said."""
    found = [{"node": node.node, "problem": node.problem, "diagnosis": node.diagnosis} for node in nodes]
    return json.dumps(found, indent=2, sort_keys=True)


def _diagnose_node(cluster: Cluster, pod: RecorderPod) -> NodeDiagnosis:
    if not pod.is_ready:
        return NodeDiagnosis(pod.node, f"its recorder is not ready ({pod.state})", {})
    said, problem = bytearray(), "it answered no JSON"
    try:
        for piece in cluster.run(pod, DOCTOR_COMMAND):
            said += piece
            if len(said) > _ANSWER_BYTES:
                break
    except TapioError as error:
        problem = error.problem  # also if a source fails: the exit code is 1, and the answer is there
    diagnosis = parse_object(bytes(said))
    return NodeDiagnosis(pod.node, "" if diagnosis else problem, diagnosis or {})


def _lines(node: NodeDiagnosis) -> Iterator[tuple[str, str, str, str]]:
    """Verdict, what, what was found and what to do, of what is not as it should be."""
    if node.problem:
        yield "unknown", "node", node.problem, ""
    for fact in items(node.diagnosis, "node"):
        if isinstance(fact, dict) and fact.get("is_good") is not True:
            yield "BAD", text(fact, "what"), text(fact, "found"), text(fact, "next_step")
    for source in items(node.diagnosis, "sources"):
        verdict = text(source, "verdict")
        if verdict not in ("works", "off"):
            yield verdict, text(source, "name"), text(source, "why"), text(source, "next_step")


def _name(nodes: Sequence[str], of: int) -> str:
    if len(nodes) == of:
        return "all nodes" if of > 1 else nodes[0]
    more = len(nodes) - _NODES_NAMED
    return ", ".join(nodes[:_NODES_NAMED]) + (f" and {more} more" if more > 0 else "")
