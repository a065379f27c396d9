"""The command `tapio`: one visible list of commands, each loaded only when it is asked for."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from functools import partial

import click

from formats.command_line import CommandGroup, end_with, run_command
from formats.errors import TapioError

COMMANDS: dict[str, str] = {
    "analyze": "Analyze a capture and name the root cause.",
    "anonymize": "Write an anonymized copy of a capture for sharing.",
    "changes": "List the changes that a capture recorded.",
    "corpus": "Show what all captures of a fleet tell together: failures, how often, what ended them.",
    "cut": "Write the smallest part of a capture that still gives a finding.",
    "diff": "Show what differs between two captures, or between two times of one.",
    "feedback": "Record whether a finding was right, for the confidence of its pattern.",
    "fleet": "Install recorders on a cluster; show, freeze and fetch the recordings of all its nodes.",
    "graph": "Export the causality graph to Neo4j or to a file.",
    "impact": "Show who was affected by each finding, and what it cost.",
    "import": "Convert a recording of another tool to a capture.",
    "info": "Show what a capture contains and what is missing from it.",
    "merge": "Make one capture of several: all nodes of one incident.",
    "pattern": "List, show and check patterns, and explain why one was found or not.",
    "predict": "Say what could be foretold, follow a live recorder, or measure how often predictions were right.",
    "report": "Write the post-mortem as a single HTML page, or as Markdown.",
    "show": "Print the recorded rows behind evidence ids.",
    "sql": "Query a capture with SQL.",
    "test": "Run the tests of patterns against recordings.",
    "timeline": "List symptoms and changes in chronological order.",
    "verify": "Check the integrity of a capture.",
    "why": "Explain what happened to an object, starting from the root cause.",
}
"""Name and one line of every command; `analyzer/commands/<name>.py` defines it as `command`
(`import` is in `import_capture.py`, as it is a word of Python)."""

OBJECTS_PER_COLLECTION = 50_000
"""New objects after which Python looks for unreachable cycles; its default is 700 (2,000 since 3.13)."""

_MODULES = {"import": "import_capture"}


class _LazyGroup(CommandGroup):
    """A group that imports a command's module when the command is used: `tapio why` must answer within a second."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"analyzer.commands.{_MODULES.get(cmd_name, cmd_name)}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - same
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(None, "-V", "--version", package_name="tapio")
def cli() -> None:
    """Analyze captures of Kubernetes nodes: what happened, why, who was affected, what to do."""


def main() -> None:
    """Entry point of the command `tapio`."""
    # NumPy's linear algebra, which is never used, starts a thread per core when it is imported, unless told not to.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # The objects that imports make stay until the end: to look for garbage among them every few hundred is a waste.
    gc.set_threshold(OBJECTS_PER_COLLECTION)
    run = partial(run_command, cli, "tapio", shows_defects=False)
    if sys.argv[1:2] and sys.argv[1] in COMMANDS:
        from analyzer.guard.child import run_guarded  # noqa: PLC0415 - not for the list of commands
        from analyzer.guard.limits import choose_limits  # noqa: PLC0415 - same

        try:
            limits = choose_limits(sys.argv[1:], os.environ)
        except TapioError as error:
            end_with("tapio", error)
        run_guarded(run, limits)
    run()
