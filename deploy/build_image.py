"""`make image`: builds the container images of deploy/Containerfile with buildah, from the locked packages.

    usage: deploy/build_image.py [--target recorder|analyzer] [--base IMAGE]

Without --target both are built. Each is also written to build/image/NAME.tar, which `ctr images import` and
`docker load` take. The base image is pulled; where no registry can be reached, an image of the same Debian release is
made by mmdebstrap, under the same name.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
BUILD = REPOSITORY / "build" / "image"
BASE = "docker.io/library/debian:bookworm-slim"
RELEASE = "bookworm"
TARGETS = {"recorder": "tapio-recorder", "analyzer": "tapio"}
"""Targets of the Containerfile, each with the name of its image, which is also that of its program."""
_NOT_IN_SLIM = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*")
"""What Debian's slim images leave out, too."""


def main() -> None:
    """Build and print name and size of each image."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", choices=sorted(TARGETS), action="append", help="build only this image")
    parser.add_argument("--base", default=BASE, help="image to build on (default: %(default)s)")
    given = parser.parse_args()
    wheel = find_wheel()
    ensure_base(given.base)
    for target in given.target or sorted(TARGETS):
        collect_wheels(target, wheel)
        write_bill_of_materials(target)
        image = f"localhost/{TARGETS[target]}:{version()}"
        build(target, image, given.base)
        check_program(image, TARGETS[target])
        archive = BUILD / f"{TARGETS[target]}.tar"
        archive.unlink(missing_ok=True)
        run("buildah", "push", "--quiet", image, f"docker-archive:{archive}:{image}")
        print(f"{image}: {unpacked_bytes(image) / 1e6:.0f} MB unpacked, {archive.relative_to(REPOSITORY)}", flush=True)


def version() -> str:
    """The version of the project, which is the tag of its images."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def find_wheel() -> Path:
    """The wheel that `make wheel` has built; ends the program if there is none."""
    wheels = sorted((REPOSITORY / "dist").glob("tapio-*.whl"))
    if len(wheels) != 1:
        sys.exit("build_image: dist/ has no wheel: run `make wheel`")
    return wheels[0]


def collect_wheels(target: str, wheel: Path) -> None:
    """Our wheel and those that deploy/lock names for a target, with digests checked, in build/image/TARGET."""
    folder = BUILD / target
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download"]
    lock = REPOSITORY / "deploy" / "lock" / f"{target}.txt"
    run(*pip, "--only-binary=:all:", "--require-hashes", "--dest", str(folder), "--requirement", str(lock))
    shutil.copy(wheel, folder)


def write_bill_of_materials(target: str) -> None:
    """The packages of a target's lock file, in CycloneDX."""
    program = str(Path(sys.executable).with_name("cyclonedx-py"))
    lock = REPOSITORY / "deploy" / "lock" / f"{target}.txt"
    options = ["--pyproject", str(REPOSITORY / "pyproject.toml"), "--output-reproducible", "--of", "JSON"]
    run(program, "requirements", *options, "-o", str(BUILD / f"{target}.cdx.json"), str(lock))


def ensure_base(base: str) -> None:
    """The base image is in buildah's storage: it was there, is pulled, or is made from Debian's packages."""
    if succeeds("buildah", "inspect", "--type", "image", base):
        return
    if succeeds("buildah", "pull", "--quiet", "--retry", "0", base):
        return
    print(f"build_image: {base} cannot be pulled; making it with mmdebstrap", flush=True)
    with tempfile.TemporaryDirectory(prefix="tapio-base-") as directory:
        archive = f"{directory}/base.tar"
        left_out = [f"--dpkgopt=path-exclude={pattern}" for pattern in _NOT_IN_SLIM]
        kept = "--dpkgopt=path-include=/usr/share/doc/*/copyright"
        run("mmdebstrap", "--quiet", "--variant=minbase", *left_out, kept, RELEASE, archive)
        container = output("buildah", "from", "scratch")
        try:
            run("buildah", "add", "--quiet", container, archive, "/")
            run("buildah", "config", "--cmd", "bash", container)
            run("buildah", "commit", "--quiet", container, base)
        finally:
            run("buildah", "rm", container)


def build(target: str, image: str, base: str) -> None:
    """Build one target of the Containerfile. Its layers are kept, so that the next build is quick."""
    command = ["buildah", "build", "--quiet", "--isolation=chroot", "--layers", "--pull=never"]
    command += ["--file", "deploy/Containerfile", "--target", target, "--build-arg", f"BASE={base}", "--tag", image]
    run(*command, ".")


def check_program(image: str, program: str) -> None:
    """Run the image's program once, as whoever the image says; ends this program if it fails."""
    container = output("buildah", "from", "--pull-never", image)
    try:
        run("buildah", "run", "--isolation=chroot", container, program, "--version")
    finally:
        run("buildah", "rm", container)


def unpacked_bytes(image: str) -> int:
    """Size of all files of an image."""
    container = output("buildah", "from", "--pull-never", image)
    try:
        root = output("buildah", "mount", container)
        return int(output("du", "-sb", root).split()[0])
    finally:
        run("buildah", "rm", container)


def run(*command: str) -> None:
    """Run a program; ends this one if it fails."""
    if subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, check=False).returncode:
        sys.exit(f"build_image: {' '.join(command[:3])} failed")


def output(*command: str) -> str:
    """What a program prints, without the end of the line."""
    return subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def succeeds(*command: str) -> bool:
    """Whether a program ends with 0; what it prints is dropped."""
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    main()
