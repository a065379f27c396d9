"""Writes formats/schemas/*.schema.json from the types that the files are decoded into. `make docs` runs it.

Types and bounds are msgspec's; what a field means is its line under "Attributes:" in the docstring of its class.
`test_schemas.py` fails when a schema and the code differ.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY))

from analyzer.knowledge import yaml_types  # noqa: E402 - the path above comes first
from formats.postmortem.corpus import Corpus  # noqa: E402
from formats.postmortem.document import Document  # noqa: E402
from formats.postmortem.predictions import Backtest, PredictionList  # noqa: E402
from recorder.config import CgroupPath, Duration, RecorderConfig, Size  # noqa: E402
from recorder.registry import SOURCES  # noqa: E402
from recorder.source import SourceSpec  # noqa: E402

_ATTRIBUTE = re.compile(r"^(\w+): (.*(?:\n    .*)*)", re.MULTILINE)


def split_docstring(kind: type) -> tuple[str, dict[str, str]]:
    """What a class is, and what each of its attributes means, by the docstrings of it and of the classes that it extends."""
    attributes: dict[str, str] = {}
    for declared in (*kind.__bases__, kind):
        head, _, rest = inspect.cleandoc(declared.__doc__ or "").partition("\nAttributes:\n")
        attributes |= {name: " ".join(text.split()) for name, text in _ATTRIBUTE.findall(inspect.cleandoc(rest))}
    return " ".join(head.split()), attributes


def declared_types(kind: Any) -> dict[str, type]:
    """A dataclass or Struct and all that its fields refer to, by name."""
    found: dict[str, type] = {}
    _collect(msgspec.inspect.type_info(kind), found)
    return found


def _collect(info: Any, found: dict[str, type]) -> None:
    if isinstance(info, msgspec.inspect.DataclassType | msgspec.inspect.StructType):
        if info.cls.__name__ in found:
            return
        found[info.cls.__name__] = info.cls
        for field in info.fields:
            _collect(field.type, found)
        return
    for name in ("type", "types", "item_type", "item_types", "key_type", "value_type"):
        inner = getattr(info, name, ())
        for part in inner if isinstance(inner, tuple) else (inner,):
            _collect(part, found)


def make_schema(
    kind: Any, name: str, title: str, hook: Callable[[type], dict[str, Any]] | None = None
) -> dict[str, Any]:
    """The JSON Schema of a declared type.

    Args:
        kind: what a file is decoded into.
        name: of the file that the schema is written to.
        title: of the schema.
        hook: the schema of types that msgspec does not know.
    """
    made = msgspec.json.schema(kind, schema_hook=hook)
    definitions = made.pop("$defs")
    for type_name, declared in declared_types(kind).items():
        _describe(definitions[type_name], declared)
    root = made.pop("$ref").rpartition("/")[2]
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": name, "title": title}
    top = definitions.pop(root)
    top.pop("title", None)
    return head | top | {"$defs": dict(sorted(definitions.items()))}


def _describe(schema: dict[str, Any], declared: type) -> None:
    summary, attributes = split_docstring(declared)
    schema["description"] = summary
    is_configuration = declared.__module__ == "recorder.config"  # its file has the units in the values
    schema["additionalProperties"] = False
    names = {field.encode_name: field.name for field in fields_of(declared)}
    for key, described in schema["properties"].items():
        if names[key] in attributes:
            text = re.sub(r"\bNone\b", "null", attributes[names[key]])
            described["description"] = re.sub(r", (ns|bytes)\.$", ".", text) if is_configuration else text


def fields_of(declared: type) -> tuple[Any, ...]:
    """The fields of a dataclass or Struct, with `name` in Python and `encode_name` in the file."""
    info = msgspec.inspect.type_info(declared)
    assert isinstance(info, msgspec.inspect.DataclassType | msgspec.inspect.StructType)
    return info.fields


def own_type_schema(kind: type) -> dict[str, Any]:
    """The schema of the types that `recorder.config` and `analyzer.knowledge.yaml_types` read by themselves."""
    if kind is yaml_types.SignedDuration:
        return {"type": "string", "pattern": "^-?[0-9]{1,18} ?(ms|s|m|h|d)$"}
    if kind is Duration:
        return {"type": "string", "pattern": "^[0-9]{1,18} ?(ms|s|m|h|d)$"}
    if kind is Size:
        return {"type": ["integer", "string"], "minimum": 0, "pattern": "^[0-9]{1,18} ?(|B|KiB|MiB|GiB|TiB)$"}
    if kind is Path:
        return {"type": "string", "pattern": "^/"}
    if kind is CgroupPath:
        return {"type": "string"}
    raise NotImplementedError(kind)


def make_recorder_schema(name: str) -> dict[str, Any]:
    """The schema of `recorder.yaml`: that of the configuration, with the options of every source."""
    schema = make_schema(RecorderConfig, name, "Configuration of tapio-recorder", own_type_schema)
    del schema["$defs"]["SourceConfig"]
    sources = {source.spec.name: _source_schema(source.spec) for source in SOURCES}
    schema["properties"]["sources"] |= {"properties": sources, "additionalProperties": False}
    return schema


KINDS = (
    yaml_types.SymptomYaml,
    yaml_types.CauseYaml,
    yaml_types.MechanismYaml,
    yaml_types.PatternYaml,
    yaml_types.TrendYaml,
    yaml_types.ChangeYaml,
)
"""What a document of knowledge can be, by its `kind`."""


def make_knowledge_schema(name: str) -> dict[str, Any]:
    """The schema of one YAML document of knowledge: that of its kind, so that an editor knows which keys are meant."""
    definitions: dict[str, Any] = {}
    for kind in KINDS:
        made = make_schema(kind, name, kind.__name__, own_type_schema)
        definitions |= made.pop("$defs")
        definitions[kind.__name__] = {key: value for key, value in made.items() if not key.startswith("$")}
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": name,
        "title": "Knowledge of Tapio",
        "type": "object",
        "properties": {"kind": {"enum": [kind.__name__ for kind in KINDS]}},
        "required": ["kind"],
        "allOf": [
            {
                "if": {"properties": {"kind": {"const": kind.__name__}}, "required": ["kind"]},
                "then": {"$ref": f"#/$defs/{kind.__name__}"},
            }
            for kind in KINDS
        ],
        "$defs": definitions,
    }
    # In a file the kinds are called `Symptom` and so on; the suffix only tells our classes from those of the rules.
    named: dict[str, Any] = json.loads(re.sub(r'Yaml(?=")', "", json.dumps(schema)))
    return named | {"$defs": dict(sorted(named["$defs"].items()))}


def _source_schema(spec: SourceSpec) -> dict[str, Any]:
    enabled = {"type": "boolean", "description": "whether it records; left out: as the profile says."}
    options = {option: _option_schema(default) for option, default in spec.options.items()}
    return {
        "description": spec.table.doc,
        "type": "object",
        "properties": {"enabled": enabled} | options,
        "additionalProperties": False,
    }


def _option_schema(default: Any) -> dict[str, Any]:
    if default is None:
        return {}
    kinds = {bool: "boolean", int: "integer", str: "string", tuple: "array", list: "array"}
    kind = kinds.get(type(default), "object")
    return {"type": kind, "default": default} | ({"minimum": 0} if kind == "integer" else {})


ROOTS: Mapping[str, tuple[Any, ...]] = {
    "backtest.schema.json": (Backtest,),
    "corpus.schema.json": (Corpus,),
    "document.schema.json": (Document,),
    "knowledge.schema.json": KINDS,
    "predictions.schema.json": (PredictionList,),
    "recorder.schema.json": (RecorderConfig,),
}
"""What a file is decoded into, by the name of its schema."""

SCHEMAS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "backtest.schema.json": lambda: make_schema(Backtest, "backtest.schema.json", "Back-test of predictions"),
    "corpus.schema.json": lambda: make_schema(Corpus, "corpus.schema.json", "Corpus of captures"),
    "document.schema.json": lambda: make_schema(Document, "document.schema.json", "Post-mortem document"),
    "knowledge.schema.json": lambda: make_knowledge_schema("knowledge.schema.json"),
    "predictions.schema.json": lambda: make_schema(
        PredictionList, "predictions.schema.json", "Predictions of a capture"
    ),
    "recorder.schema.json": lambda: make_recorder_schema("recorder.schema.json"),
}
"""Makes each schema."""


def schema_path(name: str) -> Path:
    """Where a schema is kept."""
    return REPOSITORY / "formats" / "schemas" / name


def render_schema(name: str) -> str:
    """The text of a schema, as the code would have it now."""
    return json.dumps(SCHEMAS[name](), indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the schemas, or with `--check` say which of them the code has left behind."""
    if "--check" in sys.argv:
        stale = [
            name
            for name in SCHEMAS
            if not schema_path(name).exists() or schema_path(name).read_text(encoding="utf-8") != render_schema(name)
        ]
        print(*(f"formats/schemas/{name} is not what the code says: run `make docs`" for name in stale), sep="\n")
        return 1 if stale else 0
    for name in SCHEMAS:
        schema_path(name).write_text(render_schema(name), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
