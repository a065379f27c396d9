"""Every cgroup path of a capture, taken apart: fills the table `cgroup_path`.

Why in Python: the recorder reads the same paths with the same function; there are as many as cgroups.
"""

from __future__ import annotations

import pyarrow as pa

from analyzer.model.engine import Engine
from analyzer.model.engine_tables import declared_tables
from formats.rows.cgroup_path import read_cgroup_path


def load_cgroup_paths(engine: Engine) -> None:
    """Makes and fills `cgroup_path` from the recorded tables that name cgroups by path."""
    found = engine.rows(
        """
        SELECT DISTINCT "k8s.node.name", unnest(["cgroup.path"]) FROM cgroup_state
        UNION SELECT DISTINCT "k8s.node.name", "cgroup.path" FROM memory
        UNION SELECT DISTINCT "k8s.node.name", "cgroup.path" FROM cpu
        UNION SELECT DISTINCT "k8s.node.name", "cgroup.path" FROM pressure WHERE "cgroup.path" IS NOT NULL
        UNION SELECT DISTINCT "k8s.node.name", unnest(["oom.victim_cgroup.path", "oom.limited_cgroup.path"]) FROM oom
        ORDER BY ALL
        """
    )
    owned = [(node, path, read_cgroup_path(path)) for node, path in found if path is not None]
    table = declared_tables()["cgroup_path"]
    columns = [
        [node for node, _path, _owner in owned],
        [path for _node, path, _owner in owned],
        [owner.pod_uid for _node, _path, owner in owned],
        [owner.container_id for _node, _path, owner in owned],
    ]
    engine.execute(table.empty_sql)
    engine.insert(table.name, pa.table(columns, schema=pa.schema([(name, pa.utf8()) for name in table.types])))
