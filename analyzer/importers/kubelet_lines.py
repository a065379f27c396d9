"""Recorded answers of kubelets, line by line.

One JSON object per line, `{"t": unix ns, "boot_ns": boot clock ns, "node": …, "what": …}` with the answer: `object` of
`/stats/summary` for what = `stats_summary`, `text` of `/metrics/probes` for `probes`. Other answers are passed over.
"""

from __future__ import annotations

import json
from collections import defaultdict

from analyzer.importers.recording import Recording
from formats.clock import Instant
from formats.rows.kube_json import Json, text
from formats.rows.kubelet_summary import StorageUsages
from formats.rows.probe import ProbeResults

NODES = 10_000
"""Nodes of one recording whose answers are compared."""
_ANSWERS = {"stats_summary": "object", "probes": "text"}
_OF_A_NODE = frozenset({"images", "node"})


class KubeletLines:
    """Feeds a recording from lines, in the order of the file, by what the recorder does with answers.

    Args:
        recording: gets the rows. What is about a node, not about a Pod, is left out if the recording is of another one.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._usages: defaultdict[str, StorageUsages] = defaultdict(StorageUsages)
        self._results: defaultdict[str, ProbeResults] = defaultdict(ProbeResults)

    def read(self, line: Json, at: Instant) -> bool:
        """Take one line; False if it has no answer that can be read."""
        node, what = text(line, "node"), line["what"]
        if what not in _ANSWERS:
            return True
        if len(self._usages.keys() | self._results.keys() | {node}) > NODES:
            return False
        try:
            if what == "probes":
                answer = line.get("text")
                metrics = answer.encode("utf-8", "replace") if isinstance(answer, str) else b""
                results = self._results[node].tell(metrics, at.boot_ns)
                self._recording.add_rows("probe", results, at)
            else:
                usages = self._usages[node].tell(json.dumps(line.get("object")).encode())
                is_own = node == self._recording.node_name
                told = [row for row in usages if is_own or row["storage.kind"] not in _OF_A_NODE]
                self._recording.add_rows("storage_usage", told, at)
        except ValueError:
            return False
        return True


def is_kubelet_line(line: Json | None) -> bool:
    """Whether a line is an answer of a kubelet."""
    return line is not None and isinstance(line.get("what"), str) and bool({"object", "text"} & line.keys())
