"""What is missing is said in one sentence with what to do."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.kernel

SCRIPT = """
from formats.errors import UnavailableError
from recorder.source import SourceContext
from recorder.sources.tcp import TcpSource
source = TcpSource()
try:
    source.open(SourceContext("test", dict(source.spec.options), lambda: 0))
except UnavailableError as error:
    print(error)
source.close()
"""


def test_without_the_right_to_load_programs_a_source_says_which_it_needs() -> None:
    # GIVEN root without any capability but that to read files
    if os.geteuid() != 0:
        pytest.skip("needs root")
    command = ["setpriv", "--bounding-set=-all,+dac_override,+dac_read_search", "--inh-caps=-all"]

    # WHEN
    done = subprocess.run(
        [*command, sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=True
    )

    # THEN
    assert done.stdout.strip() == (
        "bpf/tcp.c: the kernel does not allow this process to load programs; "
        "run the recorder as root, or with the capabilities CAP_BPF and CAP_PERFMON"
    )
    assert done.stderr == ""


def test_without_bcc_a_source_says_how_to_get_it(tmp_path) -> None:
    # GIVEN a Python that finds a broken bcc first
    if os.geteuid() != 0:
        pytest.skip("needs root")
    (tmp_path / "bcc.py").write_text("raise ImportError('libbcc.so.0 not found')")

    # WHEN
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=True, env=environment
    )

    # THEN
    assert done.stdout.strip() == (
        "bpf/tcp.c: the BPF compiler bcc cannot be imported (libbcc.so.0 not found); "
        "install it: apt-get install python3-bpfcc"
    )
