"""DuckDB and Polars on what the analyzer does most: episodes, as-of joins, JSON. For ADR 0001.

Both get the same decoded Arrow batches of a capture of `bench_replay.py`, segment by segment, each in a process of its own:

* counts: the rows of the kernel tables by event, cgroup and five seconds;
* episodes: the rows of the kernel tables by event and cgroup, where rows closer than 10 ms are one episode;
* as-of: for every episode the newest memory reading of its cgroup;
* JSON: names, images and restart counts out of 20,000 versions of a Pod.

usage: bench_engines.py CAPTURE
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from formats.capture.reading import Capture, open_capture

TABLES = ("tracepoint", "tcp", "process", "syscall_error", "request")
GAP_NS = 10_000_000
BUCKET = "boot_time_ns // 5000000000"
PODS = 20_000
THREADS = "2"
POD = {
    "spec": {"containers": [{"name": f"c{index}", "image": "registry.example/app:1.0", "env": [{"name": "A", "value": "x" * 200}] * 5} for index in range(4)]},
    "status": {"containerStatuses": [{"name": f"c{index}", "restartCount": index} for index in range(4)]},
}  # fmt: skip


def main() -> None:
    """Runs both engines and prints the table."""
    print("| engine | threads | counts | episodes | as-of | JSON | whole | peak |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for engine in ("duckdb", "polars"):
        subprocess.run(
            [sys.executable, __file__, engine, THREADS, sys.argv[1]],
            check=True,
            env=os.environ | {"POLARS_MAX_THREADS": THREADS},
        )


def segments(capture: Capture, tables: tuple[str, ...], columns: list[str]) -> Iterator[pa.Table]:
    """One Arrow table per table and segment."""
    for segment in capture.segments:
        for name in tables:
            batches = [batch for batch in segment.batches(name, columns) if isinstance(batch, pa.RecordBatch)]
            if batches:
                yield pa.Table.from_batches(batches)


def pods() -> pa.Table:
    """The versions of a Pod, as text."""
    text = json.dumps(POD)
    return pa.table({"n": list(range(PODS)), "content": [text] * PODS})


def run_duckdb(capture: Capture, threads: int) -> list[float]:
    """Seconds at the end of each task."""
    import duckdb

    connection = duckdb.connect(config={"threads": threads, "memory_limit": "2GB"})
    connection.execute(
        "CREATE TABLE episode (event_name VARCHAR, cgroup_id UBIGINT, first BIGINT, last BIGINT, n BIGINT)"
    )
    times = [time.monotonic()]
    for table in segments(capture, TABLES, ["boot_time_ns", "event_name", "cgroup_id"]):
        connection.register("rows", table)
        connection.execute(f"SELECT event_name, cgroup_id, {BUCKET}, count(*) FROM rows GROUP BY ALL").fetchall()
    times.append(time.monotonic())
    for table in segments(capture, TABLES, ["boot_time_ns", "event_name", "cgroup_id"]):
        connection.register("rows", table)
        connection.execute(
            f"""INSERT INTO episode
            WITH marked AS (
                SELECT *, boot_time_ns - lag(boot_time_ns) OVER w > {GAP_NS} AS begins FROM rows
                WINDOW w AS (PARTITION BY event_name, cgroup_id ORDER BY boot_time_ns)
            ), numbered AS (
                SELECT *, sum(coalesce(begins, true)::INT) OVER (PARTITION BY event_name, cgroup_id ORDER BY boot_time_ns) AS number
                FROM marked
            )
            SELECT event_name, cgroup_id, min(boot_time_ns), max(boot_time_ns), count(*) FROM numbered
            GROUP BY event_name, cgroup_id, number"""
        )
    times.append(time.monotonic())
    memory = list(segments(capture, ("memory",), ["boot_time_ns", "cgroup_id", "memory.usage_bytes"]))
    connection.register("memory", pa.concat_tables(memory))
    connection.execute(
        """SELECT count(*), sum("memory.usage_bytes") FROM episode
        ASOF LEFT JOIN memory ON memory.cgroup_id = episode.cgroup_id AND memory.boot_time_ns <= episode.first"""
    ).fetchall()
    times.append(time.monotonic())
    connection.register("pods", pods())
    connection.execute(
        """SELECT count(*), sum(status.restartCount), max(container.image) FROM (
            SELECT unnest(pod.spec.containers) AS container, unnest(pod.status.containerStatuses) AS status FROM (
                SELECT json_transform(content, '{"spec": {"containers": [{"name": "VARCHAR", "image": "VARCHAR"}]},
                    "status": {"containerStatuses": [{"name": "VARCHAR", "restartCount": "BIGINT"}]}}') AS pod FROM pods))"""
    ).fetchall()
    times.append(time.monotonic())
    return times


def run_polars(capture: Capture, _threads: int) -> list[float]:
    """Seconds at the end of each task."""
    import polars as pl

    times = [time.monotonic()]
    for table in segments(capture, TABLES, ["boot_time_ns", "event_name", "cgroup_id"]):
        rows = pl.from_arrow(table)
        assert isinstance(rows, pl.DataFrame)
        bucket = pl.col("boot_time_ns") // 5_000_000_000
        rows.lazy().group_by("event_name", "cgroup_id", bucket).agg(n=pl.len()).collect()
    times.append(time.monotonic())
    found = []
    for table in segments(capture, TABLES, ["boot_time_ns", "event_name", "cgroup_id"]):
        keys = ["event_name", "cgroup_id"]
        rows = pl.from_arrow(table)
        assert isinstance(rows, pl.DataFrame)
        found.append(
            rows.lazy()
            .sort([*keys, "boot_time_ns"])
            .with_columns(begins=(pl.col("boot_time_ns").diff().over(keys).fill_null(GAP_NS + 1) > GAP_NS))
            .with_columns(number=pl.col("begins").cum_sum())
            .group_by([*keys, "number"])
            .agg(first=pl.col("boot_time_ns").min(), last=pl.col("boot_time_ns").max(), n=pl.len())
            .with_columns(pl.col("event_name").cast(pl.String))
            .collect()
        )
    episodes = pl.concat(found)
    times.append(time.monotonic())
    memory = pl.from_arrow(
        pa.concat_tables(segments(capture, ("memory",), ["boot_time_ns", "cgroup_id", "memory.usage_bytes"]))
    )
    assert isinstance(memory, pl.DataFrame)
    joined = episodes.sort("first").join_asof(
        memory.sort("boot_time_ns"), left_on="first", right_on="boot_time_ns", by="cgroup_id", check_sortedness=False
    )
    joined.select(pl.len(), pl.col("memory.usage_bytes").sum())
    times.append(time.monotonic())
    schema = pl.Struct(
        {
            "spec": pl.Struct({"containers": pl.List(pl.Struct({"name": pl.String, "image": pl.String}))}),
            "status": pl.Struct(
                {"containerStatuses": pl.List(pl.Struct({"name": pl.String, "restartCount": pl.Int64}))}
            ),
        }
    )
    versions = pl.from_arrow(pods())
    assert isinstance(versions, pl.DataFrame)
    parsed = versions.select(pod=pl.col("content").str.json_decode(schema))
    parsed.select(
        pl.col("pod")
        .struct.field("status")
        .struct.field("containerStatuses")
        .explode()
        .struct.field("restartCount")
        .sum()
    )
    parsed.select(pl.col("pod").struct.field("spec").struct.field("containers").explode().struct.field("image").max())
    times.append(time.monotonic())
    return times


if __name__ == "__main__":
    if len(sys.argv) == 2:
        main()
    else:
        engine, threads, path = sys.argv[1:]
        runs = {"duckdb": run_duckdb, "polars": run_polars}
        moments = runs[engine](open_capture(Path(path)), int(threads))
        steps = [f"{after - before:.2f} s" for before, after in itertools.pairwise(moments)]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"| {engine} | {threads} | {' | '.join(steps)} | {moments[-1] - moments[0]:.2f} s | {peak:,.0f} MiB |",
            flush=True,
        )
