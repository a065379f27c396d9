"""What a capture holds before anything of it is replaced: the first of the two walks."""

from __future__ import annotations

import re

from analyzer.sharing.addresses import is_kept_address

_RUN = re.compile(r"[0-9A-Za-z]+")
_PORTS = 1 << 16


class Collector:
    """A `Replacement` that changes nothing and remembers what it was asked for.

    Attributes:
        tokens: runs of letters and digits that will be replaced, in lower case: prose that holds one names something.
        names: whole names, as they are.
        addresses: IP addresses that will be replaced.
        hosts: tokens of the hosts that values name, in lower case.
        services: tokens of the names of Services, in lower case.
        ports: ports that objects declare; those stay wherever they stand.
        seen: every run of ASCII letters and digits of every text, in lower case. No pseudonym is one of them.
    """

    def __init__(self) -> None:
        self.tokens: set[str] = set()
        self.names: set[str] = set()
        self.identifiers: set[str] = set()
        self.addresses: set[str] = set()
        self.hosts: set[str] = set()
        self.services: set[str] = set()
        self.ports: set[int] = set()
        self.seen: set[str] = set()

    def see(self, text: str) -> None:
        """Remembers the runs of a text that may be dropped later."""
        self.seen.update(_RUN.findall(text.lower()))

    def declare_port(self, port: int) -> None:
        """Remembers a port that an object declares."""
        if 0 < port < _PORTS:
            self.ports.add(port)

    def see_service(self, name: str) -> None:
        """Remembers the name of a Service: hosts may be misspellings of it."""
        self.services.update(_RUN.findall(name.lower()))

    def token(self, text: str) -> str:
        """Remembers the token in lower case."""
        self.tokens.add(lower_token(text))
        return text

    def number(self, text: str) -> str:
        """Numbers alone name nothing: prose never keeps them for it."""
        return text

    def identifier(self, text: str) -> str:
        """Remembers the letters and digits of the identifier."""
        self.identifiers.add(re.sub(r"[^0-9a-z]", "", text.lower()))
        return text

    def address(self, text: str) -> str:
        """Remembers the address unless it is one that stays."""
        if not is_kept_address(text):
            self.addresses.add(text)
        return text

    def opaque(self, text: str) -> str:
        """What nothing is left of is not remembered."""
        return text

    def port(self, port: int) -> int:
        """A port that a person wrote declares nothing."""
        return port

    def host(self, text: str) -> None:
        """Remembers a host that a value names."""
        self.hosts.update(_RUN.findall(text.lower()))

    def name(self, text: str) -> None:
        """Remembers a whole name."""
        self.names.add(text)

    def is_known_token(self, token: str) -> bool:
        """Whether a token of prose is part of a name of this capture; numbers and single letters never are."""
        return len(token) > 1 and not token.isdigit() and lower_token(token) in self.tokens

    def is_known_name(self, text: str) -> bool:
        """Whether a word of prose is a whole name of this capture."""
        return text in self.names


def lower_token(text: str) -> str:
    """The token in lower case, but only if it is ASCII: elsewhere lower case may have another length."""
    return text.lower() if text.isascii() else text
