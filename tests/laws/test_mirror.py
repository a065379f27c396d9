"""Tests mirror the code: `formats/rows/psi.py` is tested by `tests/formats/rows/test_psi.py`.

Where it is otherwise, a line in `ELSEWHERE` says where the test is and why; a test file in a mirrored folder that belongs
to no single module is in `WITHOUT_MODULE`. Both tables are held to what is there: no line for what has gone or is mirrored.
"""

from __future__ import annotations

import ast
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
ROOMS = ("formats", "recorder", "analyzer", "reports")

ELSEWHERE: dict[str, tuple[str, str]] = {
    # Declarations: the laws go over all of them.
    "formats/tables/*.py": ("laws/test_table_laws.py", "a table is a declaration; the laws hold for every one"),
    "formats/catalog.py": ("laws/test_table_laws.py", "the list of the tables"),
    "formats/columns.py": ("laws/test_table_laws.py", "what the tables declare"),
    "formats/severity.py": ("laws/test_table_laws.py", "numbers of OpenTelemetry"),
    "formats/loss.py": ("laws/test_source_laws.py", "reasons, each with its advice"),
    "formats/limits.py": ("hostile/test_formats_bombs.py", "numbers; each is tested where it stops a file"),
    "formats/errors.py": ("hostile/test_formats_bombs.py", "data; the texts are tested where they are raised"),
    "recorder/registry.py": ("laws/test_source_laws.py", "the list of the sources"),
    "recorder/source.py": ("laws/test_source_laws.py", "an interface: the laws hold for every source"),
    "recorder/status.py": ("recorder/test_control.py", "data, shown by the command `status`"),
    "recorder/store/store_status.py": ("recorder/test_daemon.py", "data, told by the store"),
    "formats/postmortem/*.py": ("formats/postmortem/test_reader.py", "data; the reader reads every field"),
    "analyzer/capture_places.py": (
        "analyzer/commands/test_capture_path.py",
        "paths that the argument of commands makes",
    ),
    "analyzer/remote/protocol.py": ("analyzer/remote/test_reading_child.py", "data, spoken by both sides"),
    "analyzer/remote/reader.py": ("analyzer/remote/test_reading_child.py", "the other side of one conversation"),
    "analyzer/comparing/*.py": (
        "analyzer/commands/test_diff.py",
        "what is counted and compared is shown by the command",
    ),
    "analyzer/cutting/*.py": ("analyzer/cutting/test_cut.py", "parts of one search: a capture is cut"),
    "analyzer/cutting/damage_rows.py": ("analyzer/cutting/test_rows.py", "made while rows are read"),
    "analyzer/knowledge/rules.py": ("analyzer/knowledge/test_load.py", "data that `load` makes"),
    "analyzer/model/engine_tables.py": ("laws/test_engine_table_laws.py", "the list of the engine's tables"),
    # Parts of one format: what a file is read by is tested by reading files.
    "formats/arrow/*.py": ("formats/segment/test_reading.py", "an Arrow file is only read as a part of a segment"),
    "formats/capture/info.py": ("formats/capture/test_reading.py", "read and written with a capture"),
    "formats/capture/writing.py": ("formats/capture/test_reading.py", "what is written is read back"),
    "formats/journal/layout.py": ("formats/journal/test_reading.py", "offsets that reader and writer share"),
    "formats/journal/writing.py": ("formats/journal/test_reading.py", "what is written is read back"),
    "formats/segment/manifest.py": ("formats/segment/test_reading.py", "read and written with a segment"),
    "formats/segment/merging.py": ("formats/segment/test_reading.py", "seen in the order of a segment's rows"),
    "formats/segment/sealed_json.py": ("hostile/test_formats_bombs.py", "what it refuses is what matters of it"),
    "formats/segment/sealing.py": ("formats/segment/test_reading.py", "what is sealed is read back"),
    "formats/segment/stored_files.py": ("formats/segment/test_reading.py", "folder, capture or memory: read alike"),
    "formats/rows/log_classes.py": ("formats/rows/test_log_errors.py", "data; each class is found in a line there"),
    "formats/rows/kubelet_metrics.py": ("formats/rows/test_probe.py", "how counters are read and compared"),
    "recorder/conversation_source.py": ("recorder/sources/test_container.py", "how a source follows its peer"),
    "recorder/sources/kubelet.py": ("recorder/kubelet/test_kubelet_source.py", "three sources that differ in a path"),
    "recorder/sources/probe.py": ("recorder/kubelet/test_kubelet_source.py", "as the source `kubelet`"),
    "recorder/sources/storage_usage.py": ("recorder/kubelet/test_kubelet_source.py", "as the source `kubelet`"),
    "recorder/journal_tally.py": ("recorder/sources/test_journal.py", "what the source counts"),
    "recorder/positions.py": ("recorder/sources/test_journal.py", "data; a whole recorder is killed and goes on there"),
    "recorder/store/resumption.py": ("recorder/sources/test_journal.py", "a whole recorder is killed and goes on"),
    "recorder/dbus/*.py": ("recorder/sources/test_systemd.py", "a real bus is spoken to, as by the source"),
    "recorder/netlink/route_socket.py": ("recorder/netlink/test_watch.py", "real networks are heard"),
    "recorder/netlink/conversation.py": ("recorder/sources/test_link.py", "what the source leaves to its thread"),
    "formats/rows/node_services.py": ("formats/rows/test_unit_state.py", "the role is a column of a unit's row"),
    "recorder/bounded_server.py": ("recorder/test_metrics_server.py", "what clients that stay silent meet"),
    "recorder/otlp/timed_reader.py": ("recorder/otlp/test_http_handler.py", "what senders that dribble meet"),
    "recorder/otlp/protocols.py": ("recorder/otlp/test_grpc_handler.py", "which protocol a connection speaks"),
    "recorder/otlp/conversation.py": ("recorder/sources/test_otlp.py", "what the source leaves to its thread"),
    "formats/rows/otlp_messages.py": ("formats/rows/test_otlp_spans.py", "data; official messages are read with them"),
    "formats/rows/otlp_request.py": ("formats/rows/test_otlp_spans.py", "the head of what is read there"),
    "recorder/cri/messages.py": ("recorder/cri/test_runtime.py", "data; a runtime is asked with them"),
    "recorder/cri/conversation.py": ("recorder/sources/test_container.py", "what the source leaves to its thread"),
    "formats/rows/clock_row.py": ("recorder/sources/test_clock.py", "the row of the source `clock`"),
    "formats/rows/loss_row.py": ("recorder/test_ledger.py", "the rows of the ledger"),
    "formats/rows/kube_*.py": ("formats/rows/test_kube_rows.py", "one row goes through all of them"),
    "formats/clock.py": ("analyzer/model/test_clock_alignment.py", "snapshots are for aligning"),
    "formats/suggestion.py": ("recorder/test_config.py", "`did you mean` of a misspelt key"),
    # Commands are thin: each is run where the thing that it shows is tested.
    "analyzer/cli.py": ("docs/test_docs.py", "the list of the commands; the reference is written from it"),
    "analyzer/commands/sql_output.py": ("analyzer/commands/test_sql.py", "how the rows of its command are printed"),
    "analyzer/document/document_tables.py": ("analyzer/commands/test_sql.py", "tables for its command"),
    "analyzer/commands/anonymize.py": ("analyzer/sharing/test_sharing.py", "writes what `anonymize_capture` gives"),
    "analyzer/commands/document_input.py": ("analyzer/commands/test_report.py", "a capture or a document"),
    "analyzer/commands/graph.py": ("analyzer/commands/test_report.py", "a capture or a document, like `report`"),
    "analyzer/commands/import_capture.py": ("analyzer/importers/test_k8s_watch.py", "writes the import"),
    "analyzer/commands/test.py": ("analyzer/knowledge/test_pattern_tests.py", "prints their results"),
    "analyzer/commands/timeline.py": ("docs/test_docs.py", "run as the README does"),
    # Stations of the analysis whose result is the document.
    "analyzer/analyze.py": ("golden/test_incidents.py", "all stations in a row"),
    "analyzer/document/*.py": ("analyzer/document/test_assemble.py", "sections of the one document"),
    "analyzer/commands/fleet_cluster.py": (
        "analyzer/commands/test_fleet.py",
        "options and recorders, for the commands of its group",
    ),
    "analyzer/fleet/cluster_objects.py": ("analyzer/fleet/test_installing.py", "what installing writes and reads"),
    "analyzer/fleet/freezing.py": ("analyzer/commands/test_fleet.py", "what the command `fleet freeze` does"),
    "analyzer/fleet/nodes_table.py": ("analyzer/commands/test_fleet.py", "what the command `fleet status` prints"),
    "analyzer/fleet/recorders.py": (
        "analyzer/fleet/test_kubernetes_cluster.py",
        "an interface, and data that it gives",
    ),
    "analyzer/corpus/one_capture.py": ("analyzer/corpus/test_asking.py", "the program that is started there"),
    "analyzer/kubectl_plugin.py": ("analyzer/commands/test_fleet.py", "another name of its command"),
    "analyzer/importers/*.py": ("analyzer/importers/test_k8s_watch.py", "stations of one import"),
    "analyzer/knowledge/descriptions.py": ("analyzer/commands/test_pattern.py", "printed by `tapio pattern show`"),
    "analyzer/knowledge/lint.py": ("analyzer/commands/test_pattern.py", "printed by `tapio pattern lint`"),
    "analyzer/knowledge/mistakes.py": ("analyzer/commands/test_pattern.py", "seen in what `lint` reports"),
    "analyzer/knowledge/*.py": ("analyzer/knowledge/test_load.py", "stations of loading, tested by what they refuse"),
    "analyzer/knowledge/skeleton.py": ("analyzer/commands/test_pattern.py", "written by `tapio pattern new`"),
    "analyzer/knowledge/shipped.py": ("laws/test_pattern_laws.py", "the shipped knowledge keeps the laws"),
    "analyzer/knowledge/compile.py": ("analyzer/reasoning/test_causality.py", "queries, tested by what they find"),
    "analyzer/knowledge/expression_check.py": (
        "hostile/test_knowledge_hostile.py",
        "what it refuses is what matters of it",
    ),
    "analyzer/model/cgroup_paths.py": ("analyzer/model/test_entities.py", "which cgroup is whose"),
    "analyzer/model/segment_reading.py": ("analyzer/model/test_recorded_tables.py", "reads what the tables show"),
    "analyzer/prediction/alarm.py": ("analyzer/prediction/test_trends.py", "data that trends and signs give"),
    "analyzer/prediction/live_ring.py": ("analyzer/prediction/test_watching.py", "the ring that is watched"),
    "analyzer/prediction/predict.py": ("analyzer/commands/test_predict.py", "all stations in a row"),
    "analyzer/reasoning/chains.py": ("analyzer/reasoning/test_root_cause.py", "the chain of a root cause"),
    "analyzer/reasoning/confidence.py": (
        "analyzer/reasoning/test_findings.py",
        "each factor of a finding's confidence",
    ),
    "analyzer/reasoning/pattern_explanation.py": (
        "analyzer/commands/test_pattern.py",
        "printed by `tapio pattern explain`",
    ),
    "analyzer/reasoning/patterns.py": ("analyzer/reasoning/test_root_cause.py", "the pattern of a root cause"),
    "analyzer/reasoning/unexplained.py": (
        "analyzer/reasoning/test_findings.py",
        "the finding of an effect whose cause was not recorded",
    ),
    "analyzer/sharing/batches.py": ("analyzer/sharing/test_sharing.py", "rows on their way to the copy"),
    "analyzer/sharing/scan/pieces.py": ("analyzer/sharing/scan/test_search.py", "the forms in which values are found"),
    "analyzer/sharing/scan/texts.py": ("analyzer/sharing/scan/test_search.py", "where values are found"),
    "analyzer/sharing/addresses.py": ("analyzer/sharing/test_pseudonyms.py", "addresses are pseudonyms too"),
    "analyzer/sharing/collecting.py": ("analyzer/sharing/test_pseudonyms.py", "what pseudonyms are made from"),
    "analyzer/sharing/leaves.py": ("analyzer/sharing/test_kubernetes_json.py", "values of objects"),
    "analyzer/sharing/likeness.py": ("analyzer/sharing/test_pseudonyms.py", "pseudonyms of misspelt names"),
    "analyzer/sharing/names.py": ("analyzer/sharing/test_pseudonyms.py", "which pieces get a pseudonym"),
    "analyzer/sharing/ports.py": ("analyzer/sharing/test_sharing.py", "ports of a whole capture"),
    "reports/backtest.py": ("analyzer/commands/test_predict.py", "printed by `tapio predict --backtest`"),
    "reports/causality_picture.py": ("reports/test_page.py", "a part of the page"),
    # What needs a kernel, a cluster or a process of its own.
    "recorder/ebpf/kernel_source.py": ("kernel/test_probe_lifetime.py", "needs a kernel"),
    "recorder/ebpf/packet_hooks.py": ("kernel/test_request_source.py", "needs a kernel"),
    "recorder/ebpf/pending_queries.py": ("kernel/test_dns_source.py", "needs a kernel"),
    "recorder/ebpf/program.py": ("kernel/test_probe_lifetime.py", "needs a kernel"),
    "recorder/ebpf/rate_limit.py": ("kernel/test_dns_source.py", "needs a kernel"),
    "recorder/ebpf/socket_owners.py": ("kernel/test_request_source.py", "needs a kernel"),
    "recorder/ebpf/tally.py": ("kernel/test_counting_sources.py", "needs a kernel"),
    "recorder/ebpf/tally_source.py": ("kernel/test_counting_sources.py", "needs a kernel"),
    "recorder/ebpf/turns.py": ("kernel/test_counting_sources.py", "needs a kernel"),
    "recorder/linux/*.py": ("laws/test_source_laws.py", "calls of the C library, used by the sources and the daemon"),
    "recorder/kube/api_client.py": ("recorder/kube/test_watch.py", "against the test API server"),
    "recorder/kube/conversation_set.py": ("recorder/kube/test_watch.py", "against the test API server"),
    "recorder/kube/digest_key.py": ("recorder/kube/test_cluster_access.py", "the key beside the credentials"),
    "recorder/kube/kube_source.py": ("recorder/sources/test_kube_object.py", "what both Kubernetes sources share"),
    "recorder/child.py": ("robustness/test_recorder_kills.py", "children of a real recorder"),
    "recorder/config_file.py": ("recorder/test_config.py", "the configuration is tested by reading it"),
    "recorder/doctor.py": ("recorder/test_cli.py", "the command"),
    "recorder/plan.py": ("recorder/test_cli.py", "the command"),
    "recorder/start.py": ("recorder/test_daemon.py", "starts the daemon"),
    "recorder/wakeup.py": ("recorder/test_daemon.py", "what the daemon waits for"),
    "recorder/wall_clock.py": ("recorder/test_source_opening.py", "set there by hand"),
    "recorder/store/captures.py": ("recorder/store/test_freezer.py", "names and room of what is frozen"),
    "recorder/store/freeze.py": ("recorder/store/test_freezer.py", "data: what is asked and what comes of it"),
    "recorder/store/freezing_child.py": ("recorder/store/test_freezer.py", "writes what is frozen"),
    "recorder/store/node.py": ("recorder/store/test_journaling.py", "data of every journal"),
    "recorder/store/open_journal.py": ("recorder/store/test_journaling.py", "the journal that is written"),
    "recorder/store/segment_ring.py": ("recorder/test_daemon.py", "the ring of a whole recorder"),
    "recorder/store/upload_orders.py": ("recorder/store/test_uploading_child.py", "data; the child does what it says"),
    "recorder/store/sequences.py": ("recorder/store/test_journaling.py", "numbers of the rows in a journal"),
}
"""Module, or pattern of modules → its test below tests/, and why it is there."""

WITHOUT_MODULE = {
    "recorder/test_slow_sources.py": "sources that open in the background: source_opening, supervision and the loop together",
    "analyzer/model/test_entities.py": "SQL: entities/*.sql",
    "analyzer/model/test_needs.py": "SQL: the `needs` of every declared table",
    "analyzer/model/test_relations.py": "SQL: relations/*.sql",
    "analyzer/model/test_facts_contract.py": "SQL: what holds for every fact",
    "analyzer/model/test_service_state.py": "SQL: facts/kubernetes/service_state.sql",
    "analyzer/model/test_workload_states.py": "SQL: facts/kubernetes/*_state.sql about pod templates",
    "analyzer/model/test_facts_kernel.py": "SQL: facts/*.sql about the kernel's tables",
    "analyzer/model/test_facts_node.py": "SQL: facts/node/*.sql",
    "analyzer/model/test_facts_link.py": "SQL: facts/node/*.sql about interfaces and routes",
    "analyzer/model/test_facts_programs.py": "SQL: facts/programs/*.sql, and the spans that they read",
    "analyzer/model/test_facts_kubelet.py": "SQL: facts/*.sql about what the kubelet tells",
    "analyzer/model/test_pod_removal.py": "SQL: facts/kubernetes/pod_removal.sql, relations/may_delete.sql",
    "analyzer/model/test_facts_kubernetes.py": "SQL: facts/*.sql about Kubernetes objects",
    "analyzer/reasoning/test_shipped_symptoms.py": "YAML: symptoms of patterns/",
    "analyzer/sharing/test_canaries.py": "a measurement of the whole",
    "analyzer/sharing/test_vocabulary.py": "lists of words",
    "analyzer/test_start_up.py": "what commands import",
    "formats/rows/test_kube_rows.py": "a row on its way through kube_object, kube_event, kube_json and kube_time",
    "formats/test_standard_tools.py": "other Arrow readers open our segments",
    "reports/test_page_colors.py": "the colours of the page's style sheet",
    "reports/test_vendor.py": "the vendored script",
}


def list_modules() -> list[str]:
    return sorted(
        str(path.relative_to(REPOSITORY))
        for room in ROOMS
        for path in (REPOSITORY / room).rglob("*.py")
        if path.name not in {"__init__.py", "__main__.py"}
    )


MODULES = list_modules()


def mirror_of(module: str) -> str:
    """Where the test of a module stands, below tests/."""
    path = Path(module)
    return str(path.with_name(f"test_{path.name}"))


def is_test_there(name: str) -> bool:
    return (REPOSITORY / "tests" / name).is_file()


def find_line(module: str) -> str | None:
    """The line of the table for a module; the longest, if several patterns fit."""
    return max((line for line in ELSEWHERE if fnmatchcase(module, line)), key=len, default=None)


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_its_test_beside_it_or_says_where_it_is(module: str) -> None:
    line = find_line(module)
    assert is_test_there(mirror_of(module)) or line is not None, (
        f"write tests/{mirror_of(module)}, or say in ELSEWHERE where {module} is tested and why"
    )


@pytest.mark.parametrize("line", ELSEWHERE)
def test_every_line_of_the_table_is_needed_and_true(line: str) -> None:
    test, why = ELSEWHERE[line]
    assert is_test_there(test), f"tests/{test} does not exist"
    assert why
    served = [module for module in MODULES if find_line(module) == line and not is_test_there(mirror_of(module))]
    assert served, f"remove the line {line}: nothing needs it"


def test_every_test_in_a_mirrored_folder_belongs_to_a_module_or_says_to_what() -> None:
    mirrored = {mirror_of(module) for module in MODULES}
    there = {
        str(path.relative_to(REPOSITORY / "tests"))
        for room in ROOMS
        for path in (REPOSITORY / "tests" / room).rglob("test_*.py")
    }
    assert there - mirrored == set(WITHOUT_MODULE)


@pytest.mark.parametrize("module", [module for module in MODULES if is_test_there(mirror_of(module))])
def test_mirrored_test_imports_from_the_room_of_its_module(module: str) -> None:
    # GIVEN what a test imports
    source = (REPOSITORY / "tests" / mirror_of(module)).read_text(encoding="utf-8")
    imported = {
        name
        for node in ast.walk(ast.parse(source))
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else []
        )
    }
    # THEN something of it is the product's, and stands where the module stands or drives it
    assert any(name.split(".")[0] == module.split("/", maxsplit=1)[0] for name in imported)
