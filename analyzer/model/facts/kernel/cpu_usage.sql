-- Readings of the CPU time and throttling of a cgroup, as rates since the previous reading.
--
-- kind: moment fact
-- about: Container, Pod or Node of the cgroup
-- reads: capture_window, cpu, path_owner
-- needs:
--   cpu: any
-- columns:
--   pod_id VARCHAR: The Pod; null outside of pods.
--   path VARCHAR: Path of the cgroup.
--   usage_millicores BIGINT: CPU time used, in thousandths of a CPU; null if it is not counted, or after a reboot.
--   usual_millicores BIGINT: The same over the two minutes before, without the last ten seconds; 0 for a cgroup that did not exist
--     then; null if nothing of that time was recorded.
--   limit_millicores BIGINT: CPU time that it may use; null without a limit.
--   periods BIGINT: Periods in which its tasks could run; null after a reboot.
--   throttled_permille BIGINT: Share of these periods in thousandths in which its limit was reached; null without such periods.
--   held_permille BIGINT: Share of the time in thousandths that passed in periods in which its limit was reached; null after a
--     reboot.
--   interval_ns BIGINT: Time since the previous reading, in ns.
--   known_ns BIGINT: Since when the recording tells whose cgroup it is; null if it never does.
WITH owned AS (
    SELECT cpu.*, owner.path_id, owner.entity_id, owner.pod_id, owner.known_ns
    FROM cpu
    LEFT JOIN path_owner AS owner ON owner.node = cpu."k8s.node.name" AND owner.path = cpu."cgroup.path"
), read AS (
    SELECT
        *,
        at_ns - lag(at_ns) OVER reading AS interval_ns,
        first_value(at_ns) OVER reading AS first_ns,
        lag("cpu.usage_ns") OVER reading AS usage_before_ns,
        lag("cpu.periods") OVER reading AS periods_before,
        lag("cpu.throttled_periods") OVER reading AS throttled_before,
        -- The oldest and the newest reading of the time that is compared with.
        first_value("cpu.usage_ns") OVER earlier AS earlier_from_ns,
        last_value("cpu.usage_ns") OVER earlier AS earlier_to_ns,
        last_value(at_ns) OVER earlier - first_value(at_ns) OVER earlier AS earlier_ns
    FROM owned
    WINDOW
        reading AS (PARTITION BY path_id ORDER BY at_ns, event_seq),
        earlier AS (
            PARTITION BY path_id ORDER BY at_ns RANGE BETWEEN 120000000000 PRECEDING AND 10000000000 PRECEDING
        )
), rated AS (
    SELECT
        *,
        -- A reboot, or a cgroup that was created again under the same path, counts from zero, so there is no difference.
        CASE WHEN "cpu.usage_ns" >= usage_before_ns THEN TRY("cpu.usage_ns" - usage_before_ns) END AS used_ns,
        CASE WHEN "cpu.periods" >= periods_before THEN TRY("cpu.periods" - periods_before) END AS periods,
        CASE WHEN "cpu.throttled_periods" >= throttled_before
            THEN TRY("cpu.throttled_periods" - throttled_before) END AS throttled
    FROM read
)
SELECT
    rated.at_ns,
    coalesce(rated.entity_id, 'Node/' || rated."k8s.node.name") AS entity_id,
    rated."k8s.node.name" AS node, rated.event_seq AS seq, rated.evidence,
    rated.pod_id, rated."cgroup.path" AS path,
    TRY(rated.used_ns * 1000 // rated.interval_ns) AS usage_millicores,
    CASE
        WHEN rated.earlier_to_ns >= rated.earlier_from_ns AND rated.earlier_ns > 0
            THEN TRY((rated.earlier_to_ns - rated.earlier_from_ns) * 1000 // rated.earlier_ns)
        -- Every cgroup is read when the recording begins and then every few seconds.
        WHEN rated.first_ns > capture_window.from_ns + 15000000000 THEN 0
    END AS usual_millicores,
    TRY(rated."cpu.quota_ns" * 1000 // nullif(rated."cpu.period_ns", 0)) AS limit_millicores,
    rated.periods,
    TRY(rated.throttled * 1000 // nullif(rated.periods, 0)) AS throttled_permille,
    -- least() would ignore a null.
    CASE WHEN rated.throttled IS NOT NULL
        THEN TRY(least(rated.throttled * rated."cpu.period_ns" * 1000 // rated.interval_ns, 1000)) END AS held_permille,
    rated.interval_ns, rated.known_ns
FROM rated CROSS JOIN capture_window
WHERE rated.interval_ns > 0
