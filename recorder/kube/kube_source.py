"""What all sources that follow the API server share: a source says which resources, and what a row of them is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic

import pyarrow as pa

from recorder.kube.conversation_set import ConversationSet
from recorder.kube.pacing import Timing
from recorder.leadership import Leadership
from recorder.row_queue import RowT
from recorder.source import SourceContext, SourceSpec, SourceStats


class KubeSource(ABC, Generic[RowT]):
    """Follows resources of the API server in threads of its own, which give the rows.

    Args:
        timing: how patient it is with the API server.
    """

    spec: SourceSpec

    def __init__(self, timing: Timing | None = None) -> None:
        self._timing = timing or Timing()
        self._conversations: ConversationSet[RowT] | None = None
        self._leadership = Leadership()

    @abstractmethod
    def follow(self, context: SourceContext, timing: Timing) -> ConversationSet[RowT]:
        """Begin to follow what the options say.

        Raises:
            ConfigurationError: an option is wrong.
            UnavailableError: the API server cannot be reached, refuses access, or serves none of the resources.
        """

    def open(self, context: SourceContext) -> None:
        """Find the API server and begin to follow what it serves.

        Raises:
            ConfigurationError: an option is wrong.
            UnavailableError: the API server cannot be reached, refuses access, or serves none of the resources.
        """
        self._conversations = self.follow(context, self._timing)
        self._leadership = context.leadership
        self._leadership.join(self.spec.name)

    def drain(self, budget_ns: int) -> list[pa.RecordBatch]:
        """Versions that were received."""
        return self._conversations.drain(budget_ns) if self._conversations else []

    def snapshot(self) -> list[pa.RecordBatch]:
        """The last version of everything that is state: objects are, Events are not."""
        return self._conversations.snapshot() if self._conversations else []

    def stats(self) -> SourceStats:
        """Running totals of rows and losses."""
        return self._conversations.stats() if self._conversations else SourceStats()

    def wake_fds(self) -> tuple[int, ...]:
        """No file descriptors: the queue is drained on the timer of the main loop."""
        return ()

    def close(self) -> None:
        """End all conversations."""
        if self._conversations:
            self._leadership.leave(self.spec.name)
            self._conversations.close()
            self._conversations = None
