"""Writes docs/reference.md, docs/sources.md and blocks of docs/facts.md and docs/architecture.md from the code. `make docs` runs it.

`test_docs.py` fails when a page and the code differ, so neither can change alone.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
import pyarrow as pa

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY))

import analyzer.cli  # noqa: E402 - the path above comes first
import recorder.cli  # noqa: E402
from formats.catalog import TABLES  # noqa: E402
from formats.columns import COMMON_COLUMNS, Column  # noqa: E402
from formats.errors import ExitCode  # noqa: E402
from formats.loss import LOSS_ADVICE, SUPPRESSED_REASONS, LossReason  # noqa: E402
from recorder.registry import SOURCES  # noqa: E402
from tests.docs.engine_table_docs import fill_blocks  # noqa: E402

PAGES = ("reference", "sources", "facts", "architecture")


def page_path(name: str) -> Path:
    """Where a page is kept."""
    return REPOSITORY / "docs" / f"{name}.md"


def render_page(name: str) -> str:
    """The text of a page, as the code would have it now."""
    if name == "reference":
        return render_reference()
    return render_sources() if name == "sources" else fill_blocks(page_path(name).read_text(encoding="utf-8"))


def render_reference() -> str:
    """The whole page."""
    parts = [
        "# Reference",
        "",
        "Generated from the code by `make docs`; a test checks that it is up to date.",
        "",
        "## Commands",
        "",
        *_commands("tapio", analyzer.cli.cli),
        *_commands("tapio-recorder", recorder.cli.cli),
        "## Exit codes",
        "",
        "| code | name | meaning |",
        "| --- | --- | --- |",
        *(f"| {code.value} | `{code.name}` | {_docs_of(code)} |" for code in ExitCode),
        "| 130 | | Interrupted with Ctrl-C. |",
        "",
        "## Loss reasons",
        "",
        "| reason | counted as | what to do |",
        "| --- | --- | --- |",
        *(
            f"| `{reason}` | {'suppressed' if reason in SUPPRESSED_REASONS else 'lost'} | {LOSS_ADVICE[reason]} |"
            for reason in LossReason
        ),
        "",
        "## Tables",
        "",
        "Every table begins with the common columns.",
        "",
        *_columns(COMMON_COLUMNS),
    ]
    for table in TABLES:
        parts += [
            f"### `{table.name}`",
            "",
            table.doc,
            "",
            f"Events: {', '.join(f'`{name}`' for name in table.event_names)}. Source: {table.source}.",
            "",
            *_columns(table.own),
        ]
    return "\n".join(parts).rstrip() + "\n"


def render_sources() -> str:
    """What each source records, needs, costs and can lose."""
    parts = [
        "# Sources",
        "",
        "Generated from the code by `make docs`; a test checks that it is up to date. One source records one table; the columns are in",
        "[reference.md](reference.md). `tapio-recorder doctor` reports which of them work on a node, and how to fix the others.",
        "",
        "The profiles are `lean`, `default` and `deep`; each includes the previous ones. When the recorder exceeds its budget, it sheds",
        "sources in the order of the number in the row `shed`, the lowest first; sources without a number are never shed.",
        "",
    ]
    for source in SOURCES:
        spec = source.spec
        parts += [
            f"## `{spec.name}`",
            "",
            spec.table.doc,
            "",
            "| | |",
            "| --- | --- |",
            f"| from | {spec.table.source} |",
            f"| profile | `{spec.profile}` |",
            f"| needs | {', '.join(f'`{need}`' for need in spec.needs) or 'nothing'} |",
            f"| without them | {spec.fallback or 'the source is unavailable'} |",
            f"| costs | {spec.cost} |",
            f"| can lose | {', '.join(f'`{reason}`' for reason in spec.loss_reasons) or 'nothing'} |",
            f"| shed | {'never' if spec.shed_order is None else spec.shed_order} |",
            f"| options | {', '.join(f'`{key}`: `{value!r}`' for key, value in spec.options.items()) or 'none'}"
            + "".join(f"; in profile `deep` `{key}`: `{value!r}`" for key, value in spec.deep_options.items())
            + " |",
            "",
        ]
    return "\n".join(parts).rstrip() + "\n"


def _commands(program: str, group: click.Group) -> list[str]:
    context = click.Context(group, info_name=program, **group.context_settings)
    lines = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = click.Context(command, info_name=name, parent=context, max_content_width=100, terminal_width=100)
        lines += [f"### `{program} {name}`", "", "```text", command.get_help(inner).replace("\b\n", ""), "```", ""]
        if isinstance(command, click.Group):
            lines += _commands(f"{program} {name}", command)
    return lines


def _columns(columns: tuple[Column, ...]) -> list[str]:
    rows = ["| column | type | unit | sensitivity | meaning |", "| --- | --- | --- | --- | --- |"]
    rows += [
        f"| `{column.name}` | {_type(column.type)}{'?' if column.nullable else ''} | {column.unit or ''} "
        f"| {column.sensitivity} | {column.doc} |".replace(" |  | ", " | | ")
        for column in columns
    ]
    return [*rows, ""]


def _type(arrow: pa.DataType) -> str:
    return "name" if pa.types.is_dictionary(arrow) else str(arrow)


def _docs_of(code: ExitCode) -> str:
    source = (REPOSITORY / "formats" / "errors.py").read_text(encoding="utf-8")
    return source.split(f"    {code.name} = {code.value}\n", 1)[1].split('"""')[1]


def main() -> int:
    """Write the pages, or with `--check` say which of them the code has left behind."""
    if "--check" in sys.argv:
        stale = [page for page in PAGES if page_path(page).read_text(encoding="utf-8") != render_page(page)]
        print(*(f"docs/{page}.md is not what the code says: run `make docs`" for page in stale), sep="\n")
        return 1 if stale else 0
    for page in PAGES:
        page_path(page).write_text(render_page(page), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
