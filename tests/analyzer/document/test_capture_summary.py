"""Promises of the document's summary of a capture: the cluster is named only by what was recorded of it."""

from __future__ import annotations

import pytest

from analyzer.analyze import analyze_capture
from analyzer.document.capture_summary import CLUSTER_LABELS
from formats.capture.reading import open_capture
from reports.markdown import render_markdown
from reports.page import render_page
from tests.analyzed import shipped_knowledge
from tests.analyzer.capture_builder import CaptureBuilder, uid_of


def cluster_of(builder):
    return analyze_capture(open_capture(builder.write()), shipped_knowledge()).capture.cluster


def with_system_namespace(directory):
    return CaptureBuilder(directory).kube_object("Namespace", "kube-system", {}, at=0)


@pytest.mark.parametrize("label", CLUSTER_LABELS)
def test_cluster_has_the_name_that_its_nodes_are_labelled_with(tmp_path, label):
    labels = {"metadata": {"labels": {label: "prod-1"}}}
    builder = with_system_namespace(tmp_path).kube_object("Node", "node-1", labels, at=0)
    document = analyze_capture(open_capture(builder.write()), shipped_knowledge())
    assert document.capture.cluster == "prod-1"
    assert '· cluster <span class="code">prod-1</span>' in render_page(document)
    assert "in cluster `prod-1`." in render_markdown(document)


def test_cluster_without_a_name_is_told_by_the_uid_of_its_system_namespace(tmp_path):
    builder = with_system_namespace(tmp_path).kube_object("Namespace", "shop", {}, at=0)
    assert cluster_of(builder) == uid_of("Namespace/None/kube-system")


def test_cluster_of_which_nothing_was_recorded_has_no_name(tmp_path):
    assert cluster_of(CaptureBuilder(tmp_path).pod("api-1", at=0)) is None
