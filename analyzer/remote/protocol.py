"""What a command and the process that reads objects for it say to each other: a line of JSON each, then bytes.

Only four things can be asked, and after `Seal` only ranges of the objects that were named before: a capture that takes
over the command reaches no other object and no other server.
"""

from __future__ import annotations

import msgspec


class Look(msgspec.Struct, frozen=True, tag=True):
    """What is there under a URI? Refused after `Seal`.

    Attributes:
        uri: of an object or a folder.
        is_deep: captures in folders of a folder are listed, too.
    """

    uri: str
    is_deep: bool = False


class Fetch(msgspec.Struct, frozen=True, tag=True):
    """The bytes of an object.

    Attributes:
        number: of the object.
        ranges: offset and length of each.
    """

    number: int
    ranges: tuple[tuple[int, int], ...]


class LookAgain(msgspec.Struct, frozen=True, tag=True):
    """Size and time of an object now."""

    number: int


class Seal(msgspec.Struct, frozen=True, tag=True):
    """No other object can be named from now on."""


Request = Look | Fetch | LookAgain | Seal


class FoundObject(msgspec.Struct, frozen=True):
    """One object.

    Attributes:
        number: for `Fetch`.
        path: below the folder that was asked for; empty if the object itself was.
        size: in bytes.
        modified_ns: when it was written, unix ns; None if the store does not say.
    """

    number: int
    path: str
    size: int
    modified_ns: int | None


class ObjectReply(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer. If it has `lengths`, so many bytes follow the line.

    Attributes:
        problem: why there is no other answer: name of a class of `formats.errors`, and a clause; None if there is one.
        is_folder: for `Look`.
        objects: for `Look` and `LookAgain`.
        lengths: for `Fetch`, one for each range.
    """

    problem: tuple[str, str] | None = None
    is_folder: bool = False
    objects: tuple[FoundObject, ...] = ()
    lengths: tuple[int, ...] = ()
