"""Manual pages of our programs (man 1), from the same declarations as their --help. `make docs` writes them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY))

import analyzer.cli  # noqa: E402 - the path above comes first
import recorder.cli  # noqa: E402
from formats.errors import ExitCode  # noqa: E402

PROGRAMS = {"tapio": analyzer.cli.cli, "tapio-recorder": recorder.cli.cli}
FOLDER = REPOSITORY / "docs" / "man"


def render_man_page(program: str) -> str:
    """The page of a program, with all its commands, in the macros of man(7)."""
    group = PROGRAMS[program]
    context = click.Context(group, info_name=program, **group.context_settings)
    purpose = (group.help or "").strip().rstrip(".")
    lines = [
        f'.TH "{_escape(program.upper())}" "1" "" "Tapio" "Tapio"',
        ".SH NAME",
        f"{_escape(program)} \\- {_escape(purpose[0].lower() + purpose[1:])}",
        ".SH SYNOPSIS",
        f".B {_escape(program)}",
        "COMMAND [OPTIONS] [ARGUMENTS]",
        ".SH COMMANDS",
        *_commands(program, group, context),
        ".SH EXIT STATUS",
        *_exit_codes(),
        ".SH SHELL COMPLETION",
        f'bash: eval "$(_{program.replace("-", "_").upper()}_COMPLETE=bash_source {_escape(program)})"; zsh and fish likewise.',
    ]
    return "\n".join(lines) + "\n"


def _commands(path: str, group: click.Group, context: click.Context) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=context)
        if isinstance(command, click.Group):
            yield from _commands(f"{path} {name}", command, inner)
            continue
        yield f".SS {_escape(' '.join([path, name, *command.collect_usage_pieces(inner)]))}"
        yield from _paragraphs(command.help or "")
        for parameter in command.get_params(inner):
            record = parameter.get_help_record(inner)
            if record is not None and record[1]:
                yield ".TP"
                yield f".B {_escape(record[0])}"
                yield _escape(record[1])
        yield from _paragraphs(command.epilog or "")


def _paragraphs(text: str) -> Iterator[str]:
    """Paragraphs of a help text; those behind a backspace keep their lines."""
    for paragraph in text.split("\n\n"):
        lines = [line.strip() for line in paragraph.strip("\n").splitlines() if line.strip()]
        if not lines:
            continue
        yield ".PP"
        if lines[0] == "\b":
            yield ".nf"
            yield from map(_escape, lines[1:])
            yield ".fi"
        else:
            yield _escape(" ".join(lines))


def _exit_codes() -> Iterator[str]:
    for code in ExitCode:
        yield ".TP"
        yield f".B {code.value}"
        yield _escape(code.name.lower().replace("_", " "))
    yield ".TP"
    yield ".B 130"
    yield "interrupted with Ctrl\\-C"


def _escape(text: str) -> str:
    """A text as roff reads it literally."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("\b", "")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def main() -> int:
    """Write the pages."""
    FOLDER.mkdir(exist_ok=True)
    for program in PROGRAMS:
        (FOLDER / f"{program}.1").write_text(render_man_page(program), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
