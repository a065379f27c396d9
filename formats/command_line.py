"""How a command of ours ends: errors become one sentence on standard error and the documented exit code."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Any, NoReturn

import click

from formats.errors import ExitCode, TapioError, is_disk_error
from formats.text import cut_text, escape_text

_INTERRUPTED = 130
"""What shells give for Ctrl-C: 128 and the number of SIGINT."""

ANALYZER_PACKAGES = frozenset({"duckdb", "jinja2", "networkx", "plotly"})
"""Packages of the extra `analyzer`, which a node that only records does without (pyproject.toml)."""

_DEFECT_CHARACTERS = 200
"""Of what an unexpected error says. Why: it may repeat the input."""


class CommandGroup(click.Group):
    """All commands of a program. A misspelt command gets the nearest one, and a closed pipe is no failure."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As `click.Group`, with the nearest name also if commands are loaded when they are used."""
        if not ctx.resilient_parsing and self.get_command(ctx, args[0]) is None:
            raise click.exceptions.NoSuchCommand(args[0], possibilities=self.list_commands(ctx), ctx=ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """As `click.Group`, with the output written to the end. Why here: click takes a closed pipe for a failure."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # The reader of our output has gone (`tapio timeline … | head`).
            _discard_output()
            return ExitCode.OK
        return result


def examples(*lines: str) -> str:
    """Lines to paste, as the epilog of a command: the last part of its --help."""
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))


TRACEBACK_VARIABLE = "TAPIO_TRACEBACK"
"""Environment variable; any value = print the traceback of a defect."""


def run_command(group: CommandGroup, program: str, *, shows_defects: bool = True) -> NoReturn:
    """Run the command that the process was started with, and end the process.

    Args:
        group: all commands. A command that returns an integer ends with it.
        program: the name that messages begin with.
        shows_defects: an unexpected error is raised, with its traceback; else it becomes one sentence, too.
    """
    interrupts = _count_interrupts()
    try:
        result = group.main(prog_name=program, standalone_mode=False)
    except TapioError as error:
        end_with(program, error)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx is not None else program
        _end(program, error.format_message(), ExitCode.USAGE, f"See `{path} --help` for usage.")
    except click.ClickException as error:
        _end(program, error.format_message(), error.exit_code)
    except click.Abort:
        sys.exit(_INTERRUPTED)
    except OSError as error:
        if not is_disk_error(error):
            _end_with_defect(program, error, shows_defects=shows_defects)
        _discard_output()
        _end(
            program,
            f"{error.filename or 'standard output'}: cannot be written: {error.strerror}",
            ExitCode.INPUT_OUTPUT,
        )
    except Exception as error:  # noqa: BLE001 - it is told, or raised by `_end_with_defect`
        # A library that was interrupted raises what it likes: DuckDB a RuntimeError.
        if interrupts:
            sys.exit(_INTERRUPTED)
        if isinstance(error, ModuleNotFoundError) and error.name in ANALYZER_PACKAGES:
            _end(
                program,
                f"the package {error.name} is not installed; the analyzer needs it: pipx install 'tapio[analyzer]'",
                ExitCode.UNAVAILABLE,
            )
        if _lacks_memory(error):
            _end(program, "there is not enough memory for this input", ExitCode.DATA)
        _end_with_defect(program, error, shows_defects=shows_defects)
    sys.exit(result if isinstance(result, int) else ExitCode.OK)


def end_with(program: str, error: TapioError) -> NoReturn:
    """End the process with the sentence and the exit code of an error."""
    _end(program, str(error), error.exit_code)


def _end_with_defect(program: str, error: Exception, *, shows_defects: bool) -> NoReturn:
    if shows_defects or os.environ.get(TRACEBACK_VARIABLE):
        raise error
    _end(program, _describe_defect(error), ExitCode.SOFTWARE)


def _lacks_memory(error: Exception) -> bool:
    """Whether memory could not be allocated, in Python, Arrow (whose error is a MemoryError) or DuckDB."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryException"


def _describe_defect(error: Exception) -> str:
    """An unexpected error as one sentence, with the innermost place of our own code."""
    own = __file__.removesuffix("formats/command_line.py")
    place = "unknown place"
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file.startswith(own) and "site-packages" not in file.removeprefix(own):
            place = f"{file.removeprefix(own).lstrip('/')}:{trace.tb_lineno}"
        trace = trace.tb_next
    said = cut_text(next(iter(str(error).splitlines()), ""), _DEFECT_CHARACTERS)
    step = f"this is a defect of Tapio: report it with what {TRACEBACK_VARIABLE}=1 prints"
    return f"the input could not be processed ({type(error).__name__} at {place}: {said}); {step}"


def _end(program: str, problem: str, code: int, *advice: str) -> NoReturn:
    for line in (f"{program}: {problem}", *advice):
        click.echo(escape_text(line), err=True)
    sys.exit(code)


def _discard_output() -> None:
    """What could not be written is not tried again when the process ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _count_interrupts() -> list[int]:
    """A list that gets an item for each Ctrl-C from now on, unless the command handles it otherwise."""
    interrupts: list[int] = []

    def interrupt(number: int, _: FrameType | None) -> None:
        interrupts.append(number)
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)
    return interrupts
