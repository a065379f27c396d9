"""What the recorder tells the child that uploads, and what the child says: both without pyarrow's file systems.

They alone take 10 MiB, and the recorder never needs them.
"""

from __future__ import annotations

import msgspec


class UploadOrder(msgspec.Struct, frozen=True):
    """One capture to upload.

    Attributes:
        file: absolute path.
        object: name below the destination.
        marker: path of a file that says that an object of that name is ours, because there was none before.
    """

    file: str
    object: str
    marker: str


class DeletionOrder(msgspec.Struct, frozen=True):
    """One object to delete.

    Attributes:
        object: name below the destination.
        size: that it must have, in bytes; if it has another one, it is not what was uploaded, and stays.
    """

    object: str
    size: int


class UploadOrders(msgspec.Struct, frozen=True):
    """What one child does, in this order: it deletes, then it uploads.

    Attributes:
        destination: URI, without credentials.
        bytes_per_second: sent or read back, on average.
        upload: at most one capture.
        delete: objects.
    """

    destination: str
    bytes_per_second: int
    upload: UploadOrder | None = None
    delete: tuple[DeletionOrder, ...] = ()


class UploadReport(msgspec.Struct, frozen=True):
    """One line of what the child says.

    Attributes:
        kind: `sent` or `checked` (`size` bytes so far), `deleted`, `uploaded`, or `problem`.
        object: that it is about.
        size: bytes; of `uploaded`, all.
        sha256: of what was uploaded.
        problem: why it failed, in one sentence.
    """

    kind: str
    object: str = ""
    size: int = 0
    sha256: str = ""
    problem: str = ""
