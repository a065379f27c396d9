"""Every limit on what a file may ask of its reader, with the reason for its size.

A reader checks these before it allocates. The absolute ceilings suffice: honest telemetry compresses enormously, so
there is no rule on ratios.
"""

from __future__ import annotations

FRAME_STORED_BYTES = 16 << 20
"""A journal frame or a segment's record batch as stored. Why: four times what one flush of a busy node makes."""

FRAME_EXPANDED_BYTES = 64 << 20
"""Bytes of a frame after decompression. Why: 65,536 rows of the widest table with ordinary texts need a tenth of it."""

FRAME_WRITE_BYTES = 12 << 20
"""Expanded bytes of a frame at most when we write. Why less than we read: what does not compress still fits."""

FRAME_ROWS = 65_536
"""Rows of one frame or record batch: one IPC batch stays in cache while it is scanned."""

TEXT_BYTES = 1 << 20
"""One text value. Why: etcd refuses objects above 1.5 MiB, and managedFields are left out."""

DICTIONARY_VALUES = 1_000_000
"""Distinct values of one dictionary column of one segment."""

MANIFEST_BYTES = 64 << 20
"""A manifest.json."""

LISTING_BYTES = 24 << 20
"""A capture.json. Why: 10,000 segments of 22 tables need 14 MB."""

HEAD_EXPANDED_BYTES = 256 << 20
"""Dictionaries of one table of a segment after decompression."""

MEMBER_HEADERS = 320_000
"""Headers that are looked for in a container whose list of members is damaged. Why: 32 for each segment."""

LOSS_TOTALS = 4_096
"""Losses that a manifest or capture.json adds up, by table and reason."""

NAME_CHARACTERS = 1_024
"""The name of a node, or name and version of a program. Why: DNS names have 253."""

SENTENCE_CHARACTERS = 4_096
"""Why a capture was frozen. Why: the recorder writes 500."""

TIME_NS = 4_000_000_000_000_000_000
"""A time by any clock, in ns from its zero: October 2096. Why: differences of two times fit into int64."""

JSON_DEPTH = 64
"""Nesting of any JSON text."""

SEGMENT_BATCHES = 100_000
"""Record batches of one segment."""

CAPTURE_SEGMENTS = 10_000
"""Segments of one capture."""

YAML_BYTES = 256 << 10
"""One YAML file of knowledge or configuration."""

YAML_DEPTH = 20
"""Maximum nesting of YAML."""

DOCUMENT_CHARACTERS = 256 << 20
"""A post-mortem document as JSON. Why: 20,000 symptoms with their evidence rows need a tenth of it."""
