"""Trends: robust lines through the last readings of a quantity, as one query over all entities and all moments.

At each moment of a regular grid the level is the newest reading until then. The growth over a window is the median of
the slopes of its pairs of points (Theil and Sen), and their spread gives the interval. Nothing is said where the level
does not keep rising, slows down so that it stops below its limit, or has been higher before.

Every moment sees only what was recorded until then: the grid is that of unix time, so a longer recording has the same
moments and some more.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd

import duckdb

from analyzer.knowledge.check import FactColumns
from analyzer.knowledge.compile import quote_name
from analyzer.knowledge.trend_rules import TrendRule
from analyzer.model.engine import Engine
from analyzer.prediction.alarm import RECEIVED, Alarm
from formats.errors import KnowledgeError

POINTS = 24
"""Points of a window. Why: 276 pairs, enough for a robust median, and few enough for thousands of series."""

MIN_POINTS = 16
"""Points that a window must have reached."""

MIN_GAP = 6
"""Points between the two of a pair. Why: the slope between neighbours is mostly noise."""

MIN_RISING = 0.9
"""Share of the pairs whose later point must be higher. A saw-tooth has less, a leak nearly 1."""

DROP = 0.15
"""A line that was lower than its maximum by this share gives memory back, as a garbage collector does."""

BEYOND = 0.05
"""Such a line must have passed its maximum by this share before anything is foretold."""

RECENT = POINTS // 4
"""Points at the end of the window that tell whether it still grows."""

STILL = 0.25
"""Share of the growth of the whole window that these must have at least."""

REACH = 0.33
"""How far ahead a prediction reaches at most, in windows. Why so short: what loads its data or fills a cache grows as
steadily as a leak, and stops. The longer it has been growing, the likelier is the leak."""

REACH_AGAIN = 1.0
"""The same for an entity to which it has happened before."""

SPREAD = (0.1, 0.9)
"""Quantiles of the slopes that give the interval."""

MARGIN = 0.15
"""By how much of the way to it each end of the interval is moved outward. Why: growth changes after the prediction."""

MAX_RATIO = 4.0
"""The latest expected time is at most so many times as far away as the earliest one."""

MAX_SERIES = 2_000
"""Lines of one trend that are followed, those that begin first. Why: a hostile capture may have any number."""

MAX_MOMENTS = 20_000
"""Moments of one line, from its begin on: two days with steps of ten seconds."""

MAX_CANDIDATES = 200_000
"""Moments of all lines for which the slopes are computed, the earliest."""

_MINUTE_NS = 60_000_000_000


def find_trend_alarms(engine: Engine, rule: TrendRule, facts: FactColumns) -> Iterator[Alarm]:
    """What a trend says at every moment, for each of its windows.

    Raises:
        KnowledgeError: if an expression fails on what was recorded.
    """
    try:
        engine.execute(f"CREATE OR REPLACE TABLE trend_line AS {_lines_query(rule, facts)}")
        if not engine.value("SELECT count(*) FROM trend_line"):
            return
        engine.execute(f"CREATE OR REPLACE TABLE trend_reading AS {_readings_query(rule, facts)}")
        for window_ns in rule.windows_ns:
            for row in engine.records(_alarms_query(rule, window_ns)):
                yield _to_alarm(rule, window_ns, row)
    except duckdb.Error as problem:
        raise KnowledgeError(
            f"trend `{rule.name}` fails on this capture: {str(problem).splitlines()[0]}",
            where=rule.quantity.where,
            next_step="make the expressions handle null and unexpected values",
        ) from None


def _to_alarm(rule: TrendRule, window_ns: int, row: dict[str, object]) -> Alarm:
    made_ns, limit, level = int(str(row["made_ns"])), float(str(row["ceiling"])), float(str(row["level"]))
    slowest, median, fastest = (float(str(row[name])) for name in ("slowest", "median", "fastest"))
    left = limit - level
    step_ns = window_ns // POINTS
    steadiness = 1 - min(1.0, (fastest - slowest) / (4 * median))
    return Alarm(
        rule=rule.name,
        foretells=rule.foretells,
        entity_id=str(row["entity_id"]),
        series=tuple(str(row["series"]).split(_SEPARATOR)) if rule.series else (),
        read_ns=int(str(row["read_ns"])),
        made_ns=made_ns,
        from_ns=made_ns + max(0, round(left / fastest * step_ns * (1 - MARGIN)) - step_ns),
        to_ns=made_ns + round(left / slowest * step_ns * (1 + MARGIN)) + step_ns,
        window_ns=window_ns,
        is_far=left / median > REACH * POINTS,
        confidence=round(rule.confidence * steadiness, 3),
        level=level,
        limit=limit,
        rate=median * _MINUTE_NS / step_ns,
        evidence=tuple(dict.fromkeys((str(row["first_evidence"]), str(row["evidence"])))),
    )


_SEPARATOR = "\x1f"


def _raw(rule: TrendRule, facts: FactColumns) -> str:
    """SELECT of the readings with level, ceiling and when the recording tells whom they are about."""
    columns = facts[rule.fact]
    series = ", ".join(f"coalesce({quote_name(column)}::VARCHAR, '')" for column in rule.series)
    line = f"concat_ws('{_SEPARATOR}', {series})" if rule.series else "''"
    known = "known_ns" if "known_ns" in columns else "0::BIGINT"
    condition = f" AND ({rule.only_if.sql}\n)" if rule.only_if is not None else ""
    return f"""
      SELECT {quote_name(rule.entity)} AS entity_id, {line} AS series, at_ns, evidence, {known} AS known_ns,
        try_cast(({rule.quantity.sql}\n) AS DOUBLE) AS level, try_cast(({rule.limit.sql}\n) AS DOUBLE) AS ceiling
      FROM {quote_name(rule.fact)} WHERE {quote_name(rule.entity)} IS NOT NULL{condition}
    """  # noqa: S608 - see analyzer.knowledge.compile


def _lines_query(rule: TrendRule, facts: FactColumns) -> str:
    """SELECT of the lines that can be foretold at some moment: of the others nothing is computed."""
    return f"""
      SELECT entity_id, series, min(at_ns) AS first_ns, min(known_ns) AS known_ns
      FROM ({_raw(rule, facts)})
      WHERE isfinite(level) AND ceiling > 0 AND isfinite(ceiling) AND known_ns IS NOT NULL
      GROUP BY entity_id, series
      HAVING max(level) > min(level) AND max(level / ceiling) >= {rule.above} AND count(*) >= {rule.samples}
      ORDER BY first_ns, entity_id, series LIMIT {MAX_SERIES}
    """  # noqa: S608 - see analyzer.knowledge.compile


def _readings_query(rule: TrendRule, facts: FactColumns) -> str:
    """SELECT of the newest reading of each line before each moment of the finest grid that all windows share."""
    step = gcd(*(window_ns // POINTS for window_ns in rule.windows_ns))
    return f"""
      SELECT entity_id, series, max(at_ns) AS at_ns, min(at_ns) AS first_ns,
        unnest(arg_max({{level: level, ceiling: ceiling, evidence: evidence}}, (at_ns, told_ns, evidence)))
      FROM (
        SELECT raw.entity_id, raw.series, raw.at_ns AS told_ns,
          greatest(raw.at_ns, coalesce(received.at_ns, raw.at_ns)) AS at_ns, raw.evidence, raw.level, raw.ceiling
        FROM ({_raw(rule, facts)}) AS raw SEMI JOIN trend_line USING (entity_id, series)
        LEFT JOIN ({RECEIVED}) AS received USING (evidence)
        WHERE isfinite(raw.level) AND raw.ceiling > 0 AND isfinite(raw.ceiling)
      )
      GROUP BY entity_id, series, (at_ns + {step - 1}) // {step}
    """  # noqa: S608 - see analyzer.knowledge.compile


def _alarms_query(rule: TrendRule, window_ns: int) -> str:
    """SELECT of the moments at which the trend foretells something."""
    step = window_ns // POINTS
    lasts_ns = "9000000000000000000" if rule.stale_ns is None else f"line.last_ns + {rule.stale_ns}"
    is_fresh = "true" if rule.stale_ns is None else f"made_ns - read_ns <= {rule.stale_ns}"
    return f"""
    WITH line AS (
      SELECT entity_id, series, min(first_ns) AS first_ns, max(at_ns) AS last_ns
      FROM trend_reading GROUP BY entity_id, series
    ), moment AS (
      SELECT line.entity_id, line.series, trend_line.known_ns, step_number * {step} AS made_ns
      FROM line JOIN trend_line USING (entity_id, series),
      LATERAL (SELECT unnest(range(
        line.first_ns // {step} + 1,
        least({lasts_ns}, (SELECT max(to_ns) FROM capture_window), line.first_ns + {step * MAX_MOMENTS}) // {step} + 1
      )) AS step_number)
    ), placed AS (
      SELECT moment.*, reading.level, reading.ceiling, reading.evidence, reading.at_ns AS read_ns
      FROM moment ASOF JOIN trend_reading AS reading
        ON reading.entity_id = moment.entity_id AND reading.series = moment.series AND reading.at_ns <= moment.made_ns
    ), marked AS (
      SELECT *, read_ns IS DISTINCT FROM lag(read_ns) OVER past AS is_new,
        level < {1 - DROP} * max(level) OVER past AS is_low
      FROM placed
      WINDOW past AS (PARTITION BY entity_id, series ORDER BY made_ns)
    ), windowed AS (
      SELECT *, list(level) OVER span AS levels, count(*) FILTER (is_new) OVER span AS readings,
        first_value(evidence) OVER span AS first_evidence,
        max(level) OVER (past ROWS BETWEEN UNBOUNDED PRECEDING AND {POINTS} PRECEDING)
          * CASE WHEN bool_or(is_low) OVER past THEN {1 + BEYOND} ELSE 1 END AS to_pass
      FROM marked
      WINDOW past AS (PARTITION BY entity_id, series ORDER BY made_ns),
        span AS (PARTITION BY entity_id, series ORDER BY made_ns ROWS BETWEEN {POINTS - 1} PRECEDING AND CURRENT ROW)
    ), candidate AS (
      SELECT *, row_number() OVER (ORDER BY made_ns, entity_id, series) AS number, len(levels) AS points
      FROM windowed
      WHERE made_ns >= known_ns AND {is_fresh} AND readings >= {rule.samples} AND len(levels) >= {MIN_POINTS}
        AND level < ceiling AND level >= {rule.above} * ceiling AND (to_pass IS NULL OR level > to_pass)
        AND level > levels[1]
        AND level - levels[-{RECENT}] >= {STILL * (RECENT - 1)} * (level - levels[1]) / (len(levels) - 1)
        AND ceiling - level <= {2 * REACH_AGAIN * POINTS} * (level - levels[1]) / (len(levels) - 1)
      ORDER BY number LIMIT {MAX_CANDIDATES}
    ), pair AS (
      SELECT early.place AS early, late.place AS late
      FROM range(1, {POINTS} + 1) AS early (place), range(1, {POINTS} + 1) AS late (place)
      WHERE late.place - early.place >= {MIN_GAP}
    ), slope AS (
      SELECT number, points, early, late, (levels[late] - levels[early]) / (late - early) AS growth
      FROM candidate JOIN pair ON late <= points
    ), fitted AS (
      SELECT number, quantile_cont(growth, [{SPREAD[0]}, 0.5, {SPREAD[1]}]) AS growths,
        avg((growth > 0)::INT) AS rising,
        median(growth) FILTER (late <= points // 2 + 2) AS growth_before,
        median(growth) FILTER (early > points // 2 - 2) AS growth_after
      FROM slope GROUP BY number
    ), judged AS (
      SELECT candidate.*, growths[1] AS slowest, growths[2] AS median, growths[3] AS fastest, rising,
        -- Where each half of the window grows less than the one before, the level stops at the sum of the series.
        CASE WHEN growth_after < growth_before THEN
          level + greatest(growth_after, 0) * points / 2 * growth_after / (growth_before - growth_after)
        END AS stops_at
      FROM fitted JOIN candidate USING (number)
    )
    SELECT entity_id, series, read_ns, made_ns, level, ceiling, first_evidence, evidence, slowest, median, fastest
    FROM judged
    WHERE rising >= {MIN_RISING} AND slowest > 0
      AND (ceiling - level) / median <= {REACH_AGAIN * POINTS}
      AND fastest / slowest <= {MAX_RATIO}
      AND (stops_at IS NULL OR stops_at >= ceiling)
    ORDER BY made_ns, entity_id, series
    """  # noqa: S608 - see analyzer.knowledge.compile
