"""Columns of a file brought to the catalog's schema: the rule for files of earlier and later versions."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from formats.batches import full_schema
from formats.catalog import TABLE_BY_NAME
from formats.columns import COMMON_COLUMNS
from formats.errors import FormatError


def expected_schema(table: str, file_schema: pa.Schema) -> pa.Schema:
    """The schema that a reader gives: the catalog's, or the file's own for a table that the catalog does not know.

    Raises:
        FormatError: a column has another type than the catalog says, a column that every file must have is missing, or
            an unknown table does not begin with the common columns.
    """
    known = TABLE_BY_NAME.get(table)
    expected = full_schema(known) if known else file_schema
    required = [column.to_field() for column in COMMON_COLUMNS] if known is None else list(expected)
    types = {field.name: field.type for field in file_schema}
    for field in required:
        if field.name not in types:
            if known is not None and field.nullable:
                continue  # an earlier version did not have it yet
            raise FormatError(f"the column {field.name} of the table {table} is missing")
        if types[field.name] != field.type:
            raise FormatError(f"the column {field.name} of the table {table} is {types[field.name]}, not {field.type}")
    return expected


def unknown_columns(table: str, file_schema: pa.Schema) -> tuple[str, ...]:
    """Columns of the file that the catalog does not know and a reader therefore leaves out."""
    known = TABLE_BY_NAME.get(table)
    return () if known is None else tuple(name for name in file_schema.names if name not in full_schema(known).names)


def fit_columns(schema: pa.Schema, columns: Mapping[str, pa.Array], rows: int) -> pa.RecordBatch:
    """A batch of the schema; its columns that the file lacks are null, columns that it does not name are left out."""
    arrays = [columns[field.name] if field.name in columns else pa.nulls(rows, field.type) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
