"""The child that writes a frozen capture, so that recording goes on meanwhile.

`python -m recorder.store.freezing_child FROZEN CAPTURE INFO` writes the segments of the directory FROZEN as the file
CAPTURE; INFO is a `CaptureInfo` as JSON. It prints the file's `CaptureFigures` as JSON. The last line of standard error
says why it failed.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

from formats.capture.info import CaptureInfo
from formats.capture.writing import write_capture
from formats.errors import TapioError
from recorder.child import begin_child
from recorder.store.captures import measure_capture


def main() -> None:
    """Entry point of the child process."""
    begin_child()
    frozen, capture, info = sys.argv[1:]
    try:
        segments = sorted(Path(frozen).iterdir())
        write_capture(Path(capture), segments, info=CaptureInfo(**json.loads(info)))
        print(json.dumps(dataclasses.asdict(measure_capture(Path(capture)))))
    except TapioError as error:
        print(str(error), file=sys.stderr)
        raise SystemExit(int(error.exit_code)) from error


if __name__ == "__main__":
    main()
