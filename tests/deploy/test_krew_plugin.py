"""The krew plugin keeps the rules of krew, and starts `tapio fleet`."""

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import yaml

from deploy.krew_plugin import ARCHIVE, MANIFEST, PLUGIN, fill_manifest, make_archive


def test_the_manifest_keeps_the_rules_of_krew() -> None:
    """Source: krew, pkg/index/types.go and internal/index/validation/validate.go."""
    plugin = yaml.safe_load(fill_manifest("owner/repository", "1.2.3", b"archive"))
    assert set(plugin) == {"apiVersion", "kind", "metadata", "spec"}
    assert plugin["apiVersion"] == "krew.googlecontainertools.github.com/v1alpha2"
    assert plugin["kind"] == "Plugin"
    # The name is that of the file, and the command is `kubectl NAME`.
    assert plugin["metadata"] == {"name": "tapio"}
    assert MANIFEST == "tapio.yaml"
    spec = plugin["spec"]
    assert set(spec) == {"version", "homepage", "shortDescription", "description", "caveats", "platforms"}
    assert all(isinstance(spec[field], str) for field in spec if field != "platforms")
    assert re.fullmatch(r"v\d+\.\d+\.\d+", spec["version"])
    # One line; krew's index asks for at most 50 characters.
    assert spec["shortDescription"].strip()
    assert "\n" not in spec["shortDescription"]
    assert len(spec["shortDescription"]) <= 50
    for platform in spec["platforms"]:
        assert set(platform) == {"selector", "uri", "sha256", "bin", "files"}
        assert platform["uri"] == f"https://github.com/owner/repository/releases/download/v1.2.3/{ARCHIVE}"
        assert platform["sha256"] == hashlib.sha256(b"archive").hexdigest()
        expressions = platform["selector"]["matchExpressions"]
        assert {expression["key"] for expression in expressions} == {"os", "arch"}
        assert all(expression["operator"] == "In" and expression["values"] for expression in expressions)
        assert platform["files"]
        assert all(set(step) == {"from", "to"} and all(step.values()) for step in platform["files"])
        assert platform["bin"] in {step["from"] for step in platform["files"] if step["to"] == "."}


def test_the_archive_has_what_the_manifest_names_and_the_same_bytes_every_time() -> None:
    assert make_archive() == make_archive()
    plugin = yaml.safe_load(fill_manifest("owner/repository", "1.2.3", b"archive"))
    with tarfile.open(fileobj=io.BytesIO(make_archive())) as archive:
        members = {member.name: member for member in archive.getmembers()}
    assert set(members) == {step["from"] for platform in plugin["spec"]["platforms"] for step in platform["files"]}
    assert members["kubectl-tapio"].mode == 0o755


def test_the_script_writes_both_with_this_version(tmp_path: Path) -> None:
    script = PLUGIN.parent / "krew_plugin.py"
    subprocess.run([sys.executable, script, "owner/repository", tmp_path], check=True)
    digest = hashlib.sha256((tmp_path / ARCHIVE).read_bytes()).hexdigest()
    assert digest in (tmp_path / MANIFEST).read_text()
    assert "$" not in (tmp_path / MANIFEST).read_text()
    assert subprocess.run([sys.executable, script, "no repository"], capture_output=True, check=False).returncode == 64


def test_the_plugin_starts_tapio_fleet_or_says_how_to_install_it(tmp_path: Path) -> None:
    (tmp_path / "sh").symlink_to("/bin/sh")
    command, path = [str(PLUGIN / "kubectl-tapio.sh"), "freeze", "--reason", "two words"], {"PATH": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=path)
    assert done.returncode == 69
    assert "pipx install 'tapio[analyzer,fleet]'" in done.stderr
    program = tmp_path / "tapio"
    program.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    program.chmod(0o755)
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=path)
    assert done.stdout == "fleet|freeze|--reason|two words|"
    assert os.access(PLUGIN / "kubectl-tapio.sh", os.X_OK)
