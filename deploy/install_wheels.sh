#!/bin/sh
# Within deploy/Containerfile: installs the wheels in /wheels into /opt/tapio, without pip and without what no part of Tapio loads.
set -eu
python3 -m venv --without-pip /opt/tapio
packages=$(/opt/tapio/bin/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
/opt/installer/bin/pip --python /opt/tapio/bin/python install --quiet --no-cache-dir --no-compile --no-index --no-deps /wheels/*.whl
cd "$packages"
rm -rf pyarrow/include pyarrow/tests pyarrow/*flight*
find numpy -type d -name tests -prune -exec rm -rf {} +
find . -name '*.pyi' -delete
# 20 of its 24 MB are debugging symbols. Libraries that auditwheel has patched (numpy's) do not survive strip.
strip --strip-debug zstandard/*.so
# The root file system of the container is read-only: what Python would write there is written now. Digests instead of times, so
# that the same wheels give the same bytes.
/opt/tapio/bin/python -m compileall -q --invalidation-mode unchecked-hash .
# What was removed is really not needed.
/opt/tapio/bin/python -c 'import pyarrow.compute, pyarrow.fs, pyarrow.ipc, numpy'
