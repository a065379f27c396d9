"""Laws that hold for many cases: `make test` runs a share of the cases, and `make sweeps` the others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def share(cases: Iterable[Any], every: int = 4) -> list[Any]:
    """The parameters of a test: the first of `every` cases is part of `make test`, the others are sweeps."""
    return [
        case if number % every == 0 else pytest.param(case, marks=pytest.mark.sweep)
        for number, case in enumerate(cases)
    ]
