"""Which Services had ready endpoints: without any, nobody is served; with some, old pods may still serve all users."""

from __future__ import annotations

from dataclasses import replace

from analyzer.model.engine import Engine
from formats.postmortem.findings import Finding
from formats.times import parse_time


def tell_endpoints(engine: Engine, finding: Finding) -> Finding:
    """The finding with the Services that had no ready endpoints, or with those that served all the time.

    Args:
        engine: of the model. Asked only if the finding hit a Service, or workloads and nobody outside.
        finding: any.
    """
    impact = finding.impact
    begin_ns = min((parse_time(step.time) for step in finding.chain), default=parse_time(finding.root_cause.time))
    if impact.services:
        rows = engine.rows(
            """
            SELECT DISTINCT entity_id FROM service_endpoints
            WHERE entity_id IN (SELECT unnest(?::VARCHAR[])) AND ready = 0 AND to_ns >= ?
            ORDER BY entity_id
            """,
            [list(impact.services), begin_ns],
        )
        return replace(finding, impact=replace(impact, empty=tuple(service for (service,) in rows)))
    if impact.failed_requests or not impact.workloads:
        return finding
    rows = engine.rows(
        """
        WITH service AS (
            SELECT DISTINCT selects.source_id AS entity_id
            FROM relation AS selects
            JOIN relation AS of ON of.relation = 'WORKLOAD_OF' AND of.source_id = selects.target_id
            WHERE selects.relation = 'SELECTS' AND of.target_id IN (SELECT unnest(?::VARCHAR[]))
        )
        SELECT entity_id, min(coalesce(endpoints.ready, 0)) > 0
        FROM service
        LEFT JOIN (SELECT entity_id, ready FROM service_endpoints WHERE to_ns >= ?) AS endpoints USING (entity_id)
        GROUP BY entity_id ORDER BY entity_id
        """,
        [list(impact.workloads), begin_ns],
    )
    if not rows or not all(is_served for _service, is_served in rows):
        return finding
    return replace(finding, impact=replace(impact, serving=tuple(service for service, _is_served in rows)))
