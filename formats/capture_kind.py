"""The kind Capture, on which recorders and the desk agree; deploy/kubernetes/base/capture.yaml has its schema."""

from __future__ import annotations

from typing import Final

GROUP: Final = "tapio.dev"
VERSION: Final = "v1alpha1"
PLURAL: Final = "captures"
KIND: Final = "Capture"
API_VERSION: Final = f"{GROUP}/{VERSION}"

FREEZING: Final = "Freezing"
FROZEN: Final = "Frozen"
FAILED: Final = "Failed"
"""States of a node's entry in the status, and of the whole."""
