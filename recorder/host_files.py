"""Files of the node that somebody names, as this program sees them."""

from __future__ import annotations

from pathlib import Path


def find_on_host(path: str, proc: Path) -> tuple[Path, ...]:
    """Where a file of the node may be, the most likely place first.

    Args:
        path: absolute, on the node.
        proc: the host's /proc. What is mounted here lies beside it: /host/run beside /host/proc. All else is
            reached through the root of process 1, which needs CAP_SYS_PTRACE and is refused by some AppArmor profiles.
    """
    relative = path.lstrip("/")
    return proc.parent / relative, proc / "1/root" / relative
