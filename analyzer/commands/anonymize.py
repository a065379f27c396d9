"""`tapio anonymize`: an anonymized copy of a capture for sharing."""

from __future__ import annotations

import secrets
import shlex
from pathlib import Path

import click

from analyzer.commands.output_file import force_option, open_place
from analyzer.commands.window import capture_argument
from analyzer.sharing.pseudonyms import KEY_BYTES
from analyzer.sharing.sharing import anonymize_capture
from formats.command_line import examples
from formats.errors import ConfigurationError, MissingInputError, OutputError
from formats.text import escape_text


@click.command(
    epilog=examples(
        "tapio anonymize night.tapio -o share.tapio",
        "tapio anonymize night.tapio -o share.tapio --key-file team.key",
    )
)
@capture_argument
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Path of the new capture.")
@force_option
@click.option(
    "--key-file",
    type=click.Path(path_type=Path),
    help="File with the key of the pseudonyms, created if missing. Default: a random key that is discarded.",
)
def command(capture: Path, output: Path, key_file: Path | None, *, force: bool) -> None:
    """Write a copy of CAPTURE without names, addresses, paths and IDs.

    Names, IDs and addresses are replaced by pseudonyms of the same form. Messages are reduced to phrases that
    Kubernetes itself uses, environment values and arguments to addresses and declared ports, values of
    ConfigMaps to digests, and custom resources to kind, name and owners. The diagnosis stays the same.

    The new file is read back and searched for every value of the original, in any form. If one is found, the
    file is not released and the exit code is 73.
    """
    with open_place(output, may_replace=force) as place:
        shared = anonymize_capture(capture, place, key=_read_key(key_file))
    click.echo(
        f"{output}: replaced {shared.replaced:,} distinct names, IDs and addresses; the scan found no original value"
    )
    if shared.damaged:
        check = escape_text(shlex.join(["tapio", "verify", str(capture)]))
        click.echo(f"omitted {shared.damaged:,} damaged ranges of the input: run `{check}`")
    if shared.dropped_tables:
        click.echo(f"omitted unknown tables: {', '.join(shared.dropped_tables)}")


def _read_key(path: Path | None) -> bytes:
    if path is None:
        return secrets.token_bytes(KEY_BYTES)
    try:
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_hex(KEY_BYTES) + "\n", encoding="ascii")
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError as error:
        raise OutputError("the directory of the key file does not exist", where=str(path)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise MissingInputError(f"the key file cannot be read ({error})", where=str(path)) from error
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigurationError(
            f"a key file must contain {2 * KEY_BYTES} hexadecimal digits",
            where=str(path),
            next_step="delete it to have a new one created",
        )
    return key
