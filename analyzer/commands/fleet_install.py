"""`tapio fleet install` and `uninstall`: the manifests of deploy/kubernetes on a cluster, and away again."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import click
import yaml

from analyzer.commands.fleet_cluster import cluster_options, connect, duration_option
from analyzer.fleet.cluster_objects import name_of
from analyzer.fleet.installing import install_objects, mark_objects, remove_superseded
from analyzer.fleet.manifests import DEFAULT_OVERLAY, list_overlays, render
from analyzer.fleet.recorders import Cluster, Json
from analyzer.fleet.rollout import wait_until_ready
from analyzer.fleet.uninstalling import Installed, find_installed
from analyzer.fleet.uninstalling import uninstall as remove_installed
from formats.command_line import examples
from formats.errors import ExitCode, MissingInputError, TapioError, UsageError
from formats.text import escape_text
from reports.quantities import counted

_CLIENT, _SERVER = "client", "server"
_INTERRUPTED = 130
"""What shells give for Ctrl-C: 128 and the number of SIGINT."""
_MAX_CONFIG_BYTES = 512 << 10
_NAMED = 5


@click.command(
    name="install",
    epilog=examples(
        "tapio fleet install --image registry.example.com/tapio-recorder:0.1.0",
        "tapio fleet install --dry-run | less",
        "tapio fleet install --overlay lean --config recorder.yaml --dry-run=server",
    ),
)
@cluster_options
@click.option(
    "--overlay",
    default=DEFAULT_OVERLAY,
    help=f"What is recorded, and if it is uploaded: {', '.join(list_overlays())}. Default: {DEFAULT_OVERLAY}.",
)
@click.option("--image", default="", help="Image of the recorder, with registry and tag.")
@click.option(
    "--config", type=click.Path(path_type=Path), help="Configuration of the recorders (YAML). Default: the shipped one."
)
@click.option("--data-path", default="", help="Directory of each node for recordings. Default: /var/lib/tapio.")
@click.option(
    "--dry-run",
    is_flag=False,
    flag_value=_CLIENT,
    type=click.Choice([_CLIENT, _SERVER]),
    help="Change nothing: print the manifests (client, the default), or what the API server says of them (server).",
)
@click.option("--force-conflicts", is_flag=True, help="Take over objects and fields that others created or set.")
@click.option("--timeout", default="10m", help="How long to wait for the nodes. Default: 10m.")
@click.option("--wait/--no-wait", default=True, help="Wait until the recorder of every node is ready.")
@click.pass_context
def install(
    context: click.Context,
    *,
    overlay: str,
    image: str,
    config: Path | None,
    data_path: str,
    dry_run: str | None,
    force_conflicts: bool,
    timeout: str,
    wait: bool,
    namespace: str,
    kubeconfig: str | None,
    kube_context: str | None,
) -> None:
    """Install the recorder on every node, or upgrade it or change its settings; the same as `kubectl apply -k`.

    What exists is changed only if this command created it. The exit code is 1 if a node is not ready in time:
    the rollout goes on, and the same command continues to wait for it.
    """
    timeout_ns = duration_option("--timeout", timeout) or 0
    objects = mark_objects(
        render(
            overlay,
            namespace=namespace,
            image=image,
            config=None if config is None else _read_config(config),
            data_path=data_path,
        ),
        version("tapio"),
    )
    if dry_run == _CLIENT:
        click.echo(yaml.safe_dump_all(objects, sort_keys=False, allow_unicode=True), nl=False)
        return
    cluster = connect(namespace, kubeconfig, kube_context)
    applied: list[str] = []
    again = shlex.join(["tapio", "fleet", *sys.argv[2:]]) if len(sys.argv) > 2 else "tapio fleet install"

    def tell(line: str) -> None:
        applied.append(line)
        click.echo(line)

    try:
        install_objects(cluster, objects, force=force_conflicts, dry_run=dry_run == _SERVER, told=tell)
    except (TapioError, KeyboardInterrupt) as error:
        if applied and dry_run is None:
            click.echo(
                f"{len(applied)} of {len(objects)} objects were applied; "
                "run the same command again, or remove them with `tapio fleet uninstall`",
                err=True,
            )
        if isinstance(error, KeyboardInterrupt):
            context.exit(_INTERRUPTED)
        raise
    if dry_run is not None or not wait:
        return
    try:
        rollout = wait_until_ready(cluster, seconds=timeout_ns / 1e9, told=click.echo)
    except KeyboardInterrupt:
        click.echo(
            "interrupted: the installation goes on without this command; `tapio fleet status` shows how far it is",
            err=True,
        )
        context.exit(_INTERRUPTED)
    if not rollout.is_done:
        names = [node for node in rollout.waiting if node]
        click.echo(
            f"not ready on {counted(rollout.nodes - rollout.ready, 'node')} after {timeout}{_name(names)}; "
            f"the installation goes on, and `{escape_text(again)}` waits for it again",
            err=True,
        )
        context.exit(ExitCode.NEGATIVE)
    remove_superseded(cluster, objects, told=click.echo)
    click.echo("installed: `tapio fleet status` shows what each node records")


@click.command(name="uninstall", epilog=examples("tapio fleet uninstall", "tapio fleet uninstall --yes"))
@cluster_options
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--timeout", default="2m", help="How long to wait until everything is gone. Default: 2m.")
@click.pass_context
def uninstall(
    context: click.Context,
    *,
    yes: bool,
    timeout: str,
    namespace: str,
    kubeconfig: str | None,
    kube_context: str | None,
) -> None:
    """Remove what `tapio fleet install` created from the cluster, all Captures included.

    Recordings stay on the nodes. The exit code is 1 if something is still there in the end.
    """
    timeout_ns = duration_option("--timeout", timeout) or 0
    cluster = connect(namespace, kubeconfig, kube_context)
    manifests = render(namespace=namespace)
    installed = find_installed(cluster, manifests)
    if not installed.objects:
        raise _explain_nothing(cluster)
    _describe(installed, cluster)
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("there is no terminal to ask on", where="--yes", next_step="give --yes to remove all this")
        click.confirm("Remove all this?", abort=True)
    left = remove_installed(cluster, installed, seconds=timeout_ns / 1e9, told=click.echo)
    if left:
        click.echo(f"still there after {timeout}: {', '.join(left)}; run the same command again", err=True)
        context.exit(ExitCode.NEGATIVE)
    if installed.nodes and installed.data_path:
        nodes, path = counted(len(installed.nodes), "node"), installed.data_path
        click.echo(
            f"recordings stay in {path} on {nodes}{_name(installed.nodes)}; "
            f"remove them there with `rm -r {escape_text(shlex.quote(path))}` as root"
        )


def _describe(installed: Installed, cluster: Cluster) -> None:
    click.echo(f"To remove from {cluster.address}:")
    for content in installed.objects:
        click.echo(f"  {name_of(content)}")
    if installed.captures:
        click.echo(f"  {counted(installed.captures, 'Capture')}; the files stay on the nodes")
    if installed.others:
        more = f" and {len(installed.others) - _NAMED} more" if len(installed.others) > _NAMED else ""
        click.echo(
            f"The namespace {cluster.namespace} stays: it also contains {', '.join(installed.others[:_NAMED])}{more}"
        )


def _explain_nothing(cluster: Cluster) -> TapioError:
    where = f"namespace {cluster.namespace}"
    if cluster.list_recorders():
        return MissingInputError(
            "the recorders were not installed by `tapio fleet install`",
            where=where,
            next_step="remove them the way they were installed: `kubectl delete -k`, or `helm uninstall`",
        )
    return MissingInputError("nothing is installed", where=where, next_step="name another one with -n or --context")


def _read_config(path: Path) -> str:
    try:
        raw = path.read_bytes()
        content: Json | None = yaml.safe_load(raw.decode())
    except OSError as error:
        raise MissingInputError(f"cannot be read ({error.strerror})", where=str(path)) from error
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(f"is not YAML ({escape_text(first, limit=200)})", where=str(path)) from error
    if not isinstance(content, dict) or len(raw) > _MAX_CONFIG_BYTES:
        raise UsageError(
            "is not a configuration of the recorder", where=str(path), next_step="see docs/configuration.md"
        )
    return raw.decode()


def _name(nodes: Sequence[str]) -> str:
    """Names in brackets, the first few."""
    more = f" and {len(nodes) - _NAMED} more" if len(nodes) > _NAMED else ""
    return f" ({', '.join(nodes[:_NAMED])}{more})" if nodes else ""
