"""The shipped JSON Schemas say what the code says, hold for what we ship, and refuse what is misspelt."""

from __future__ import annotations

import copy
import importlib.util
import json
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("schemas.py")
_SPEC = importlib.util.spec_from_file_location("tests_docs_schemas", SCRIPT)
schemas = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(schemas)

DOCUMENTS = [
    *(REPOSITORY / "fixtures" / "documents" / f"{name}.json" for name in ("shop_incident", "calm")),
]
"""`hostile.json` is left out: its symptoms have a nature that does not exist, which the reader takes on purpose."""


def validator(name: str):
    """Of the schema as it is shipped."""
    import jsonschema  # here: it takes seconds where its checkers of formats are installed, and few workers need it

    schema = json.loads((resources.files("formats") / "schemas" / name).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_schemas_are_what_the_code_says():
    done = subprocess.run([sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", schemas.SCHEMAS)
def test_every_field_has_a_description_in_its_docstring(name):
    # GIVEN every class that a file is decoded into
    # WHEN its docstring lists its attributes THEN it lists its fields, all of them, in their order
    for root in schemas.ROOTS[name]:
        for declared in schemas.declared_types(root).values():
            fields = [field.name for field in schemas.fields_of(declared)]
            assert list(schemas.split_docstring(declared)[1]) == fields, declared.__name__


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_documents_are_valid_and_a_wrong_key_is_not(path):
    document = json.loads(path.read_text(encoding="utf-8"))
    validator("document.schema.json").validate(document)

    wrong = copy.deepcopy(document)
    wrong["capture"]["evnts"] = wrong["capture"].pop("events")

    said = {error.message for error in validator("document.schema.json").iter_errors(wrong)}
    assert any("'evnts'" in message for message in said)
    assert any("'events' is a required property" in message for message in said)


EXAMPLE = (REPOSITORY / "deploy" / "recorder.yaml").read_text(encoding="utf-8")


def test_the_example_configuration_is_valid():
    validator("recorder.schema.json").validate(yaml.safe_load(EXAMPLE))
    assert EXAMPLE.startswith("# yaml-language-server: $schema=../formats/schemas/recorder.schema.json\n")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("  max_age: 7d", "  max_aeg: 7d", "'max_aeg' was unexpected"),
        ("  max_age: 7d", "  max_age: 7 days", "does not match"),
        ("  max_bytes: 2GiB", "  max_bytes: 2GB", "does not match"),
        ("profile: default", "profile: deap", "is not one of"),
        ("data_dir: /var/lib/tapio", "data_dir: tapio", "does not match"),
        ("cpu_percent: 25", "cpu_percent: '25'", "is not of type 'integer'"),
        ("  pressure:", "  presure:", "'presure' was unexpected"),
        ("    interval_s: 5\n  pressure", "    intervals: 5\n  pressure", "'intervals' was unexpected"),
    ],
)
def test_a_mistake_in_a_configuration_is_not_valid(old, new, says):
    assert old in EXAMPLE
    wrong = yaml.safe_load(EXAMPLE.replace(old, new))
    assert any(says in error.message for error in validator("recorder.schema.json").iter_errors(wrong))


def test_every_shipped_rule_is_valid_and_a_wrong_key_in_it_is_not():
    # GIVEN all shipped knowledge, of every kind
    rules = [
        document
        for path in sorted((REPOSITORY / "patterns").rglob("*.yaml"))
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
        if document is not None
    ]
    checker = validator("knowledge.schema.json")
    assert {rule["kind"] for rule in rules} == {kind.__name__.removesuffix("Yaml") for kind in schemas.KINDS}
    for rule in rules:
        # WHEN a rule is as it is THEN it is valid
        assert [error.message for error in checker.iter_errors(rule)] == [], rule["name"]
        # WHEN a key is misspelt or left out THEN it is not
        assert any("'naem'" in error.message for error in checker.iter_errors({**rule, "naem": "x"})), rule["name"]
        assert not checker.is_valid({key: value for key, value in rule.items() if key != "name"}), rule["name"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "Symtom"},
        {"severity": "bad"},
        {"merge": "10"},
        {"name": "Not A Name"},
        {"at_least": 0},
        {"keep": ["a", 1]},
        {"magnitude": {"sum": "1"}},
        {"title": " "},
    ],
    ids=str,
)
def test_a_mistake_in_a_rule_is_not_valid(wrong):
    rule = {"kind": "Symptom", "name": "a", "nature": "symptom", "severity": "error", "title": "t", "from": "f"}
    checker = validator("knowledge.schema.json")
    assert checker.is_valid(rule)
    assert not checker.is_valid(rule | wrong)


@pytest.mark.parametrize("name", schemas.ROOTS)
def test_no_type_is_one_that_crashes_the_garbage_collector(name):
    # GIVEN msgspec 0.22, which counts references wrongly in a union of a string with a pattern and a list
    for root in schemas.ROOTS[name]:
        for declared in schemas.declared_types(root).values():
            for field in schemas.fields_of(declared):
                # WHEN a field may be one of several types THEN they are not these two together
                types = getattr(field.type, "types", ())
                bare = [getattr(part, "type", part) for part in types]
                has_pattern = any(getattr(part, "pattern", None) for part in bare)
                assert not (has_pattern and any(hasattr(part, "item_type") for part in bare)), field.name
