"""Which tests one worker runs, because they share what is costly to make.

By file, not by the mark `xdist_group`: pytest-xdist 3.8 passes the mark on in the node id, which pytest 9.2 no longer lets it
change (pytest-xdist issue 1386); the mark is ignored without a word.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

TOGETHER = {
    # Every recording in `fixtures`, analyzed once.
    "tests/golden/test_anonymized_diagnosis.py": "documents",
    "tests/golden/test_incidents.py": "documents",
    "tests/golden/test_k8s_recordings.py": "documents",
    "tests/laws/test_chain_laws.py": "documents",
    "tests/laws/test_pattern_laws.py": "documents",
    # One Neo4j: it takes a gigabyte and, beside a second one, minutes to start.
    "tests/reports/test_neo4j_graph.py": "neo4j",
    # One Chromium, which a test waits for while other workers compute.
    "tests/browser/test_report_hostile_texts_in_chromium.py": "browser",
    "tests/browser/test_report_page_in_chromium.py": "browser",
    # Fixtures of the module that take a second or more.
    "tests/analyzer/cutting/test_cut.py": "cutting",
    "tests/analyzer/knowledge/test_pattern_tests.py": "pattern tests",
    "tests/analyzer/model/test_facts_contract.py": "facts contract",
    "tests/docs/test_names_in_docs.py": "names in docs",
    "tests/docs/test_schemas.py": "schemas",
    "tests/laws/test_engine_table_laws.py": "engine tables",
}
"""Group by test file. Tests of other files go to whichever worker is free."""


def scope_of(node_id: str) -> str:
    """What a test is scheduled with: its group, or itself alone; tests of the kernel with their file's loaded programs."""
    file = node_id.split("::", maxsplit=1)[0]
    return file if file.startswith("tests/kernel/") else TOGETHER.get(file, node_id)


class TogetherScheduling(LoadScopeScheduling):
    """Gives all tests of a scope to one worker."""

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)
