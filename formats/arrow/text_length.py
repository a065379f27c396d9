"""How long texts of a column are."""

from __future__ import annotations

import pyarrow as pa


def longest_text(texts: pa.Array) -> int:
    """Bytes of the longest text of a string column; 0 if it has none.

    Why `pyarrow.compute` is imported here: it takes 40 ms, and only columns that are large at all are measured.
    """
    from pyarrow import compute  # noqa: PLC0415 - see above

    return int(compute.max(compute.binary_length(texts)).as_py() or 0)
