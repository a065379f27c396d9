"""Paths of `kind: Change`: which places of an object a rule is about, turned into a regular expression.

A path is written as a change is told (`formats.rows.kube_changes`): `spec.template.spec.containers[*].image`. It stands
for that place and all below it. `*` stands for any characters of one step, `[*]` for any item of a list, and `**.` at
the beginning for any steps.
"""

from __future__ import annotations

import re

from analyzer.knowledge.change_rules import ChangePath

_ANY_BEGIN = "**"
_STEP = re.compile(
    r"""
    \.?(?P<name>(?!\*\*)[A-Za-z_*](?:(?!\*\*)[A-Za-z0-9_*-])*)
    | \["(?P<quoted>[A-Za-z0-9_*./:-]+)"\]
    | (?P<item>\[\*\])
    """,
    re.ASCII | re.VERBOSE,
)
_BELOW = r"(?:\.|\[|$)"


def parse_change_path(text: str) -> ChangePath:
    """The rule's path.

    Raises:
        ValueError: it is not one; says where it stops being one.
    """
    rest = text.removeprefix(_ANY_BEGIN)
    regex = "^(?:.*\\.)?" if rest != text and rest.startswith(".") else "^"
    position, steps = len(text) - len(rest), 0
    while position < len(text):
        match = _STEP.match(text, position)
        # A name begins with a point, except the first one of a path that does not begin with `**`.
        if match is None or (match["name"] is not None and match[0].startswith(".") is (position == 0)):
            raise ValueError(f"`{text}` is not a path from character {position + 1} on")
        regex += _regex_of(match, is_first=steps == 0)
        position, steps = match.end(), steps + 1
    if not steps or (rest != text and not rest.startswith(".")):
        raise ValueError(f"`{text}` is not a path: after `**` comes `.` and a name")
    return ChangePath(text=text, regex=regex + _BELOW, steps=steps)


def _regex_of(match: re.Match[str], *, is_first: bool) -> str:
    if match["item"] is not None:
        return r"\[[^\]]*\]"
    if match["quoted"] is not None:
        return r'\["' + _escape(match["quoted"], any_text=r'(?:[^"\\]|\\.)*') + r'"\]'
    return ("" if is_first else r"\.") + _escape(match["name"], any_text=r'[^.\["\]]*')


def _escape(text: str, *, any_text: str) -> str:
    return any_text.join(re.escape(part) for part in text.split("*"))
