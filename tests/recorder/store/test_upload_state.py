"""The state of uploads outlives a crash, and a file that is damaged costs nothing."""

from __future__ import annotations

from recorder.store.upload_state import UploadedCapture, UploadState, load_state, save_state

ONE = UploadedCapture("a.tapio", 5, 7, "s3://bucket/pre", "main/node-a/a.tapio", "ab" * 32, 9)


def test_what_is_saved_is_loaded(tmp_path):
    log: list[str] = []
    assert load_state(tmp_path, log.append) == UploadState()
    state = UploadState((ONE,), ("kept.tapio",))
    save_state(tmp_path, state)
    assert load_state(tmp_path, log.append) == state
    assert [path.name for path in tmp_path.iterdir()] == ["uploads.json"]
    assert log == []
    assert ONE.uri == "s3://bucket/pre/main/node-a/a.tapio"


def test_a_crash_while_it_is_written_leaves_the_former(tmp_path):
    save_state(tmp_path, UploadState((ONE,)))
    (tmp_path / ".uploads.json").write_bytes(b'{"uploaded": [')
    assert load_state(tmp_path, print) == UploadState((ONE,))


def test_a_damaged_file_is_told_and_is_like_none(tmp_path):
    for content in (b"", b"{", b"[]", b'{"uploaded": 5}', b"\xff"):
        log: list[str] = []
        (tmp_path / "uploads.json").write_bytes(content)
        assert load_state(tmp_path, log.append) == UploadState()
        assert "captures are compared with the destination" in log[0]
