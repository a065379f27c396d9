-- A signal that ends, stops or continues a process, or a core dump.
--
-- kind: moment fact
-- about: Container of the receiver, else Pod, else Node
-- reads: cgroup, signal
-- needs:
--   signal: any
-- columns:
--   pod_id VARCHAR: The Pod; null outside of pods.
--   event VARCHAR: `sent`, or `core_dump`.
--   pid BIGINT: The process that received it.
--   command VARCHAR: Its name (`comm`).
--   signal VARCHAR: Name of the signal, for example `SIGKILL`.
--   is_handled BOOLEAN: Whether the process has a handler for it.
--   is_fatal BOOLEAN: Whether it ends the process: no handler, and neither `SIGSTOP` nor `SIGCONT`.
--   is_fault BOOLEAN: Whether it reports a fault of the process: `SIGSEGV`, `SIGABRT`, `SIGBUS`, `SIGFPE`, `SIGILL`, `SIGSYS`.
--   is_foreign BOOLEAN: Whether another process sent it, not the kernel and not the process itself.
--   sender_pid BIGINT: Process that sent it; null if the kernel did.
--   sender VARCHAR: Name and pid of that process; `the kernel` if the kernel sent it.
--   sender_id VARCHAR: Container, else Pod, else Node of the sender; null if the kernel sent it.
SELECT
    sent.at_ns,
    coalesce(receiver.entity_id, 'Node/' || sent."k8s.node.name") AS entity_id,
    sent."k8s.node.name" AS node, sent.event_seq AS seq, sent.evidence,
    receiver.pod_id,
    split_part(sent.event_name, '.', 2) AS event,
    sent."process.pid"::BIGINT AS pid, sent."process.command" AS command, sent."signal.name" AS signal,
    sent."signal.disposition" = 'handler' AS is_handled,
    sent."signal.disposition" = 'default' AND sent."signal.number" NOT IN (18, 19) AS is_fatal,
    sent."signal.number" IN (4, 6, 7, 8, 11, 31) AS is_fault,
    coalesce(sent."signal.sender.pid" <> sent."process.pid", false) AS is_foreign,
    sent."signal.sender.pid"::BIGINT AS sender_pid,
    coalesce(sent."signal.sender.command" || ' (' || sent."signal.sender.pid" || ')', 'the kernel') AS sender,
    CASE WHEN sent."signal.sender.pid" IS NOT NULL
        THEN coalesce(sender.entity_id, 'Node/' || sent."k8s.node.name") END AS sender_id
FROM signal AS sent
LEFT JOIN cgroup AS receiver
    ON receiver.node = sent."k8s.node.name" AND receiver.cgroup_id = sent.cgroup_id
    AND sent.at_ns >= receiver.from_ns AND sent.at_ns < receiver.to_ns
LEFT JOIN cgroup AS sender
    ON sender.node = sent."k8s.node.name" AND sender.cgroup_id = sent."signal.sender.cgroup_id"
    AND sent.at_ns >= sender.from_ns AND sent.at_ns < sender.to_ns
