"""Delta debugging: which of many groups are needed for something to hold.

Source: Zeller and Hildebrandt, Simplifying and Isolating Failure-Inducing Input, IEEE TSE 28(2), 2002; of its two steps
only the removal of chunks, as the chunks that are needed alone are known beforehand here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

GroupT = TypeVar("GroupT")


def remove_groups(
    groups: Sequence[GroupT], still_holds: Callable[[Sequence[GroupT]], bool | None]
) -> tuple[GroupT, ...]:
    """The groups that are left when no chunk of them could be removed: first all of them, then halves, …, then each.

    Args:
        groups: in an order in which neighbours are likely to be needed, or not needed, together.
        still_holds: whether it holds with only these groups; None = ask no more. It holds with all of them.

    Returns:
        Groups with which it holds, in their order: the last answer True was for them, or there was none.
    """
    kept = tuple(groups)
    size = len(kept)
    while size:
        start = 0
        while start < len(kept):
            smaller = kept[:start] + kept[start + size :]
            answer = still_holds(smaller)
            if answer is None:
                return kept
            if answer:
                kept = smaller
            else:
                start += size
        size = min(size // 2, len(kept))
    return kept
