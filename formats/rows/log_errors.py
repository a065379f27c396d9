"""Classes of errors in the last lines of a container's log, and what these lines name.

Free text of a log is not recorded unless the operator allows it: only the class of a line, and a host, a port, a file
or a name whose form is known.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from formats.rows.log_classes import LOG_CLASSES
from formats.text import cut_middle

MAX_LINE = 512
"""Characters of a line that are looked at: half at its start, half at its end."""
MAX_FINDINGS = 16
"""Rows of one log, those that are nearest to its end."""


_COMPILED = tuple((one, re.compile("|".join(one.shapes))) for one in LOG_CLASSES)
_CREDENTIALS = re.compile(r"://[^/\s@]*@")
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_-]{1,63}){0,10}|\[[0-9A-Fa-f:.]{2,45}\])"
_PEERS = (
    re.compile(rf"""connection to server at "(?P<host>{_HOST})"(?: \([0-9a-f.:]+\))?, port (?P<port>\d{{1,5}})"""),
    re.compile(rf"""host='(?P<host>{_HOST})', port='?(?P<port>\d{{1,5}})"""),
    re.compile(rf"""(?<![\w:.@/-])(?://)?(?P<host>{_HOST}):(?P<port>\d{{2,5}})(?![\w@-]|:\d)"""),
    re.compile(rf"""(?<=//)(?P<host>{_HOST}):(?P<port>\d{{2,5}})(?![\w@-]|:\d)"""),
    re.compile(r"""(?<=/)(?P<host>\d{1,3}(?:\.\d{1,3}){3}):(?P<port>\d{2,5})(?![\w@-]|:\d)"""),
)
_FIELDS = (
    re.compile(rf"""\bauthentication (?:to|with|at|against) ["']?(?P<host>{_HOST})["']?(?=[\s,:;])"""),
    re.compile(
        rf"""\b(?:upstream|peer|backend|host|hostname|server|addr|address|target|remote|endpoint)="?(?P<host>{_HOST})(?=[\s,;"]|$)"""
    ),
)
_LOOKUPS = (
    re.compile(rf"""\blookup (?P<host>{_HOST})"""),
    re.compile(
        r"(?:ENOTFOUND|EAI_AGAIN|UnknownHostException:|host name|upstream|resolve host:?|resolve) "
        rf"""["']?(?P<host>{_HOST})"""
    ),
    re.compile(rf"""host='(?P<host>{_HOST})'"""),
)
_PORT = re.compile(r"(?::|\bport[ =:]{1,2})(?P<port>\d{1,5})\b(?![:.]\d)")
_FILE = re.compile(r"(?<![\w/:.@=-])(?P<file>(?:/[A-Za-z0-9_.+-]{1,64}){1,12})(?![\w/@=-])")
_VARIABLE = re.compile(
    r"""(?<![A-Za-z0-9_.=/+-])(?<!=["'])(?P<name>[A-Z]{2,12}|[A-Z][A-Z0-9]{0,15}(?:_[A-Z0-9]{1,15}){1,6})(?![A-Za-z0-9_/+-])"""
)
_SETTING = re.compile(
    r"""(?<![\w.=/+-])(?<!=["'])(?P<name>[A-Za-z]{1,20}(?:[_.][A-Za-z]{1,20}){1,6})(?![\w/@=+-]|\.\w)"""
)
"""Without digits, and not the value of anything: it may stand beside a value that nobody may read."""
_EXCEPTION = re.compile(r"(?:[\w$]{1,64}\.){0,12}(?P<name>[A-Z][A-Za-z0-9_]{0,60}(?:Error|Exception))\b")
_SOURCE_FILE = re.compile(r"\.(?:go|py|java|js|ts|rs|rb|c|cc|cpp|php|cs|kt|scala|ex|pl|lua)$", re.IGNORECASE)
_NO_VARIABLES = frozenset(
    {"A", "API", "DB", "ENV", "EXIT", "FILE", "HTTP", "HTTPS", "JSON", "NOT", "NULL", "URL", "YAML"}
) | (
    frozenset(
        {"CRITICAL", "DEBUG", "ERROR", "FATAL", "INFO", "PANIC", "REQUIRED", "SET", "VARIABLE", "WARN", "WARNING"}
    )
)
"""Words in capitals that are none of these."""


@dataclass(frozen=True, slots=True)
class LogError:
    """One class of errors in a log, about one thing.

    Attributes:
        log_class: its name.
        host: the name that was connected to or looked up.
        address: the same as an IP address.
        port: of it, or that was listened on.
        file: the file it is about.
        name: a setting, a variable, a kind of exception.
        count: lines.
        lines_after: lines after the last of them.
        text: that line; empty unless it was asked for.
    """

    log_class: str
    host: str | None = None
    address: str | None = None
    port: int | None = None
    file: str | None = None
    name: str | None = None
    count: int = 1
    lines_after: int = 0
    text: str = ""


def find_log_errors(lines: Sequence[str], *, with_text: bool = False) -> list[LogError]:
    """The classes of errors in the last lines of a log, the one nearest to the end first.

    Args:
        lines: the messages, without the prefix of the log's format.
        with_text: whether the last line of each class is kept.
    """
    found: dict[LogError, tuple[int, int, str]] = {}
    for lines_after, line in enumerate(reversed(lines)):
        shown = cut_middle(line, MAX_LINE)
        error = classify_line(shown)
        if error is not None:
            count, nearest, text = found.get(error, (0, lines_after, shown if with_text else ""))
            found[error] = (count + 1, nearest, text)
    nearest_first = sorted(found.items(), key=lambda item: item[1][1])[:MAX_FINDINGS]
    return [
        replace(error, count=count, lines_after=lines_after, text=text)
        for error, (count, lines_after, text) in nearest_first
    ]


def classify_line(line: str) -> LogError | None:
    """The class of one line and what it names; None if it is of none."""
    line = _CREDENTIALS.sub("://", line) if "@" in line else line
    lowered = line.lower()
    for one, shape in _COMPILED:
        if any(word in lowered for word in one.words) and (match := shape.search(lowered)) is not None:
            return _name_things(LogError(one.name), one.names, line, match.start())
    return None


def _name_things(error: LogError, names: Iterable[str], line: str, at: int) -> LogError:
    for what in names:
        if what == "peer":
            error = _name_peer(error, line, at)
        elif what == "lookup":
            host = next((match["host"] for match in _search_all(_LOOKUPS, line)), None)
            error = _with_host(error, host) if host is not None else _name_peer(error, line, at)
        elif what == "port":
            port = next((int(match["port"]) for match in _PORT.finditer(line)), None)
            error = replace(error, port=port if port is not None and 0 < port < 65536 else None)
        elif what == "file":
            error = replace(error, file=_nearest(_FILE, "file", line, at))
        elif what == "variable":
            error = replace(error, name=_nearest(_VARIABLE, "name", line, at, without=_NO_VARIABLES))
        elif what == "setting":
            name = _nearest(_VARIABLE, "name", line, at, without=_NO_VARIABLES) or _nearest(_SETTING, "name", line, at)
            error = replace(error, name=name)
        else:
            error = replace(error, name=_nearest(_EXCEPTION, "name", line, 0))
    return error


def _search_all(expressions: Iterable[re.Pattern[str]], line: str) -> Iterator[re.Match[str]]:
    for expression in expressions:
        yield from expression.finditer(line)


def _name_peer(error: LogError, line: str, at: int) -> LogError:
    """With the host and port of a line: of several, those that end nearest before the words of the class."""
    for expression in _PEERS:
        matches = [match for match in expression.finditer(line) if _is_peer(match["host"], match["port"])]
        if matches:
            before = [match for match in matches if match.end() <= at]
            chosen = before[-1] if before else matches[0]
            return replace(_with_host(error, chosen["host"]), port=int(chosen["port"]))
    named = next((match["host"] for match in _search_all(_FIELDS, line)), None)
    return error if named is None else _with_host(error, named)


def _is_peer(host: str, port: str) -> bool:
    is_name = any(character.isalpha() for character in host) and not _SOURCE_FILE.search(host)
    return 0 < int(port) < 65536 and (is_name or _as_address(host) is not None)


def _with_host(error: LogError, host: str) -> LogError:
    address = _as_address(host)
    if address is not None:
        return replace(error, address=address)
    return replace(error, host=host.lower().rstrip("."))


def _as_address(host: str) -> str | None:
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return None


def _nearest(
    expression: re.Pattern[str], group: str, line: str, at: int, without: frozenset[str] = frozenset()
) -> str | None:
    """What stands nearest to the words of the class."""
    matches = [match for match in expression.finditer(line) if match[group] not in without]
    if not matches:
        return None
    return min(matches, key=lambda match: (abs(match.start() - at), match.start()))[group]
