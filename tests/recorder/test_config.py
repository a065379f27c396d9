"""The configuration: every key is documented, every mistake is told with its place and the next step."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from formats.errors import ConfigurationError, ExitCode, MissingInputError
from recorder.config import CONFIG_KEYS, RecorderConfig, TriggerConfig, resolve_options, select_sources
from recorder.config_file import parse_config, read_config
from recorder.registry import SOURCES
from recorder.source import Profile

SPECS = [source.spec for source in SOURCES]
ROOT = Path(__file__).parents[2]


def parse(text: str) -> RecorderConfig:
    return parse_config(text, "r.yaml", SPECS)


def test_an_empty_file_is_all_defaults():
    assert parse("") == RecorderConfig() == parse("# nothing\n") == parse("---\n")


def test_the_example_has_every_key_and_the_defaults():
    # GIVEN the example that is shipped
    text = (ROOT / "deploy/recorder.yaml").read_text()

    # WHEN it is read
    config = parse(text)

    # THEN it says the defaults, and names every key
    defaults = RecorderConfig()
    for name in (
        "data_dir",
        "profile",
        "cgroups",
        "metrics_listen",
        "host",
        "journal",
        "ring",
        "budget",
        "freeze",
        "upload",
    ):
        assert getattr(config, name) == getattr(defaults, name), name
    for key in CONFIG_KEYS:
        assert re.search(rf"^[ #]*{key.rpartition('.')[2]}:", text, re.MULTILINE), key


def test_every_key_is_documented_and_every_documented_key_exists():
    text = (ROOT / "docs/configuration.md").read_text().partition("## Metrics")[0]
    documented = set(re.findall(r"^\| `([a-z_.]+)` \|", text, re.MULTILINE))
    options = {f"{spec.name}.{option}" for spec in SPECS for option in spec.options}
    assert documented == set(CONFIG_KEYS) | options


def test_values_are_read_with_their_units():
    config = parse(
        "data_dir: /data\nprofile: deep\ncgroups: [kubepods/, /a//b]\n"
        "journal: {sync_interval: 250ms, max_bytes: 1MiB, max_age: 2m}\n"
        "ring: {max_bytes: 3GiB}\nbudget: {cpu_percent: 7}\n"
        "freeze: {before: 1h, triggers: [{table: process, event_name: process.exit, min_severity: 13}]}\n"
        "sources: {memory: {enabled: false}, pressure: {interval_s: 1, roots: [/x]}}\n"
    )
    assert config.data_dir == Path("/data")
    assert config.profile is Profile.DEEP
    assert config.cgroups == ("/kubepods", "/a/b")
    assert config.journal.sync_interval_ns == 250_000_000
    assert config.journal.max_age_ns == 120_000_000_000
    assert config.ring.max_bytes == 3 << 30
    assert config.budget.cpu_percent == 7
    assert config.freeze.triggers == (TriggerConfig("process", "process.exit", 13),)
    assert config.sources["memory"].enabled is False
    pressure = next(spec for spec in SPECS if spec.name == "pressure")
    assert resolve_options(pressure, config.sources["pressure"]) == {
        "interval_s": 1,
        "roots": ("/x",),
        "max_cgroups": 4096,
    }


@pytest.mark.parametrize(
    ("text", "is_on"),
    [
        ("sources: {}", False),
        ("sources: {otlp: {enabled: true}}", False),
        ("sources: {otlp: {listen: []}}", False),
        ("sources: {otlp: {listen: ['127.0.0.1:4318']}}", True),
        ("sources: {otlp: {listen: ['127.0.0.1:4318'], enabled: false}}", False),
    ],
)
def test_a_source_is_off_without_the_option_that_it_needs(text: str, is_on: bool):
    assert ("otlp" in [spec.name for spec in select_sources(parse(f"data_dir: /data\n{text}"), SPECS)]) is is_on


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rings: {}", "r.yaml:1:1: unknown key `rings` in the configuration; did you mean `ring`?"),
        ("ring:\n  max_bites: 1", "r.yaml:2:3: unknown key `max_bites` in `ring`; did you mean `max_bytes`?"),
        ("sources:\n  memry: {}", "r.yaml:2:3: unknown key `memry` in `sources`; did you mean `memory`?"),
        (
            "sources:\n  clock:\n    jumpms: 1",
            "r.yaml:3:5: unknown key `jumpms` in the source `clock`; did you mean `jump_ms`?",
        ),
        ("ring: {max_bytes: 1e9}", "r.yaml:1:19: `ring.max_bytes`: a size is a whole number"),
        ("ring: {max_bytes: -5}", "r.yaml:1:19: `ring.max_bytes`: a size is a whole number"),
        ("ring: {max_age: 5}", "r.yaml:1:17: `ring.max_age`: a duration is a whole number"),
        ("ring: []", "r.yaml:1:7: `ring` must be a mapping"),
        ("- a", "r.yaml:1:1: the configuration must be a mapping"),
        ("data_dir: tapio", "r.yaml:1:11: `data_dir`: `tapio` is not an absolute path"),
        ("data_dir: /a/../etc", "r.yaml:1:11: `data_dir`: `/a/../etc` is not an absolute path"),
        ("cgroups: [../x]", "r.yaml:1:11: `cgroups`: the cgroup path `../x` contains `..`"),
        ("profile: deap", "r.yaml:1:10: `profile` cannot be `deap`; did you mean `deep`?"),
        ("profile: 5", "r.yaml:1:10: `profile` must be a string"),
        ("budget: {cpu_percent: true}", "r.yaml:1:23: `budget.cpu_percent` must be a whole number"),
        ("budget: {cpu_percent: 0}", "r.yaml:1:23: `budget.cpu_percent` is out of range; allowed: 1 to 10000"),
        ("journal: {max_bytes: 1GiB}\nring: {max_bytes: 1GiB}", "r.yaml:2:19: `ring.max_bytes` is out of range"),
        ("sources: {clock: {enabled: 1}}", "r.yaml:1:28: `clock.enabled` must have the same type as its default, True"),
        (
            "sources: {clock: {jump_ms: soon}}",
            "r.yaml:1:28: `clock.jump_ms` must have the same type as its default, 50",
        ),
        ("sources: {memory: {roots: /x}}", "r.yaml:1:27: `memory.roots` must have the same type as its default"),
        (
            "upload: {destination: 's3://key:hunter2@b'}",
            "r.yaml:1:23: `upload.destination`: it must not contain a user name, a password or a key",
        ),
        ("upload: {bytes_per_second: 1KiB}", "r.yaml:1:28: `upload.bytes_per_second` is out of range; allowed: 64KiB"),
        ("upload: {max_age: 5m}", "r.yaml:1:19: `upload.max_age` is out of range; allowed: at least 1h"),
        ("freeze: {triggers: [{table: ooom}]}", "did you mean `oom`?"),
        ("freeze: {triggers: [{table: oom, event_name: oom.kil}]}", "did you mean `oom.kill`?"),
        ("freeze: {triggers: [{}]}", "r.yaml:1:21: an item of `freeze.triggers` needs the key `table`"),
        ("a: 1\n---\nb: 2", "r.yaml: a configuration must be a single YAML document"),
        ("ring: &a {}\njournal: *a", "anchors and aliases are not allowed"),
    ],
)
def test_mistakes_are_told_with_their_place(text: str, message: str):
    with pytest.raises(ConfigurationError) as caught:
        parse(text)
    assert message in str(caught.value)
    assert caught.value.exit_code is ExitCode.CONFIGURATION


def test_a_missing_file_is_told_apart_from_a_wrong_one(tmp_path: Path):
    with pytest.raises(MissingInputError) as caught:
        read_config(tmp_path / "none.yaml", SPECS)
    assert "none.yaml" in str(caught.value)
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError):
        read_config(binary, SPECS)


def test_profiles_hold_everything_of_the_ones_before():
    def names(profile: str, extra: str = "") -> set[str]:
        return {spec.name for spec in select_sources(parse(f"profile: {profile}\n{extra}"), SPECS)}

    assert names("lean") <= names("default") <= names("deep") == {spec.name for spec in SPECS if not spec.off_without}
    assert "memory" not in names("deep", "sources: {memory: {enabled: false}}")
    assert "tracepoint" in names("lean", "sources: {tracepoint: {enabled: true}}")


def test_the_destination_of_uploads_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    assert parse("").upload.resolved_destination == ""
    monkeypatch.setenv("TAPIO_UPLOAD_DESTINATION", "s3://bucket/pre")
    assert parse("profile: lean").upload.resolved_destination == "s3://bucket/pre"
    assert parse("upload: {destination: /mnt/x}").upload.resolved_destination == "/mnt/x"


def test_the_node_has_a_name(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NODE_NAME", "worker-7")
    assert RecorderConfig().resolved_node_name == "worker-7"
    assert RecorderConfig(node_name="mine").resolved_node_name == "mine"
    monkeypatch.delenv("NODE_NAME")
    assert RecorderConfig().resolved_node_name
