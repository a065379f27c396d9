#!/bin/sh
# The krew plugin: `kubectl tapio …` is `tapio fleet …`.
if ! command -v tapio >/dev/null 2>&1; then
  echo "kubectl-tapio: the program tapio is not installed: pipx install 'tapio[analyzer,fleet]'" >&2
  exit 69
fi
exec tapio fleet "$@"
