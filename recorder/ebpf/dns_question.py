"""Questions of DNS messages as text. RFC 1035, sections 3.1, 4.1.2 and 5.1."""

from __future__ import annotations

from typing import Final

_TYPES: Final = {
    1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV", 35: "NAPTR", 43: "DS",
    48: "DNSKEY", 64: "SVCB", 65: "HTTPS", 251: "IXFR", 252: "AXFR", 255: "ANY", 257: "CAA",
}  # fmt: skip
"""Those that programs ask for. Source: IANA, DNS parameters."""
_CODES: Final = {
    0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED", 6: "YXDOMAIN", 7: "YXRRSET",
    8: "NXRRSET", 9: "NOTAUTH", 10: "NOTZONE",
}  # fmt: skip
_MAX_LABEL_BYTES: Final = 63
_MAX_NAME_BYTES: Final = 255
_TYPE_BYTES: Final = 2


def parse_question(raw: bytes) -> tuple[str, str] | None:
    r"""(name, type) of the bytes of a question.

    Args:
        raw: the question; what follows it is ignored.

    Returns:
        The name in lower case, without the last dot, `.` for the root; what is no letter, digit, `-` or `_` as `\DDD`,
        a dot inside of a label too. None if it is malformed or is cut.
    """
    labels: list[str] = []
    at = 0
    while at < len(raw) and raw[at]:
        length = raw[at]
        label = raw[at + 1 : at + 1 + length]
        at += 1 + length
        if length > _MAX_LABEL_BYTES or len(label) < length or at >= _MAX_NAME_BYTES:
            return None
        labels.append("".join(map(_spell, label.lower())))
    number = raw[at + 1 : at + 1 + _TYPE_BYTES]
    if len(number) < _TYPE_BYTES:
        return None
    kind = int.from_bytes(number, "big")
    return ".".join(labels) or ".", _TYPES.get(kind, f"TYPE{kind}")


def name_code(code: int) -> str:
    """`NXDOMAIN` of 3."""
    return _CODES.get(code, f"RCODE{code}")


def _spell(byte: int) -> str:
    character = chr(byte)
    return character if character.isascii() and (character.isalnum() or character in "-_") else f"\\{byte:03d}"
