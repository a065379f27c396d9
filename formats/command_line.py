"""How a command of ours ends: errors become one sentence on standard error and the documented exit code."""

from __future__ import annotations

import os
import sys

import click

from formats.errors import ExitCode, TapioError
from formats.text import escape_text

_INTERRUPTED = 130
"""What shells give for Ctrl-C: 128 and the number of SIGINT."""


def run_command(group: click.Group, program: str) -> None:
    """Run the command that the process was started with, and end the process.

    Args:
        group: all commands. A command that returns an integer ends with it.
        program: the name that messages begin with.
    """
    try:
        result = group.main(standalone_mode=False)
    except TapioError as error:
        click.echo(f"{program}: {escape_text(str(error))}", err=True)
        sys.exit(error.exit_code)
    except click.UsageError as error:
        error.show()
        sys.exit(ExitCode.USAGE)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has gone (`tapio timeline … | head`): that is no error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.OK)
    sys.exit(result if isinstance(result, int) else ExitCode.OK)
