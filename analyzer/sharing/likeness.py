"""A misspelt host stays a misspelling: the analysis names the Service that was meant by the likeness of names."""

from __future__ import annotations

from collections.abc import Callable, Iterable

_EDITS = 2
"""How many letters may differ, as in `workload_state.sql` of the model."""
_SHORT = 6
"""In shorter tokens only one letter may differ."""
_TARGETS = 5_000
"""Maximum number of tokens that are compared with. Why: each comparison takes about 10 µs."""


def find_likeness(tokens: Iterable[str], targets: Iterable[str]) -> dict[str, str]:
    """The target that each token is a misspelling of; tokens that are like none or are targets are left out.

    Args:
        tokens: of the hosts in values, in lower case.
        targets: tokens of the names of Services, in lower case.
    """
    known = sorted(set(targets))[:_TARGETS]
    found: dict[str, str] = {}
    for token in sorted(set(tokens) - set(known)):
        bound = 1 if len(token) < _SHORT else _EDITS
        near = [(len(edits), target) for target in known if (edits := _align(token, target, bound)) is not None]
        if near:
            found[token] = min(near)[1]
    return found


def misspell(token: str, target: str, pseudonym: str, letter: Callable[[int], str]) -> str | None:
    """The pseudonym of a misspelling: that of the target with the same letters wrong; None if they are not alike.

    Args:
        token: the misspelling.
        target: what was meant.
        pseudonym: of the target, as long as it.
        letter: gives the letter to put at a position where the token has its own.
    """
    steps = _align(token, target, _EDITS, keep_equal=True)
    if steps is None or len(pseudonym) != len(target):
        return None
    return "".join(letter(at) if of is None else pseudonym[of] for at, of in steps if at is not None)


def _align(
    token: str, target: str, bound: int, *, keep_equal: bool = False
) -> list[tuple[int | None, int | None]] | None:
    """Pairs of positions of the shortest edit, None for a side that has no letter there; None if over the bound."""
    if abs(len(token) - len(target)) > bound:
        return None
    costs = [[max(row, column) for column in range(len(target) + 1)] for row in range(len(token) + 1)]
    for row in range(1, len(token) + 1):
        for column in range(1, len(target) + 1):
            replaced = costs[row - 1][column - 1] + (token[row - 1] != target[column - 1])
            costs[row][column] = min(replaced, costs[row - 1][column] + 1, costs[row][column - 1] + 1)
    if costs[-1][-1] > bound:
        return None
    steps: list[tuple[int | None, int | None]] = []
    row, column = len(token), len(target)
    while row or column:
        if row and column and costs[row][column] == costs[row - 1][column - 1] + (token[row - 1] != target[column - 1]):
            row, column = row - 1, column - 1
            is_equal = token[row] == target[column]
            if keep_equal or not is_equal:
                steps.append((row, column if is_equal else None))
        elif row and costs[row][column] == costs[row - 1][column] + 1:
            row -= 1
            steps.append((row, None))
        else:
            column -= 1
            steps.append((None, column))
    return steps[::-1]
