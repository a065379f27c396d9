"""The program that analyzes one capture for a corpus: `python -m analyzer.corpus.one_capture read FILE`.

Why a program for each: what a capture does to it (crash, memory, time) is told of that capture alone, it can reach
neither network nor programs while it reads, and what many captures need of memory is given back.
"""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import click
import msgspec

from analyzer.capture_places import RemotePath
from analyzer.commands.capture_path import CapturePath
from analyzer.corpus.capture_rows import CaptureFile, make_rows
from analyzer.guard.child import run_guarded
from analyzer.guard.limits import choose_limits
from analyzer.knowledge.rules import Knowledge
from formats.command_line import CommandGroup, end_with, run_command
from formats.errors import TapioError
from formats.journal.layout import DIGEST_BYTES

_CHUNK_BYTES = 8 << 20


class Question(msgspec.Struct, frozen=True):
    """What is asked of a capture; the program reads it from standard input.

    Attributes:
        of: the file.
        knowledge: checked rules, as JSON.
        threads: of the engine; None = by the size of the capture. The answer does not depend on it.
    """

    of: CaptureFile
    knowledge: msgspec.Raw
    threads: int | None


@click.group(cls=CommandGroup)
def _program() -> None:
    """Analyze one capture of a corpus."""


@_program.command("read")
@click.argument("path", type=CapturePath())
def _read(path: Path) -> None:
    """Print the rows that a corpus keeps of a capture, as JSON."""
    # Imported by the guarded child: what a library does when it is imported is limited, too.
    from analyzer.analyze import analyze_capture  # noqa: PLC0415
    from analyzer.guard.opening import open_capture  # noqa: PLC0415

    question = msgspec.json.decode(sys.stdin.buffer.read(), type=Question)
    knowledge = msgspec.json.decode(question.knowledge, type=Knowledge)
    capture = open_capture(path)
    document = analyze_capture(capture, knowledge, threads=question.threads)
    of = question.of
    if isinstance(path, RemotePath):
        # Only now: what the analysis needs was fetched for it, and the rest is fetched once.
        of = replace(of, file=_digest_object(path))
    rows = make_rows(of, document, capture.info, len(capture.damage))
    sys.stdout.buffer.write(msgspec.json.encode(rows))


def _digest_object(path: RemotePath) -> str:
    """As `analyzer.corpus.listing.digest_file`."""
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for begin in range(0, path.bytes.size, _CHUNK_BYTES):
        digest.update(path.bytes.read(begin, _CHUNK_BYTES))
    return digest.hexdigest()


def main() -> None:
    """Run the command in a guarded child, as `tapio` runs its commands."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        limits = choose_limits(["corpus", *sys.argv[2:]], os.environ)
    except TapioError as error:
        end_with("tapio", error)
    run_guarded(partial(run_command, _program, "tapio", shows_defects=False), limits)


if __name__ == "__main__":
    main()
