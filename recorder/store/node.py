"""Who records: the node's name and the id of its boot, which every journal says."""

from __future__ import annotations

from dataclasses import dataclass

from formats.errors import ConfigurationError
from recorder.cgroup_tree import read_text
from recorder.config import RecorderConfig

_SHORT_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Node:
    """Who records, for the header of every journal.

    Attributes:
        name: `k8s.node.name`.
        boot_id: of this boot.
    """

    name: str
    boot_id: str

    @property
    def short_boot_id(self) -> str:
        """First 8 digits, as in the names of segments."""
        return self.boot_id[:_SHORT_DIGITS]


def read_node(config: RecorderConfig) -> Node:
    """The node as the configuration and the host's /proc name it.

    Raises:
        ConfigurationError: the boot id cannot be read.
    """
    path = config.host.proc / "sys/kernel/random/boot_id"
    boot_id = read_text(path).strip()
    if not boot_id:
        raise ConfigurationError(
            "the boot id cannot be read",
            where=str(path),
            next_step="set host.proc to where the host's /proc is mounted",
        )
    return Node(config.resolved_node_name, boot_id)
