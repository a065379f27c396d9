"""The command `kubectl-tapio`, which kubectl runs for `kubectl tapio`: the same as `tapio fleet`."""

from __future__ import annotations

import sys

from analyzer.cli import main as run_tapio


def main() -> None:
    """Entry point of the command `kubectl-tapio`."""
    sys.argv.insert(1, "fleet")
    run_tapio()
