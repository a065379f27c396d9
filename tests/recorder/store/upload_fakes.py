"""`python upload_fakes.py ORDERS`: the child that uploads, whose file system kills it before its n-th step.

Environment: STEP (0: never), KIND: `directory` is what a destination of that kind is, `store` behaves as S3 does: an
object is seen when its stream is closed; in `blobs`, it is seen while it is written. DIRECTORY is where they are.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from pyarrow import fs

import recorder.store.uploading_child as uploading
from recorder.store.upload_orders import UploadReport


class Steps:
    """Counts steps, and kills this process before one of them."""

    def __init__(self, fatal: int) -> None:
        self.fatal = fatal
        self.count = 0

    def take(self) -> None:
        self.count += 1
        if self.count == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)


class Stream:
    """A stream every call of which is a step."""

    def __init__(self, stream, steps: Steps, publish=lambda: None) -> None:
        self.stream, self.steps, self.publish = stream, steps, publish

    def write(self, piece):
        self.steps.take()
        return self.stream.write(piece)

    def read(self, size):
        self.steps.take()
        return self.stream.read(size)

    def close(self):
        self.steps.take()
        self.stream.close()
        self.publish()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()


class Store:
    """A local directory as a file system every call of which is a step."""

    def __init__(self, steps: Steps, *, is_atomic: bool) -> None:
        self.real, self.steps, self.is_atomic = fs.LocalFileSystem(), steps, is_atomic

    def get_file_info(self, path):
        self.steps.take()
        return self.real.get_file_info(path)

    def create_dir(self, path, *, recursive):
        self.steps.take()
        self.real.create_dir(path, recursive=recursive)

    def delete_file(self, path):
        self.steps.take()
        self.real.delete_file(path)

    def move(self, source, target):
        self.steps.take()
        self.real.move(source, target)

    def open_input_stream(self, path):
        self.steps.take()
        return Stream(self.real.open_input_stream(path), self.steps)

    def open_output_stream(self, path):
        self.steps.take()
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        if not self.is_atomic:
            return Stream(self.real.open_output_stream(path), self.steps)
        unseen = f"{path}.unseen"
        return Stream(self.real.open_output_stream(unseen), self.steps, lambda: self.real.move(unseen, path))


def main() -> None:
    steps = Steps(int(os.environ["STEP"]))
    kind = os.environ["KIND"]

    def open_fake(destination):
        base = destination.path if kind == "directory" else os.environ["DIRECTORY"]
        return Store(steps, is_atomic=kind == "store"), base

    say = uploading._print_report

    def say_as_step(report: UploadReport) -> None:
        if report.kind in {"uploaded", "deleted"}:
            steps.take()
        say(report)

    mark = uploading.Uploading._mark

    def mark_as_step(self, order) -> None:
        steps.take()
        mark(self, order)

    uploading.open_destination = open_fake
    uploading._print_report = say_as_step
    uploading.Uploading._mark = mark_as_step
    uploading.main()


if __name__ == "__main__":
    sys.exit(main())
