"""The bundle of plotly.js is the one that its origin names, of the version whose schema checks our figures."""

from __future__ import annotations

import gzip
import hashlib
import re
from pathlib import Path

from plotly.offline import get_plotlyjs_version

VENDOR = Path(__file__).parents[2] / "reports/vendor"


def test_bundle_of_plotly_is_the_one_that_its_origin_names():
    digest = hashlib.sha256(gzip.decompress((VENDOR / "plotly-basic.min.js.gz").read_bytes())).hexdigest()
    assert digest in (VENDOR / "ORIGIN").read_text(encoding="utf-8")


def test_bundle_of_plotly_is_of_the_version_that_the_python_package_knows():
    head = gzip.decompress((VENDOR / "plotly-basic.min.js.gz").read_bytes())[:1_000].decode()
    found = re.search(r"plotly\.js \(basic - minified\) v(\S+)", head)
    assert found is not None
    assert found[1] == get_plotlyjs_version(), "see reports/vendor/ORIGIN for how to get the bundle of another version"
    assert f"plotly.js-basic-dist-min@{found[1]}\n" in (VENDOR / "ORIGIN").read_text(encoding="utf-8")
