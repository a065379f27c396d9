"""Entities over time, from recorded state only: one SQL file each, run in this order by `analyzer.model.build`."""

STATEMENTS = ("container_run", "path_owner", "cgroup", "entity", "address")
"""Who is who: runtime ids, cgroup paths, cgroup ids, entities, addresses. Processes follow when the parts are seen."""
