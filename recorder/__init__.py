"""The node program `tapio-recorder`: sources → batches → journal → segments → ring on disk → freeze."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("tapio")
except PackageNotFoundError:  # run from a checkout that is not installed
    VERSION = "0"
