"""The model of a capture: who is who, how they relate, what changed, and the facts, as tables of one engine.

`docs/facts.md` lists everything that can be asked for. All of it is computed from recorded state alone, by the SQL
files of `objects`, `entities`, `relations`, `parts` and `facts`, in the order that stands in `build_model`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import pyarrow as pa

from analyzer.model import entities, objects, parts, relations
from analyzer.model.declarations import Scope
from analyzer.model.engine import Engine
from analyzer.model.engine_tables import declared_facts
from analyzer.model.recorded_tables import FREQUENT_TABLES, Part, Tables
from analyzer.model.schedule import order_by_reads
from analyzer.model.segment_reading import Window
from analyzer.model.sql_files import read_sql
from formats.capture.reading import Capture
from formats.errors import UsageError
from formats.rows.cgroup_path import read_cgroup_path


class Model:
    """What a capture says, as tables and views of an engine.

    Attributes:
        engine: has the tables of the catalog, `entity`, `relation`, `change`, `capture_window`, `missing`,
            `clock_error`, and every fact.
        tables: the tables of the catalog, to be read again.
    """

    def __init__(self, engine: Engine, tables: Tables) -> None:
        self.engine = engine
        self.tables = tables
        self._is_complete = False

    def parts(self, facts: Iterable[str]) -> Iterator[Part]:
        """Goes through the frequent tables segment by segment, in order of time.

        While a part is there, the part facts show it. When the iteration is done, all other facts, `entity` and
        `relation` are complete; before, they lack what only the frequent tables tell.

        Args:
            facts: names of the facts that will be read in the body; those over the whole capture may be among them.

        Raises:
            UsageError: there is no such fact.
        """
        is_first_time = not self._is_complete
        reads = _columns_to_read(facts, everything=is_first_time)
        for part in self.tables.parts(reads):
            for name in parts.EACH:
                if is_first_time or name in parts.EVERY_TIME:
                    self.engine.execute(read_sql(f"parts/{name}"))
            yield part
        self._complete()

    def complete(self) -> None:
        """Goes through all parts where nobody wants their facts."""
        if not self._is_complete:
            for _part in self.parts(()):
                pass

    def load_for(self, query: str) -> None:
        """Makes everything that a query reads readable at once, the frequent tables too: for `tapio sql`.

        Raises:
            UsageError: DuckDB refuses the query.
        """
        self.complete()
        read = self._tables_of(query)
        # Facts about connections and processes need what is otherwise worked out for each part.
        needed = set(parts.READS) if read & set(parts.SHOWN) else set()
        for name in FREQUENT_TABLES:
            if f"{name}_rows" in read or name in needed:
                self.tables.load_whole(name)
        if needed:
            for name in parts.EACH:
                if name in parts.EVERY_TIME:
                    self.engine.execute(read_sql(f"parts/{name}"))

    def _tables_of(self, query: str) -> set[str]:
        """What a query reads: the engine's answer for the raw tables and every fact that it names.

        Why fact by fact: DuckDB finds the tables of a query without their types, and then cannot bind the as-of joins
        of some facts. What those read of the frequent tables is declared.
        """
        self.engine.check_is_query(query)
        words = set(re.findall(r"\w+", query))
        read = {word for word in words if word in parts.SHOWN}
        read |= {f"{name}_rows" for name in FREQUENT_TABLES if name in words}
        for fact in (declared_facts()[word] for word in words if word in declared_facts()):
            read |= {f"{table}_rows" for table in fact.reads}
            read |= set(parts.SHOWN) if fact.scope is Scope.PART else set()
        return read

    def _complete(self) -> None:
        if self._is_complete:
            return
        self._is_complete = True
        for name in parts.AFTER:
            self.engine.execute(read_sql(f"parts/{name}"))
        for name in relations.SEEN:
            self.engine.execute(read_sql(f"relations/{name}"))


def build_model(capture: Capture, engine: Engine, window: Window = (None, None)) -> Model:
    """Reads a capture into an engine.

    Args:
        capture: must stay open as long as the model is used.
        engine: fresh.
        window: begin and end in unix ns; only batches that overlap it are read.
    """
    tables = Tables(capture, engine, window)
    tables.load_small_tables()
    for name in objects.STATEMENTS:
        engine.execute(read_sql(f"objects/{name}"))
    _take_paths_apart(engine)
    for name in entities.STATEMENTS:
        engine.execute(read_sql(f"entities/{name}"))
    engine.execute(read_sql("relations/table"))
    for name in relations.DECLARED:
        engine.execute(read_sql(f"relations/{name}"))
    engine.execute(read_sql("changes"))
    for name in parts.BEFORE:
        engine.execute(read_sql(f"parts/{name}"))
    known = {name for fact in declared_facts().values() for name in fact.reads} - declared_facts().keys()
    for fact in order_by_reads(declared_facts().values(), known):
        engine.execute(f"CREATE VIEW {fact.name} AS {fact.select}")
    return Model(engine, tables)


def _take_paths_apart(engine: Engine) -> None:
    """Leaves `cgroup_path`: pod uid and runtime id of every cgroup path of the capture.

    Why in Python: the recorder takes the same paths apart with the same function; there are as many as cgroups.
    """
    found = engine.rows(
        """
        SELECT DISTINCT "k8s.node.name", unnest(["cgroup.path"]) FROM cgroup_state
        UNION SELECT DISTINCT "k8s.node.name", "cgroup.path" FROM memory
        UNION SELECT DISTINCT "k8s.node.name", "cgroup.path" FROM pressure WHERE "cgroup.path" IS NOT NULL
        UNION SELECT DISTINCT "k8s.node.name", unnest(["oom.victim_cgroup.path", "oom.limited_cgroup.path"]) FROM oom
        ORDER BY ALL
        """
    )
    owned = [(node, path, read_cgroup_path(path)) for node, path in found if path is not None]
    schema = pa.schema([(name, pa.utf8()) for name in ("node", "path", "pod_uid", "runtime_id")])
    columns = [
        [node for node, _path, _owner in owned],
        [path for _node, path, _owner in owned],
        [owner.pod_uid for _node, _path, owner in owned],
        [owner.container_id for _node, _path, owner in owned],
    ]
    engine.execute("CREATE TABLE cgroup_path (node VARCHAR, path VARCHAR, pod_uid VARCHAR, runtime_id VARCHAR)")
    engine.insert("cgroup_path", pa.table(columns, schema=schema))


def _columns_to_read(facts: Iterable[str], *, everything: bool) -> dict[str, tuple[str, ...]]:
    """Columns by frequent table: what the facts read, and what is needed to say whose they are.

    Args:
        facts: their names.
        everything: read also the tables of `parts.READS` that no fact wants.
    """
    wanted: dict[str, list[str]] = {table: [] for table in parts.READS if everything}
    for name in facts:
        fact = declared_facts().get(name)
        if fact is None:
            raise UsageError(f"unknown fact {name[:64]!r}", next_step="docs/facts.md lists them")
        for table, columns in fact.reads.items():
            if table in FREQUENT_TABLES:
                wanted.setdefault(table, []).extend(columns)
    return {table: tuple(dict.fromkeys((*parts.READS.get(table, ()), *columns))) for table, columns in wanted.items()}
