#!/bin/sh
# Prepares this checkout: installs missing Debian or Ubuntu packages (as root), creates the virtual environment .venv, and mounts
# tracefs. Prints what it does, and skips what is already done.
# usage: [LOCKED=1] deploy/setup.sh unit|demo|test|image|release
#   unit: only the virtual environment, with what `make unit` needs; no root and no system packages; also on macOS
#   demo: dependencies of recording and analyzing; test: also those of the tests; image, release: also those of
#   container images, or of lock files and bills of materials
#   LOCKED=1: Python packages exactly as in deploy/lock/dev.txt, checked against their digests (Linux, the oldest supported Python)
set -eu
cd "$(dirname "$0")/.."
goal=${1:?usage: deploy/setup.sh unit|demo|test|image|release}
say() { echo "setup: $*" >&2; }

# Missing Debian packages. Each line: a test that passes if the package is installed, and its name.
missing=""
need() { sh -c "$1" >/dev/null 2>&1 || missing="$missing $2"; }
# shellcheck disable=SC2016 # expanded by the shell that `need` starts
python_is_there='for p in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
  $p -c "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))" && exit 0; done; exit 1'
need "$python_is_there" "python3 python3-venv"
if [ "$goal" != unit ]; then
  need "test -d /usr/lib/python3/dist-packages/bcc" python3-bpfcc
  need "command -v openssl" openssl
fi
if [ "$goal" = image ]; then
  need "command -v buildah" buildah
  need "command -v mmdebstrap" mmdebstrap
fi
if [ "$goal" = test ] || [ "$goal" = image ] || [ "$goal" = release ]; then
  need "command -v strace" strace
  need "test -x /lib/systemd/systemd" systemd
  need "test -x /lib/systemd/systemd-journal-remote" systemd-journal-remote
  need "command -v dbus-daemon" dbus-daemon
  need "test -e /usr/share/dbus-1/system.conf" dbus-system-bus-common
  need "command -v gcc && test -f /usr/include/stdio.h" "gcc libc6-dev"
  need "command -v chromium || command -v chromium-browser || command -v google-chrome" chromium
  need "command -v java && command -v mvn" "default-jre-headless maven"
  need "command -v ip" iproute2
  need "command -v shellcheck" shellcheck
  need "command -v groff" groff-base
  need "command -v clang-format" clang-format
fi
if [ -n "$missing" ]; then
  if [ "$goal" = unit ]; then
    say "Python 3.11 or newer with venv is required (Debian, Ubuntu: python3-venv; macOS: brew install python); PYTHON=PATH selects one"
    exit 69
  elif [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    say "missing:$missing"
    say "install them (as root: apt-get install -y$missing), then run the same command again"
    # Without bcc, the demo still replays the shipped recording; without Python, nothing works.
    case "$goal$missing" in demo*python3-venv* | test* | image* | release*) exit 69 ;; esac
  else
    say "apt-get install$missing"
    export DEBIAN_FRONTEND=noninteractive
    log=$(mktemp)
    # shellcheck disable=SC2086 # a list of names
    install() { apt-get install -qq -y --no-install-recommends $missing >>"$log" 2>&1; }
    # What keeps the first try from working: a run of dpkg that was cut short before, or lists of packages that are missing or old.
    install || { { dpkg --configure -a && apt-get update -qq; } >"$log" 2>&1 && install; } ||
      { tail -n 5 "$log" >&2; say "apt-get failed, see its output in $log"; exit 69; }
    rm -f "$log"
  fi
fi

# The virtual environment. bcc has no wheel: it must match the libbcc of the distribution, so the system package is linked.
stamp=.venv/.ready-$goal
# shellcheck disable=SC3013 # dash, bash and busybox know -nt
if [ ! -e "$stamp" ] || [ pyproject.toml -nt "$stamp" ]; then
  for python in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
    "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break
  done
  [ -x .venv/bin/python ] || { say "$python -m venv .venv"; "$python" -m venv .venv; }
  case $goal in unit) extras=unit ;; demo) extras=analyzer ;; test) extras=dev ;; image | release) extras=release ;; esac
  pip=".venv/bin/pip install --quiet --disable-pip-version-check"
  if [ "${LOCKED:-}" = 1 ]; then
    say "pip install --require-hashes -r deploy/lock/dev.txt"
    $pip --require-hashes -r deploy/lock/dev.txt && $pip --no-deps --no-build-isolation -e .
  else
    say "pip install -e .[$extras]"
    $pip -e ".[$extras]"
  fi || { say "pip failed"; exit 69; }
  packages=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
  [ -d /usr/lib/python3/dist-packages/bcc ] && ln -sfn /usr/lib/python3/dist-packages/bcc "$packages/bcc"
  case $goal in
    test) touch .venv/.ready-demo .venv/.ready-unit ;;
    image | release) touch .venv/.ready-demo .venv/.ready-unit .venv/.ready-test .venv/.ready-image .venv/.ready-release ;;
  esac
  touch "$stamp"
fi

[ "$goal" = unit ] && exit 0

# The test of the chart renders with helm, that of uploads needs an S3 server. No Debian package has them; Go can build them.
for program in helm.sh/helm/v3/cmd/helm@v3.16.4 github.com/versity/versitygw/cmd/versitygw@v1.8.0; do
  name=${program##*/} name=${name%@*}
  if [ "$goal" = test ] && ! command -v "$name" >/dev/null && [ ! -x ".venv/bin/$name" ] && command -v go >/dev/null; then
    say "go install $program"
    GOBIN="$PWD/.venv/bin" go install "$program" >/dev/null 2>&1 || say "$name cannot be built: its tests are skipped"
  fi
done

# bcc reads the formats of tracepoints from tracefs.
tracing=/sys/kernel/tracing
if [ -d $tracing ] && [ ! -d $tracing/events ]; then
  if [ "$(id -u)" = 0 ] && mount -t tracefs tracefs $tracing 2>/dev/null; then
    say "mounted tracefs on $tracing"
  else
    say "tracefs is not mounted and cannot be mounted by this user: kernel sources will not work"
  fi
fi
