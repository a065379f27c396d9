"""The command `tapio-recorder`: record, ask how it goes, freeze, check the node, plan the disk."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from formats.command_line import CommandGroup, examples, run_command
from formats.errors import ConfigurationError, ExitCode, TapioError, UsageError
from formats.text import escape_text
from formats.units import format_bytes, parse_duration
from recorder.config import CgroupPath, RecorderConfig, normalize_cgroup_path, select_sources
from recorder.config_file import read_config
from recorder.control import ControlServer, request_reply
from recorder.delivery import choose_destination, deliver_capture, find_capture
from recorder.doctor import diagnose, fix_tracefs, format_diagnosis
from recorder.leadership import Leadership
from recorder.linux.allocation import limit_allocation
from recorder.metrics_server import MetricsServer
from recorder.plan import format_plan, plan_retention
from recorder.registry import SOURCES
from recorder.source import Profile
from recorder.start import start_recorder
from recorder.status import RecorderStatus, format_status
from recorder.store.layout import DataDirectory

if TYPE_CHECKING:
    from recorder.fleet.elector import Elector
    from recorder.fleet.fleet import Fleet

_CONFIG = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    help="Configuration file (docs/configuration.md). Default: built-in defaults.",
)
_DATA_DIR = click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Data directory; overrides data_dir of the configuration.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(None, "-V", "--version", package_name="tapio")
def cli() -> None:
    """Record what a Kubernetes node does, in a bounded ring on its disk, and freeze it when something breaks."""


@cli.command(
    epilog=examples(
        "tapio-recorder run --config recorder.yaml",
        "tapio-recorder run --data-dir /var/lib/tapio --profile lean",
    )
)
@_CONFIG
@_DATA_DIR
@click.option(
    "--cgroup",
    "cgroups",
    multiple=True,
    help="Record only this cgroup (path relative to the root of the hierarchy) and its descendants; can be repeated.",
)
@click.option(
    "--profile",
    type=click.Choice([str(profile) for profile in Profile]),
    help="Profile: how much is recorded; overrides profile of the configuration.",
)
def run(config_path: Path | None, data_dir: Path | None, cgroups: tuple[str, ...], profile: str | None) -> None:
    """Record until SIGTERM or SIGINT, then seal the journal and exit within 5 seconds."""
    config = _load_config(config_path, data_dir)
    if cgroups:
        config = msgspec.structs.replace(config, cgroups=_normalize_cgroups(cgroups))
    if profile:
        config = msgspec.structs.replace(config, profile=Profile(profile))
    os.umask(0o077)  # recordings are for the owner alone
    limit_allocation()
    chosen = {spec.name for spec in select_sources(config, [source.spec for source in SOURCES])}
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    sources = [source() for source in SOURCES if source.spec.name in chosen]
    fleet = _make_fleet(config, stop) if config.fleet.enabled else None
    leadership = Leadership(is_elected=config.election.enabled)
    elector = _make_elector(config, leadership, stop) if config.election.enabled else None
    on_trigger = (lambda _: None) if fleet is None else fleet.announce
    daemon = start_recorder(config, sources, log=_log, stop=stop, on_trigger=on_trigger, leadership=leadership)

    def read_status() -> RecorderStatus:
        return dataclasses.replace(
            daemon.status,
            fleet=daemon.status.fleet if fleet is None else fleet.describe(),
            election=daemon.status.election if elector is None else elector.describe(),
        )

    control = ControlServer(config.socket_path, read_status, daemon.request_freeze)
    metrics = MetricsServer(config.metrics_listen, read_status) if config.metrics_listen else None
    try:
        control.start()
        if metrics is not None:
            metrics.start()
        if fleet is not None:
            uploader = daemon.store.uploader
            find_uploaded = uploader.find_uri if uploader.is_on else None
            fleet.start(daemon.request_freeze, lambda: daemon.status.have_from_unix_nano, find_uploaded)
        if elector is not None:
            elector.start()
        _log(f"recording on {config.resolved_node_name} to {config.data_dir}")
    except TapioError:
        daemon.finish()
        raise
    try:
        daemon.run()
    finally:
        if elector is not None:
            elector.close()
        if fleet is not None:
            fleet.close()
        control.close()
        if metrics is not None:
            metrics.close()
    _log("ended")


@cli.command(
    epilog=examples(
        "tapio-recorder status",
        "tapio-recorder status --json | jq .sources",
    )
)
@_CONFIG
@_DATA_DIR
@_JSON
def status(config_path: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Show the state of the running recorder: sources, losses, how far back a freeze can reach, its own cost."""
    answer = request_reply(_load_config(config_path, data_dir).socket_path, {"command": "status"})
    answer.pop("ok")
    click.echo(json.dumps(answer, indent=2, sort_keys=True) if as_json else escape_lines(format_status(answer)))


@cli.command(
    epilog=examples(
        "tapio-recorder freeze --before 10m -o night.tapio",
        'tapio-recorder freeze --after 30s --reason "frontend returns 5xx"',
    )
)
@_CONFIG
@_DATA_DIR
@_JSON
@click.option(
    "--before", help="How far back the capture reaches, such as 10m. Default: freeze.before of the configuration."
)
@click.option("--after", help="How much longer to record, such as 30s. Default: freeze.after of the configuration.")
@click.option("--reason", default="", help="Reason, stored in the capture.")
@click.option(
    "-o",
    "--output",
    help="File or directory for the capture; `.tapio` is appended. Default: only captures/ in the data directory.",
)
@click.option("--force", is_flag=True, help="Overwrite the file given with -o if it exists.")
def freeze(
    config_path: Path | None,
    data_dir: Path | None,
    *,
    before: str | None,
    after: str | None,
    reason: str,
    output: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Make a capture of the time window around now, and wait until it is written. Recording continues."""
    if force and output is None:
        raise UsageError("--force requires -o", next_step="give -o PATH")
    destination = None if output is None else choose_destination(output, may_replace=force)
    config = _load_config(config_path, data_dir)
    request = {
        "command": "freeze",
        "reason": reason,
        "before_ns": _duration("--before", before),
        "after_ns": _duration("--after", after),
    }
    result = request_reply(config.socket_path, request, seconds=None)["freeze"]
    if destination is not None:
        reported = Path(result["path"])
        below_ours = DataDirectory(config.data_dir).captures / reported.name
        capture = find_capture((reported, below_ours), result["size"])
        result |= {"path": str(deliver_capture(capture, destination)), "recorder_path": str(capture)}
    if as_json:
        click.echo(json.dumps(result, indent=2, sort_keys=True))
        return
    click.echo(f"requested  {result['asked_from']} to {result['asked_to']}")
    click.echo(f"recorded   {result['achieved_from']} to {result['achieved_to']}")
    click.echo(f"{escape_text(result['path'])}  {format_bytes(result['size'])}")
    if "recorder_path" in result:
        click.echo(f"also in    {escape_text(result['recorder_path'])}")


@cli.command(
    epilog=examples(
        "tapio-recorder doctor",
        "tapio-recorder doctor --fix",
    )
)
@_CONFIG
@_DATA_DIR
@_JSON
@click.option("--fix", is_flag=True, help="Mount tracefs if it is not mounted.")
def doctor(config_path: Path | None, data_dir: Path | None, *, as_json: bool, fix: bool) -> int:
    """Check for every source whether it works on this node, works with a fallback, or does not work, and how to fix it.

    The exit code is 1 if a source of the profile does not work.
    """
    config = _load_config(config_path, data_dir)
    if fix:
        click.echo(fix_tracefs(config.host), err=True)
    diagnosis = diagnose(config, SOURCES)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(diagnosis), indent=2, sort_keys=True))
    else:
        click.echo(escape_lines(format_diagnosis(diagnosis)))
    return ExitCode.OK if diagnosis.is_good else ExitCode.NEGATIVE


@cli.command(
    epilog=examples(
        "tapio-recorder plan --config recorder.yaml",
    )
)
@_CONFIG
@_DATA_DIR
@_JSON
def plan(config_path: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Estimate from the recorded data how many hours fit into the ring, and the share of each table."""
    outlook = plan_retention(_load_config(config_path, data_dir))
    click.echo(json.dumps(dataclasses.asdict(outlook), indent=2, sort_keys=True) if as_json else format_plan(outlook))


def _make_fleet(config: RecorderConfig, stop: threading.Event) -> Fleet:
    from recorder.fleet.fleet import Fleet  # noqa: PLC0415 - a recorder of a single node needs no HTTP and no TLS for it

    return Fleet(config, stop, log=_log)


def _make_elector(config: RecorderConfig, leadership: Leadership, stop: threading.Event) -> Elector:
    from recorder.fleet.elector import Elector  # noqa: PLC0415 - as above

    return Elector(config, leadership, stop, log=_log)


def escape_lines(text: str) -> str:
    """Text of several lines, each made safe to show."""
    return "\n".join(escape_text(line) for line in text.splitlines())


def _load_config(path: Path | None, data_dir: Path | None) -> RecorderConfig:
    config = RecorderConfig() if path is None else read_config(path, [source.spec for source in SOURCES])
    if data_dir is None:
        return config
    return msgspec.structs.replace(config, data_dir=data_dir.absolute())


def _normalize_cgroups(paths: tuple[str, ...]) -> tuple[CgroupPath, ...]:
    try:
        return tuple(normalize_cgroup_path(path) for path in paths)
    except ValueError as error:
        raise ConfigurationError(str(error), where="--cgroup") from None


def _duration(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(str(error), where=option) from None


def _log(message: str) -> None:
    click.echo(f"tapio-recorder: {escape_text(message)}", err=True)


def main() -> None:
    """Entry point of the command `tapio-recorder`."""
    run_command(cli, "tapio-recorder")


if __name__ == "__main__":
    main()
