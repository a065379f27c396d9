"""Every path, module, table, column, command, option and identifier in back-ticks exists, in the docs and in docstrings."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from analyzer.model.recorded_tables import FREQUENT_TABLES
from tests.docs.named_things import (
    PACKAGES,
    REPOSITORY,
    commands,
    configuration_keys,
    docstrings,
    files,
    identifiers,
    make_targets,
    metrics,
    modules,
    source_files,
    syntax_tree,
    tables,
)

PAGES = sorted(
    name
    for name in files()
    if name.endswith(".md")
    and name.split("/")[0] in ("docs", "fixtures", "README.md", "CONTRIBUTING.md", "SECURITY.md")
)

# What is not ours, or exists only while a program runs. Keep it short: a name that is not here must be in the repository.
FOREIGN_PATHS = re.compile(
    r"(/|~)(proc|sys|dev|var|etc|run|tmp|usr|host|metrics|healthz|readyz|apis?|kubepods|\.kube)?\b.*"
)
RUNTIME_FILES = {
    "uploads.json",
    "manifest.json",
    "manifest.copy.json",
    "capture.json",
    "capture.copy.json",
    "report.html",
    "demo/report.html",
    "demo.tapio",
    "night.tapio",
    "quiet.tapio",
    "captures/cache-night.tapio",
    "kubelet.config",
}

FOREIGN_NAMES = {
    "ERRNO": "stands for any errno",
    "NAME_SERVICE_HOST": "set by Kubernetes in every container, for a Service NAME",
    "CLONE_SNAPSHOT": "of Perfetto",
    "dump_oom_summary": "a function of the kernel",
    "bpftool": "a tool of the kernel's source",
    "pahole": "a tool",
    "asm/unistd_64.h": "of the kernel",
    "asm-generic/unistd.h": "of the kernel",
    "OFFSET_task_struct_tgid": "an example of a name that is made",
    "requests.memory": "a resource of a ResourceQuota",
    "env.valueFrom": "a field of a container",
    **dict.fromkeys(
        (
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SHARED_CREDENTIALS_FILE",
            "GOOGLE_APPLICATION_CREDENTIALS",
            "AZURE_CLIENT_ID",
            "AZURE_TENANT_ID",
            "AZURE_CLIENT_SECRET",
        ),
        "read by the library of a provider of storage",
    ),
    "cgroup_manager_linux.go": "a file of Kubernetes",
    "irq.pressure": "a file of the kernel",
    "tables.py": "of Perfetto",
    "uv.lock": "a file of uv",
    "requirements.txt": "a file of pip",
    "results.xml": "a name that the reader chooses",
    "pylock.toml": "PEP 751",
    "multipartite_layout": "a function of networkx",
    "DESCRIBE": "of DuckDB",
    "ILIKE": "of DuckDB",
    "numpy.ma": "a module of NumPy",
    "logging": "a module of Python",
    "socket.recv_fds": "a function of Python",
    "_ns": "the end of names of times",
    "yes": "a word of YAML 1.1",
    "analyzer/model/changes.sql": "what ADR 7 replaced",
}

_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_PATH = re.compile(
    r"[\w.<>*{}@-]*/?[\w./<>*{}…@-]*(/|\.(py|md|sql|yaml|yml|c|h|sh|toml|txt|j2|js|css|json|tapio|arrow))"
)
_IDENTIFIER = re.compile(r"_?[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)+_?|_[a-z]\w*|[A-Z]{2,}|[a-z]+")
_PLACEHOLDER = re.compile(r"<[^>]*>|\{[^}]*\}|[A-Z]{2,}|…|\*+")


def _page_tokens(page: str) -> Iterator[str]:
    """What stands in back-ticks, and the lines of code blocks that call a command of ours."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    yield from _CODE.findall(_FENCE.sub("", text))
    for block in _FENCE.findall(text):
        for line in block.splitlines():
            command = line.removeprefix("$ ").split("  ")[0].split(" #")[0]
            if command.split(" ")[0] in {*commands(), "make"}:
                yield command


def _docstring_tokens(path: Path) -> Iterator[str]:
    for docstring in docstrings(syntax_tree(path)):
        assert isinstance(docstring.value, str)
        yield from _CODE.findall(docstring.value)


def problem_of(token: str) -> str | None:
    """Why what stands in back-ticks does not exist; None if it exists, or is not a name (SQL, YAML, a sentence)."""
    words = token.split()
    if words[0] in commands():
        return _problem_of_command(words)
    if words[0] == "make" and len(words) > 1 and re.fullmatch(r"[a-z0-9-]+", words[1]):
        return None if words[1] in make_targets() else "no such make target"
    if len(words) > 1:
        return None
    name = re.sub(r"\(.*", "", token).rstrip(",.;:")
    if (
        "://" in token
        or name in FOREIGN_NAMES
        or FOREIGN_PATHS.fullmatch(name)
        or name.startswith(("networkx.", "pytest."))
        or re.fullmatch(r"\.\w+", name)
    ):
        return None
    if _PATH.fullmatch(name):
        return _problem_of_path(name)
    if name.split(".")[0] in (*PACKAGES, "tests") and "." in name:
        return _problem_of_module(name)
    if re.fullmatch(r"[a-z]\w*(\.[a-z]\w*)+", name):
        return _problem_of_dotted(name)
    if _IDENTIFIER.fullmatch(name):
        return None if name in identifiers() | make_targets() | metrics() else "no code has this name"
    return None


def _problem_of_dotted(name: str) -> str | None:
    first, _, rest = name.partition(".")
    if name in identifiers() or any(name in columns for columns in tables().values()):
        return None
    if first in configuration_keys():
        return (
            None if rest in configuration_keys()[first] else f"the section {first} of recorder.yaml has no key {rest}"
        )
    if first in tables():
        return None if rest in tables()[first] else f"the table {first} has no column {rest}"
    return "neither a column, nor a key of the configuration, nor a string of the code"


def _problem_of_command(words: list[str]) -> str | None:
    program = commands()[words[0]]
    named = next((word for word in words[1:] if re.fullmatch(r"[a-z-]+", word) and not word.startswith("-")), "")
    if len(words) > 1 and named and words[1] == named and named not in program:
        return f"{words[0]} has no command {named}"
    known = program.get(named if named in program else "", frozenset()) | program[""]
    if words[0] == "tapio-recorder":
        known |= {option for options in program.values() for option in options}
    for word in words[1:]:
        option = word.split("=")[0].strip("[]()")
        if option.startswith("--") and option not in known:
            return f"{' '.join(words[:2])} has no option {option}"
    return None


def _problem_of_path(name: str) -> str | None:
    bare = name.rstrip("/")
    if bare in RUNTIME_FILES or bare.startswith(("../", ".venv", "demo/", "http")):
        return None
    pattern = _PLACEHOLDER.sub("*", bare) if not Path(bare).name.isupper() else bare
    if pattern.strip("*./") == "" or pattern in ("*.tapio", "*.arrow", "*.journal", "*.json", "*.yaml", "*.truth.yaml"):
        return None
    if any(fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(name, f"*/{pattern}") for name in files()):
        return None
    return "no such file"


def _problem_of_module(name: str) -> str | None:
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        module = ".".join(parts[:length])
        if module in modules():
            rest = parts[length:]
            missing = [part for part in rest[:2] if part not in modules()[module]]
            return f"{module} does not define {missing[0]}" if missing else None
    return None if Path(name.replace(".", "/")).suffix else "no such module"


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_every_name_on_a_page_exists(page: str) -> None:
    wrong = {token: problem for token in _page_tokens(page) if (problem := problem_of(token)) is not None}
    assert wrong == {}


@pytest.mark.slow
@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_in_a_docstring_exists(package: str) -> None:
    wrong = {
        (str(path.relative_to(REPOSITORY)), token): problem
        for path in source_files(package)
        for token in _docstring_tokens(path)
        if (problem := problem_of(token)) is not None
    }
    assert wrong == {}


_TABLES_NAMED = re.compile(r"(?<!unknown )\b(?:engine )?(?:tables?|facts?|views?) ((?:`\w+`(?:, | and | or )?)+)")
_ROW = re.compile(r"^\| `(\w+)` \| `([^`]+)`", re.MULTILINE)


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith("docs/") and "/adr/" not in page])
def test_what_a_page_calls_a_table_is_one(page: str) -> None:
    # GIVEN a page that speaks of "the table `x`", or lists columns in a table of its own
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    named = {name for names in _TABLES_NAMED.findall(text) for name in re.findall(r"\w+", names) if len(name) > 3}
    listed = {
        table: [column.strip() for column in columns.split(",")]
        for block in re.findall(r"^\| table \| columns \|\n(?:\|.*\n)+", text, re.MULTILINE)
        for table, columns in _ROW.findall(block)
        if "columns of" not in columns
    }
    # THEN the engine has the table, with these columns
    assert named | set(listed) <= set(tables())
    assert {
        table: set(columns) - tables()[table] for table, columns in listed.items() if set(columns) - tables()[table]
    } == {}


def test_the_architecture_page_lists_the_frequent_tables() -> None:
    text = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
    listed = re.search(r"[Ff]requent tables \([^)]*: ([^)]*)\)", text)
    assert listed is not None
    assert tuple(re.findall(r"\w+", listed[1])) == FREQUENT_TABLES


@pytest.mark.parametrize(
    "name",
    [
        "bpf/NAME.bpf.c",
        "tests/test_docs.py",
        "ZSTD_WINDOW_LOG",
        "formats.limits.ZSTD_WINDOW_LOG",
        "analyzer.load",
        "oom.colour",
        "ring.max_rows",
        "make bench-nothing",
        "tapio explain CAPTURE",
        "tapio why CAPTURE --colour",
        "tapio-recorder freeze --until now",
        "find_everything",
    ],
)
def test_what_does_not_exist_is_found(name: str) -> None:
    assert problem_of(name) is not None
