"""Promises of the examples in --help: every command has some, and each of them is a command line that is accepted."""

# ruff: noqa: F401, F811 - fixtures are imported

from __future__ import annotations

import io
import shlex
from collections.abc import Iterator

import click
import pytest

import analyzer.cli
import recorder.cli
from tests.object_store import bucket

PROGRAMS = {"tapio": analyzer.cli.cli, "tapio-recorder": recorder.cli.cli}
_ENDS = {"|", "&&", "||", ">"}


def commands(name: str, group: click.Group) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group, info_name=name)
    for inner in group.list_commands(context):
        command = group.get_command(context, inner)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(f"{name} {inner}", command)
        else:
            yield f"{name} {inner}", command


COMMANDS = dict(pair for name, group in PROGRAMS.items() for pair in commands(name, group))


def examples_of(command: click.Command) -> list[str]:
    lines = (command.epilog or "").splitlines()
    return [line.strip() for line in lines[2:]]


def our_parts(line: str) -> Iterator[list[str]]:
    """The words of each call of one of our programs in a line of a shell."""
    words: list[str] = []
    for word in [*shlex.split(line), "|"]:
        if word in _ENDS:
            if words and words[0] in PROGRAMS:
                yield words
            words = []
        else:
            words.append(word)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command_ends_with_examples_of_it(name):
    lines = examples_of(COMMANDS[name])
    assert lines
    assert all(
        any(" ".join(part).startswith(f"{name} ") or part == name.split() for part in our_parts(line)) for line in lines
    )


@pytest.mark.parametrize(("name", "line"), [(name, line) for name in COMMANDS for line in examples_of(COMMANDS[name])])
def test_every_example_is_accepted(name, line, monkeypatch, tmp_path, bucket):
    # GIVEN the object of the examples, and standard input that is no terminal, as in the examples that read it
    (bucket / "node-a").mkdir()
    (bucket / "node-a" / "night.tapio").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    parts = list(our_parts(line))
    assert parts
    for program, *arguments in parts:
        # WHEN the arguments are read THEN there is no usage error
        context, command = None, PROGRAMS[program]
        while isinstance(command, click.Group):
            context = click.Context(command, parent=context, info_name=program)
            command = command.get_command(context, arguments.pop(0))
        command.make_context(name, list(arguments), parent=context).close()
