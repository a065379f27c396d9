"""What the repository really contains: files, identifiers, tables with columns, commands with options, make targets."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import click
import yaml

import analyzer.cli
import recorder.cli
from analyzer.model.engine_tables import declared_facts, declared_tables
from formats.catalog import TABLES
from recorder.metrics import format_metrics
from recorder.registry import SOURCES
from tests.recorder.recorder_fakes import STATUS

REPOSITORY = Path(__file__).parents[2]
PACKAGES = ("analyzer", "formats", "recorder", "reports")
_SOURCES = (".sql", ".c", ".h", ".yaml", ".j2", ".css", ".js", ".sh", ".toml", ".yml")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.\w+)+")


@cache
def files() -> frozenset[str]:
    """Every file of the repository and every folder above one, relative to its root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.split("\n")
    paths = [Path(name) for name in listed if name and (REPOSITORY / name).exists()]
    return frozenset(str(path) for path in paths) | {
        str(folder) for path in paths for folder in path.parents if folder != Path()
    }


def source_files(*folders: str, suffix: str = ".py") -> list[Path]:
    """The files below these folders, in order."""
    return [REPOSITORY / name for name in sorted(files()) if name.endswith(suffix) and name.split("/")[0] in folders]


def docstrings(tree: ast.AST) -> Iterator[ast.Constant]:
    """The docstrings of a module: of itself, of its classes and functions, and of its constants and fields."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else ():
            if (
                isinstance(statement, ast.Expr)
                and isinstance(statement.value, ast.Constant)
                and isinstance(statement.value.value, str)
            ):
                yield statement.value


@cache
def identifiers() -> frozenset[str]:
    """Every word of the code that is not in a docstring or comment: names, keys, words of strings, names of files.

    Words that are joined by dots, such as `spec.replicas`, are there as a whole, too.

    Documentation is left out, so that a name that only documentation still mentions does not exist.
    """
    words: set[str] = set()
    for name in files():
        path = REPOSITORY / name
        words.add(path.stem)
        if path.suffix == ".py" and not name.startswith("tests/"):
            words |= _python_words(syntax_tree(path))
        elif path.suffix in _SOURCES or path.name == "Makefile":
            words |= _words(_without_comments(path.read_text(encoding="utf-8"), path.suffix))
    return frozenset(words)


@cache
def syntax_tree(path: Path) -> ast.Module:
    """The syntax tree of a Python file; read only."""
    return ast.parse(path.read_text(encoding="utf-8"))


def _python_words(tree: ast.Module) -> set[str]:
    described = {id(docstring) for docstring in docstrings(tree)}
    words: set[str] = set()
    for node in ast.walk(tree):
        for field in ("id", "name", "attr", "arg", "asname", "module"):
            value = getattr(node, field, None)
            if isinstance(value, str):
                words |= _words(value)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in described:
            words |= _words(node.value)
        if isinstance(node, ast.Attribute):
            words |= _words(_dotted(node))
    return words


def _dotted(attribute: ast.Attribute) -> str:
    """`b.c.d` of `a(x).b.c.d`: the names that follow one another, those from which the chain begins included."""
    names = [attribute.attr]
    inner = attribute.value
    while isinstance(inner, ast.Attribute):
        names.append(inner.attr)
        inner = inner.value
    if isinstance(inner, ast.Name):
        names.append(inner.id)
    return ".".join(reversed(names))


def _words(text: str) -> set[str]:
    return {*_WORD.findall(text), *_DOTTED.findall(text)}


def _without_comments(text: str, suffix: str) -> str:
    if suffix in (".c", ".h", ".css", ".js"):
        return re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.DOTALL)
    return re.sub(r"--[^\n]*" if suffix == ".sql" else r"(?m)^\s*#[^\n]*", "", text)


@cache
def modules() -> Mapping[str, frozenset[str]]:
    """Every module of the product by dotted name, with what is defined in it, also inside of its classes."""
    found: dict[str, frozenset[str]] = {}
    for path in source_files(*PACKAGES, "tests", "fixtures"):
        parts = path.relative_to(REPOSITORY).with_suffix("").parts
        tree = syntax_tree(path)
        names = set(_defined(tree.body))
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                names |= set(_defined(node.body))
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = frozenset(names)
    return found


def _defined(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.AnnAssign | ast.Assign):
            targets = [node.target] if isinstance(node, ast.AnnAssign) else node.targets
            yield from (target.id for target in targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.ImportFrom | ast.Import):
            yield from (alias.asname or alias.name for alias in node.names)


@cache
def tables() -> Mapping[str, frozenset[str]]:
    """Every recorded table, engine table, view and fact by name, with its columns."""
    recorded = {table.name: {column.name for column in table.columns} | {"at_ns", "evidence"} for table in TABLES}
    declared = {table.name: set(table.types) for table in (declared_tables() | declared_facts()).values()}
    return {name: frozenset(columns) for name, columns in (recorded | declared).items()}


@cache
def configuration_keys() -> Mapping[str, frozenset[str]]:
    """The keys of every section of `recorder.yaml`, read from the file that shows all of them, and of every source."""
    shown = yaml.safe_load((REPOSITORY / "deploy" / "recorder.yaml").read_text(encoding="utf-8"))
    sections = {name: frozenset(section) for name, section in shown.items() if isinstance(section, dict)}
    options = {source.spec.name: frozenset(source.spec.options) for source in SOURCES}
    # The recorder's own journal is configured in a section of the name that the source of the systemd journal has.
    return {name: sections.get(name, frozenset()) | options.get(name, frozenset()) for name in sections | options}


@cache
def metrics() -> frozenset[str]:
    """The names of the metrics, as they are served."""
    text, _ = format_metrics(STATUS)
    return frozenset(re.findall(r"^# TYPE (\w+)", text.decode(), re.MULTILINE))


@cache
def commands() -> Mapping[str, Mapping[str, frozenset[str]]]:
    """The options of every command of both programs; those of the program itself under an empty name."""
    return {
        "tapio": {name: _options(analyzer.cli.cli, name) for name in ("", *analyzer.cli.COMMANDS)},
        "tapio-recorder": {name: _options(recorder.cli.cli, name) for name in ("", *recorder.cli.cli.commands)},
    }


def _options(program: click.Group, name: str) -> frozenset[str]:
    command = program.get_command(click.Context(program), name) if name else program
    assert command is not None, name
    options = {"--help", "-h"}
    own = list(command.commands.values()) if name and isinstance(command, click.Group) else []
    for parameter in (parameter for each in (command, *own) for parameter in each.params):
        if isinstance(parameter, click.Option):
            options |= {*parameter.opts, *parameter.secondary_opts}
    return frozenset(options)


@cache
def make_targets() -> frozenset[str]:
    """The targets of the Makefile."""
    text = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^([a-z0-9-]+):", text, re.MULTILINE))
