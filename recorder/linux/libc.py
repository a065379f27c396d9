"""The C library of this process."""

from __future__ import annotations

import ctypes
from typing import Final

LIBC: Final = ctypes.CDLL(None, use_errno=True)
"""Its functions; `ctypes.get_errno()` has the errno of the last call of this thread."""
