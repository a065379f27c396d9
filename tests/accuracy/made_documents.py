"""Documents made by hand, with only what scoring reads."""

from __future__ import annotations

from typing import Any


def entity(kind: str, name: str, namespace: str | None = "shop", node: str | None = None) -> dict[str, Any]:
    return {"id": f"{kind}/{name}", "kind": kind, "namespace": namespace, "name": name, "uid": None, "node": node}


def finding(
    root: dict[str, Any],
    *effects: dict[str, Any],
    pattern: str | None = None,
    title: str = "",
    confidence: float = 0.9,
    what: str = "",
) -> dict[str, Any]:
    named = {key: value for key, value in root.items() if key != "id"}
    return {
        "pattern": pattern,
        "title": title,
        "confidence": confidence,
        "root_cause": {**named, "entity": root["id"], "what": what},
        "chain": [{"entity": step, "what": "", "symptom": "s", "edge": None} for step in (root, *effects)],
    }


def document(*findings: dict[str, Any], entities: Any = (), relations: Any = ()) -> dict[str, Any]:
    return {
        "findings": [{**item, "rank": rank} for rank, item in enumerate(findings, start=1)],
        "entities": {item["id"]: item for item in entities},
        "relations": [{"kind": kind, "source": source, "target": target} for kind, source, target in relations],
        "symptoms": [],
        "changes": [],
    }
