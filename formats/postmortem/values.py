"""Values that the sections of the document share: times, ids of evidence, words, bounded numbers."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

Time = Annotated[
    str,
    Meta(
        description="RFC 3339 in UTC with nine decimals.",
        pattern=r"^[0-9]{4}-(0[0-9]|1[0-2])-([0-2][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{9}Z$",
        max_length=30,
    ),
]
EvidenceId = Annotated[
    str,
    Meta(description="`table:node:seq` of one event.", extra_json_schema={"pattern": "^[a-z_]+:.*:[0-9]+$"}),
]
Nature = Annotated[str, Meta(extra_json_schema={"enum": ["change", "symptom", "context"]})]
Severity = Annotated[str, Meta(extra_json_schema={"enum": ["info", "warning", "error", "fatal"]})]
Outcome = Annotated[str, Meta(extra_json_schema={"enum": ["confirmed", "revised", "refuted", "open"]})]
ComparedBy = Annotated[str, Meta(extra_json_schema={"enum": ["pods", "time", "undo"]})]
Speaks = Annotated[str, Meta(extra_json_schema={"enum": ["for", "against", "open"]})]
"""Words that a later version may have more of: the schema has those of this one, the reader takes any."""

Integer = Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
Count = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
Rank = Annotated[int, Meta(ge=1, le=(1 << 63) - 1)]
Share = Annotated[float, Meta(ge=0, le=1)]
