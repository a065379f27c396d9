"""Makes the krew plugin of a release: its archive, and the manifest with the archive's digest, in dist/.

usage: deploy/krew_plugin.py OWNER/REPOSITORY [DIRECTORY]

The archive has the same bytes for the same files.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import string
import sys
import tarfile
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PLUGIN = REPOSITORY / "deploy" / "krew"
ARCHIVE, MANIFEST = "kubectl-tapio.tar.gz", "tapio.yaml"


def make_archive() -> bytes:
    """The archive that krew unpacks: the plugin and the licence."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0, filename="") as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for path, mode in ((PLUGIN / "kubectl-tapio.sh", 0o755), (REPOSITORY / "LICENSE", 0o644)):
            content = path.read_bytes()
            member = tarfile.TarInfo(path.stem)
            member.size, member.mode = len(content), mode
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def fill_manifest(repository: str, version: str, archive: bytes) -> str:
    """The manifest of a version.

    Args:
        repository: OWNER/REPOSITORY on GitHub.
        version: as in pyproject.toml.
        archive: of `make_archive`.
    """
    template = string.Template((PLUGIN / MANIFEST).read_text(encoding="utf-8"))
    filled = template.substitute(REPOSITORY=repository, VERSION=version, SHA256=hashlib.sha256(archive).hexdigest())
    return "".join(line for line in filled.splitlines(keepends=True) if not line.startswith("#"))


def main() -> int:
    """Write both files."""
    if len(sys.argv) not in (2, 3) or not re.fullmatch(r"[\w.-]+/[\w.-]+", sys.argv[1]):
        print(__doc__)
        return 64
    directory = Path(sys.argv[2]) if len(sys.argv) == 3 else REPOSITORY / "dist"
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    archive = make_archive()
    directory.mkdir(parents=True, exist_ok=True)
    (directory / ARCHIVE).write_bytes(archive)
    (directory / MANIFEST).write_text(fill_manifest(sys.argv[1], project["version"], archive), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
