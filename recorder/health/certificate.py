"""Until when an X.509 certificate holds (RFC 5280, DER). The `ssl` of Python tells it of verified certificates only."""

from __future__ import annotations

from datetime import UTC, datetime

_SEQUENCE, _UTC_TIME, _GENERALIZED_TIME, _VERSION = 0x30, 0x17, 0x18, 0xA0
_MOMENT = {_UTC_TIME: "%y%m%d%H%M%SZ", _GENERALIZED_TIME: "%Y%m%d%H%M%SZ"}


def read_not_after_ns(certificate: bytes) -> int:
    """The last moment at which a certificate is valid, in unix ns.

    Args:
        certificate: DER, as a server sends it.

    Raises:
        ValueError: it is not a certificate.
    """
    fields = _Elements(_Elements(_Elements(certificate).take(_SEQUENCE)).take(_SEQUENCE))
    if fields.next_tag == _VERSION:
        fields.take(_VERSION)
    for _ in ("serial number", "signature algorithm", "issuer"):
        fields.take(fields.next_tag)
    validity = _Elements(fields.take(_SEQUENCE))
    validity.take(validity.next_tag)
    tag = validity.next_tag
    if tag not in _MOMENT:
        raise ValueError(f"element {tag:#x} is no time")
    moment = datetime.strptime(validity.take(tag).decode("ascii"), _MOMENT[tag]).replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1_000_000_000


class _Elements:
    """The elements of a constructed one, in order."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._place = 0

    @property
    def next_tag(self) -> int:
        """The tag of the next element.

        Raises:
            ValueError: there is none.
        """
        if self._place >= len(self._content):
            raise ValueError("it ends too early")
        return self._content[self._place]

    def take(self, tag: int) -> bytes:
        """The content of the next element, which must have this tag.

        Raises:
            ValueError: it has another, or is longer than what there is.
        """
        if self.next_tag != tag:
            raise ValueError(f"element {self.next_tag:#x} where {tag:#x} was expected")
        length_place = self._place + 1
        first = self._content[length_place] if length_place < len(self._content) else 0
        octets = first & 0x7F if first & 0x80 else 0
        start = length_place + 1 + octets
        length = int.from_bytes(self._content[length_place + 1 : start], "big") if octets else first
        content = self._content[start : start + length]
        if octets > 4 or len(content) != length:
            raise ValueError("it is shorter than it says")
        self._place = start + length
        return content
