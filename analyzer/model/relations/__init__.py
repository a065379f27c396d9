"""Relations between entities: one SQL file each, run in this order by `analyzer.model.build`."""

DECLARED = (
    "owns",
    "workload_of",
    "contains",
    "runs_on",
    "mounts_and_uses",
    "selects",
    "scales",
    "limits",
    "binds",
    "calls_declared",
)
"""What recorded objects and cgroups tell. To add one: its file, its line in `docs/facts.md`, its name here."""

SEEN = ("calls_seen",)
"""What is known only when every part of the frequent tables has been looked at."""
