"""`tapio import` of lists and watch events: a recorded conversation becomes a capture; what cannot be read is told, never raised."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import zstandard
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.cli import cli
from analyzer.importers.capturing import import_kubernetes
from analyzer.importers.kubernetes import read_kubernetes
from formats.capture.reading import open_capture
from formats.errors import FormatError, MissingInputError, OutputError

RECORDING = Path(__file__).parents[3] / "fixtures/kube/configmap-oom-crashloop.api.jsonl.zst"
GOLDEN = Path(__file__).parent / "configmap-oom-crashloop.golden.txt"
TRUTH_CONFIGMAP = "01a80662-5692-496f-8ae0-093a493ad67a"


@pytest.fixture
def lines():
    """The lines of the recording."""
    raw = zstandard.ZstdDecompressor().decompressobj().decompress(RECORDING.read_bytes())
    return raw.decode().splitlines()


def rows_of(capture, table):
    opened = open_capture(capture)
    return [row for batch in opened.batches(table) for row in batch.to_pylist()]


def imported(path, tmp_path, **options):
    output = tmp_path / "out.tapio"
    import_kubernetes([path], output, node_name="kube-api", **options)
    return output


def write_lines(path, lines):
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def describe(row):
    """One line of the golden file."""
    changes = json.loads(row["k8s.object.changes"] or "[]")
    paths = " ".join(change["path"].replace(" ", "_") for change in changes)
    return (
        f"{row['boot_time_ns']} {row['event_name']} {row['k8s.object.kind']}/{row['k8s.object.name']} {paths}".rstrip()
    )


def test_the_recording_of_a_real_incident_gives_the_golden_rows(tmp_path):
    # WHEN
    capture = imported(RECORDING, tmp_path)

    # THEN
    objects = [describe(row) for row in rows_of(capture, "kube_object")]
    events = [
        f"{row['boot_time_ns']} {row['event_name']} {row['k8s.event.reason']} {row['k8s.object.kind']}/{row['k8s.object.name']} "
        f"{row['k8s.event.count']} +{row['k8s.event.count_delta']}"
        for row in rows_of(capture, "kube_event")
    ]
    assert "\n".join([*objects, *events, ""]) == GOLDEN.read_text()


def test_the_capture_is_whole_and_says_when_and_where(tmp_path):
    # WHEN
    capture = imported(RECORDING, tmp_path)

    # THEN
    opened = open_capture(capture)
    assert list(opened.verify()) == []
    assert opened.nodes == ("kube-api",)
    assert opened.begin_unix_nano // 10**9 == 1795198364
    [clock] = rows_of(capture, "clock")
    assert clock["time_unix_nano"] - clock["boot_time_ns"] == pytest.approx(1795193745284834320, abs=1_000_000)
    assert rows_of(capture, "loss") == []


def test_the_change_that_caused_it_is_there_with_its_path(tmp_path):
    # WHEN
    capture = imported(RECORDING, tmp_path, configmap_values=True)

    # THEN
    [change] = [
        row
        for row in rows_of(capture, "kube_object")
        if row["k8s.object.uid"] == TRUTH_CONFIGMAP and row["event_name"] == "k8s.object.modified"
    ]
    assert json.loads(change["k8s.object.changes"]) == [{"path": "data.CACHE_MB", "old": "16", "new": "200"}]


def test_the_same_file_gives_the_same_bytes_however_it_is_compressed_apart_from_its_name(tmp_path):
    # WHEN
    first, second = tmp_path / "a.tapio", tmp_path / "b.tapio"
    for output in (first, second):
        import_kubernetes([RECORDING], output, node_name="n")

    # THEN
    assert first.read_bytes() == second.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tapio", "b.tapio"]


@pytest.mark.parametrize(
    "pack", [lambda raw: raw, gzip.compress, lambda raw: raw[:0] + _two_frames(raw)], ids=["plain", "gzip", "frames"]
)
def test_plain_gzip_and_several_zstd_frames_read_the_same(tmp_path, lines, pack):
    # GIVEN
    raw = "".join(f"{line}\n" for line in lines).encode()
    path = tmp_path / "api.jsonl"
    path.write_bytes(pack(raw))

    # THEN
    assert [describe(row) for row in rows_of(imported(path, tmp_path), "kube_object")] == [
        describe(row) for row in rows_of(imported(RECORDING, tmp_path), "kube_object")
    ]


def _two_frames(raw):
    middle = len(raw) // 2
    return zstandard.compress(raw[:middle]) + zstandard.compress(raw[middle:])


def test_events_are_not_counted_twice_and_either_api_will_do(tmp_path, lines):
    # GIVEN the recording with both Event APIs, and without core/v1
    without_core = [line for line in lines if json.loads(line)["resource"] != "events"]
    path = write_lines(tmp_path / "new.jsonl", without_core)

    # WHEN
    both = rows_of(imported(RECORDING, tmp_path), "kube_event")
    new = rows_of(imported(path, tmp_path), "kube_event")

    # THEN
    assert len({(row["k8s.event.uid"], row["k8s.event.count"]) for row in both}) == len(both)
    assert sorted((row["k8s.event.uid"], row["k8s.event.count"]) for row in new) == sorted(
        (row["k8s.event.uid"], row["k8s.event.count"]) for row in both
    )


def test_secrets_stay_behind(tmp_path, lines):
    # GIVEN a Secret that the recording has under the name of its resource only
    secret = {"metadata": {"name": "s", "uid": "s"}, "data": {"a": "aHVudGVyMg=="}}
    line = json.dumps({"t": 1, "boot_ns": 1, "resource": "secrets", "type": "ADDED", "object": secret})
    path = write_lines(tmp_path / "x", [line])

    # WHEN
    capture = imported(path, tmp_path, configmap_values=True)

    # THEN
    assert "aHVudGVyMg" not in str(rows_of(capture, "kube_object"))


def test_a_second_list_is_a_gap_and_its_differences_are_inferred(tmp_path, lines):
    # GIVEN a list of the same resource at the end, as after 410, without one of the pods
    first = next(json.loads(line) for line in lines if json.loads(line)["resource"] == "configmaps")
    again = {**first, "t": first["t"] + 10**12, "boot_ns": first["boot_ns"] + 10**12}
    again["object"] = {**first["object"], "items": first["object"]["items"][1:]}
    error = {**again, "type": "ERROR", "object": {"kind": "Status", "code": 410}}
    path = write_lines(tmp_path / "x", [json.dumps(first), json.dumps(error), json.dumps(again)])

    # WHEN
    capture = imported(path, tmp_path)

    # THEN
    [loss] = rows_of(capture, "loss")
    assert (loss["loss.reason"], loss["loss.count"], loss["loss.detail"]) == ("watch_gap", None, "configmaps")
    assert (loss["loss.from_boot_ns"], loss["loss.to_boot_ns"]) == (first["boot_ns"], again["boot_ns"])
    inferred = [row["event_name"] for row in rows_of(capture, "kube_object") if row["inferred"]]
    assert inferred == ["k8s.object.deleted"]


def test_lines_that_are_no_messages_are_counted_and_the_others_read(tmp_path, lines):
    # GIVEN
    broken = [*lines[:3], "{", "nonsense", '{"resource": "pods", "type": "EATEN"}', "[1]", "", *lines[3:]]
    path = write_lines(tmp_path / "x", broken)

    # WHEN
    capture = imported(path, tmp_path)

    # THEN
    [loss] = rows_of(capture, "loss")
    assert (loss["loss.reason"], loss["loss.count"]) == ("damaged", 4)
    assert "line 4" in loss["loss.detail"]
    assert len(rows_of(capture, "kube_object")) == len(rows_of(imported(RECORDING, tmp_path), "kube_object"))


@pytest.mark.parametrize("cut", [50, 2_000, 9_000])
def test_a_recording_that_was_cut_off_or_flipped_gives_what_is_before_and_says_so(tmp_path, lines, cut):
    # GIVEN several frames, as a recorder that flushes writes them
    frames = [zstandard.compress(f"{line}\n".encode()) for line in lines]
    raw = b"".join(frames)
    cut = max(cut, len(frames[0]) + len(frames[1]) + 10)
    for number, damaged in enumerate((raw[:cut], raw[:cut] + bytes([raw[cut] ^ 0xFF]) + raw[cut + 1 :])):
        path = tmp_path / f"x{number}"
        path.write_bytes(damaged)

        # WHEN
        capture = imported(path, tmp_path)

        # THEN
        assert rows_of(capture, "kube_object")
        assert "damaged" in {row["loss.reason"] for row in rows_of(capture, "loss")} or number == 1


def test_what_kubectl_prints_is_state_at_one_instant(tmp_path, lines):
    # GIVEN `kubectl get pods,configmaps -o json` and `kubectl get events -o json`, one after the other, indented
    by_resource = {json.loads(line)["resource"]: json.loads(line)["object"] for line in lines if '"LIST"' in line}
    mixed = [
        {"apiVersion": "v1", "kind": kind, **item}
        for resource, kind in (("pods", "Pod"), ("configmaps", "ConfigMap"))
        for item in by_resource[resource]["items"]
    ]
    documents = [
        {"kind": "List", "apiVersion": "v1", "items": mixed},
        by_resource["events"],
        by_resource["deployments"],
    ]
    path = tmp_path / "kubectl.json"
    path.write_text("\n".join(json.dumps(document, indent=4) for document in documents))

    # WHEN
    capture = imported(path, tmp_path)

    # THEN
    objects, events = rows_of(capture, "kube_object"), rows_of(capture, "kube_event")
    assert {row["event_name"] for row in (*objects, *events)} == {"k8s.object.state", "k8s.event.state"}
    assert len({row["time_unix_nano"] for row in (*objects, *events)}) == 1
    assert {row["k8s.object.kind"] for row in objects} == {"Pod", "ConfigMap", "Deployment"}
    assert len(objects) == len(mixed) + len(by_resource["deployments"]["items"])


def test_a_single_object_and_a_torn_second_one(tmp_path):
    # GIVEN
    path = tmp_path / "x"
    path.write_text('{"kind": "Node", "apiVersion": "v1", "metadata": {"name": "n"}}\n{"kind": "Pod", "meta')

    # WHEN
    capture = imported(path, tmp_path)

    # THEN
    assert [row["k8s.object.kind"] for row in rows_of(capture, "kube_object")] == ["Node"]
    assert [row["loss.reason"] for row in rows_of(capture, "loss")] == ["damaged"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n\n",
        b"hello\n",
        b"\x00\xff" * 100,
        b"[]",
        b'{"a": 1}',
        b'{"items": []}',
        b"\x28\xb5\x2f\xfdgarbage",
        b"\x1f\x8bgarbage",
        b'{"resource":"pods","type":"LIST","object":{"items":[]}}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_nonsense_says_what_was_expected(tmp_path, content):
    # GIVEN
    path = tmp_path / "x"
    path.write_bytes(content)

    # THEN
    with pytest.raises(FormatError) as error:
        imported(path, tmp_path)
    assert "kubectl get -o json" in str(error.value)
    assert str(path) in str(error.value)
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]


def test_what_cannot_be_opened_or_written_is_named(tmp_path):
    with pytest.raises(MissingInputError):
        imported(tmp_path / "nothing", tmp_path)
    with pytest.raises(MissingInputError):
        imported(tmp_path, tmp_path)
    with pytest.raises(OutputError):
        import_kubernetes([RECORDING], tmp_path / "no" / "where.tapio", node_name="n")


def test_times_that_are_missing_follow_from_the_line_before(tmp_path):
    # GIVEN
    def line(name, **times):
        content = {"metadata": {"name": name, "uid": name}}
        return json.dumps({**times, "resource": "pods", "type": "ADDED", "object": content})

    path = write_lines(
        tmp_path / "x",
        [
            line("a", t=1_000, boot_ns=100),
            line("b"),
            line("c", t=1_500),
            line("d", boot_ns=700),
            line("e", t="x", boot_ns=2**80),
        ],
    )

    # THEN
    rows = rows_of(imported(path, tmp_path), "kube_object")
    assert [(row["time_unix_nano"], row["boot_time_ns"]) for row in rows] == [
        (1_000, 100),
        (1_000, 100),
        (1_500, 600),
        (1_600, 700),
        (1_600, 700),
    ]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["metadata", "name", "uid", "items", "kind"]), inner)
    ),
    max_leaves=10,
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@pytest.mark.no_cover
@given(
    messages=st.lists(
        st.fixed_dictionaries(
            {
                "resource": st.sampled_from(["pods", "events", "events.events.k8s.io", "secrets", "x"]) | VALUES,
                "type": st.sampled_from(["LIST", "ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]) | VALUES,
                "object": VALUES,
            },
            optional={"t": VALUES, "boot_ns": VALUES},
        ),
        max_size=8,
    )
)
def test_hostile_lines_never_raise(tmp_path_factory, messages):
    # GIVEN
    directory = tmp_path_factory.mktemp("hostile")
    good = {
        "t": 1,
        "boot_ns": 1,
        "resource": "pods",
        "type": "ADDED",
        "object": {"metadata": {"name": "a", "uid": "a"}},
    }
    path = write_lines(directory / "x", [json.dumps(good), *map(json.dumps, messages)])

    # THEN it is read, and (once more) the same
    recordings = [read_kubernetes([path], node_name="n") for _ in range(2)]
    assert recordings[0][0].rows == recordings[1][0].rows >= 1
    assert recordings[0][1] == recordings[1][1]


def test_the_command_writes_the_capture_and_says_how_much_it_holds(tmp_path):
    # WHEN
    output = tmp_path / "out.tapio"
    result = CliRunner().invoke(
        cli,
        ["import", str(RECORDING), "-o", str(output), "--node", "node-b1", "--configmap-values"],
    )

    # THEN
    assert result.exit_code == 0, result.output
    assert "129 rows" in result.output
    opened = open_capture(output)
    assert opened.nodes == ("node-b1",)
