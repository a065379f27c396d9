"""A real cluster, by the official client: its kubeconfig, its credentials, its exec streams.

Here and not on the nodes: importing it takes a quarter of the memory that a recorder may have (ADR 4).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from analyzer.fleet.recorders import ConflictError, Json, RecorderPod
from formats.capture_kind import GROUP, PLURAL, VERSION
from formats.errors import ConfigurationError, MissingInputError, PermissionDeniedError, TapioError, UnavailableError
from formats.rows.kube_json import field, integer, items, parse_object, text
from formats.text import escape_text

SELECTOR = "app.kubernetes.io/name=tapio-recorder"
CONTAINER = "recorder"
_SILENCE_S = 60
_LOOK_S = 1.0
_END_CHANNEL = 3
"""How the command ended, as a `Status`. Source: k8s.io/apimachinery/pkg/util/remotecommand."""
_REQUEST_S = 30
_ERRORS_KEPT = 2_000
_LOG_BYTES = 1 << 16


class KubernetesCluster:
    """One namespace of the cluster that a kubeconfig names.

    Args:
        namespace: of the recorders and of Captures.
        kubeconfig: path; None: as kubectl.
        context: of the kubeconfig; None: the current one.

    Raises:
        UnavailableError: the client is not installed.
        ConfigurationError: the kubeconfig cannot be used.
    """

    def __init__(self, namespace: str, kubeconfig: str | None = None, context: str | None = None) -> None:
        try:
            from kubernetes import client, config  # noqa: PLC0415 - an extra, and slow to import
        except ModuleNotFoundError as error:
            raise UnavailableError(
                f"the package {error.name} is not installed",
                next_step="install it: pipx install 'tapio[analyzer,fleet]'",
            ) from error
        self.namespace = namespace
        try:
            load: Any = config.new_client_from_config
            self._client = load(config_file=kubeconfig, context=context)
        except (config.ConfigException, OSError) as error:
            raise ConfigurationError(
                f"the kubeconfig cannot be used ({escape_text(str(error), limit=200)})",
                where=kubeconfig,
                next_step="check it with `kubectl get nodes`, or give --kubeconfig and --context",
            ) from error
        self.address = escape_text(str(self._client.configuration.host), limit=200)
        # Untyped: what is asked for is JSON, and not the client's models.
        self._core: Any = client.CoreV1Api(self._client)
        self._objects: Any = client.CustomObjectsApi(self._client)

    def list_recorders(self) -> list[RecorderPod]:
        """See `Cluster`. Pods are read as JSON, not by the client's models, which refuse what they do not know."""
        answer = self._call(
            "pods",
            lambda: (
                self._core.list_namespaced_pod(
                    self.namespace, label_selector=SELECTOR, _request_timeout=_REQUEST_S, _preload_content=False
                ).data
            ),
        )
        pods = (_read_pod(raw) for raw in items(parse_object(answer), "items"))
        return sorted((pod for pod in pods if pod.node and pod.name), key=lambda pod: (pod.node, not pod.is_ready))

    def create_capture(self, content: Mapping[str, Any]) -> Json:
        """See `Cluster`."""
        created: Json = self._call(
            PLURAL,
            lambda: self._objects.create_namespaced_custom_object(
                GROUP, VERSION, self.namespace, PLURAL, dict(content), _request_timeout=_REQUEST_S
            ),
        )
        return created

    def read_capture(self, name: str) -> Json:
        """See `Cluster`."""
        found: Json = self._call(
            f"{PLURAL}/{name}",
            lambda: self._objects.get_namespaced_custom_object(
                GROUP, VERSION, self.namespace, PLURAL, name, _request_timeout=_REQUEST_S
            ),
        )
        return found

    def list_captures(self) -> list[Json]:
        """See `Cluster`."""
        answer = self._call(
            PLURAL,
            lambda: self._objects.list_namespaced_custom_object(
                GROUP, VERSION, self.namespace, PLURAL, _request_timeout=_REQUEST_S
            ),
        )
        found = [raw for raw in items(answer, "items") if isinstance(raw, dict)]
        return sorted(found, key=lambda raw: text(field(raw, "metadata"), "creationTimestamp"), reverse=True)

    def delete_capture(self, name: str) -> None:
        """See `Cluster`."""
        self._call(
            f"{PLURAL}/{name}",
            lambda: self._objects.delete_namespaced_custom_object(
                GROUP, VERSION, self.namespace, PLURAL, name, _request_timeout=_REQUEST_S
            ),
        )

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Json | None = None,
        content_type: str = "application/json",
    ) -> Json:
        """See `Cluster`."""
        what = path.partition("/namespaces/")[2].partition("/")[2] or path.rpartition("/")[2]
        headers = {"Accept": "application/json", "Content-Type": content_type}
        answer = self._call(what, lambda: self._send((method, path), query, headers, body=body))
        return parse_object(answer.data) or {}

    def _send(
        self,
        target: tuple[str, str],
        query: Mapping[str, str] | None,
        headers: dict[str, str],
        *,
        body: Json | None = None,
        timeout: object = _REQUEST_S,
    ) -> Any:
        """The response to a method and a path, which has not been read unless it is an error."""
        from kubernetes.client.exceptions import ApiException  # noqa: PLC0415 - as above

        serialized = self._client.param_serialize(
            *target,
            query_params=list((query or {}).items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        answer = self._client.call_api(*serialized, _request_timeout=timeout)
        if not 200 <= answer.status <= 299:
            answer.read()
            raise ApiException.from_response(http_resp=answer, body=None, data=None)
        return answer.response

    def read_log(self, pod: RecorderPod, options: Mapping[str, str]) -> Iterator[bytes]:
        """See `Cluster`.

        Raises:
            UnavailableError: the stream broke.
        """
        where = f"pod {self.namespace}/{pod.name}"
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod.name}/log"
        query = {"container": CONTAINER, **options}
        # A log that is followed may say nothing for hours.
        timeout = (_REQUEST_S, None) if "follow" in query else _REQUEST_S
        opened = self._call(where, lambda: self._send(("GET", path), query, {"Accept": "*/*"}, timeout=timeout))
        pieces = opened.stream(_LOG_BYTES)
        try:
            while (piece := self._call(where, partial(next, pieces, None))) is not None:
                yield piece
        finally:
            opened.close()

    def run(self, pod: RecorderPod, command: Sequence[str]) -> Iterator[bytes]:
        """See `Cluster`.

        Raises:
            UnavailableError: the stream broke, was silent for a minute, or the command failed: with what it said.
        """
        from kubernetes.stream import stream  # noqa: PLC0415 - as above

        where = f"pod {self.namespace}/{pod.name}"
        opened = self._call(
            where,
            lambda: stream(
                self._core.connect_get_namespaced_pod_exec,
                pod.name,
                self.namespace,
                command=list(command),
                container=CONTAINER,
                stdin=False,
                stdout=True,
                stderr=True,
                tty=False,
                binary=True,
                _preload_content=False,
            ),
        )
        errors, heard_s = b"", time.monotonic()
        try:
            while True:
                # First whether it has ended, then what has come: what comes with the end must not be left.
                if opened.is_open():
                    self._call(where, partial(opened.update, timeout=_LOOK_S))
                has_ended = not opened.is_open() or bool(opened.peek_channel(_END_CHANNEL))
                piece = opened.read_channel(1)
                errors = (errors + opened.read_channel(2))[-_ERRORS_KEPT:]
                if piece:
                    heard_s = time.monotonic()
                    yield piece
                elif has_ended:
                    break
                elif time.monotonic() - heard_s > _SILENCE_S:
                    raise UnavailableError(f"nothing came for {_SILENCE_S} s", where=where, next_step="try again")
            _check_end(parse_object(opened.read_channel(_END_CHANNEL)), errors, where)
        finally:
            opened.close()

    def _call(self, what: str, do: Callable[[], Any]) -> Any:
        """Do a request; errors of the client become sentences."""
        from kubernetes.client.exceptions import ApiException  # noqa: PLC0415 - as above
        from urllib3.exceptions import HTTPError  # noqa: PLC0415 - comes with the client
        from websocket import WebSocketException  # noqa: PLC0415 - same

        try:
            return do()
        except ApiException as error:
            raise _explain(
                error.status, parse_object(error.body or b""), str(error.reason), what, self.namespace
            ) from error
        except (HTTPError, WebSocketException, OSError) as error:
            raise UnavailableError(
                f"the connection to the API server failed ({escape_text(str(error), limit=200)})",
                where=f"{self.address} ({what})",
                next_step="check it with `kubectl get nodes`",
            ) from error


def _read_pod(raw: object) -> RecorderPod:
    status = field(raw, "status")
    conditions = {text(condition, "type"): text(condition, "status") for condition in items(status, "conditions")}
    is_ending = bool(text(field(raw, "metadata"), "deletionTimestamp"))
    return RecorderPod(
        node=text(field(raw, "spec"), "nodeName"),
        name=text(field(raw, "metadata"), "name"),
        is_ready=conditions.get("Ready") == "True" and not is_ending,
        state="Terminating" if is_ending else text(status, "phase") or "Unknown",
    )


def _check_end(status: Json | None, errors: bytes, where: str) -> None:
    """Raise unless the command succeeded."""
    if text(status, "status") == "Success":
        return
    said = escape_text(errors.decode("utf-8", "replace").strip() or text(status, "message"), limit=300)
    problem = said or "the stream ended before the command did"
    raise UnavailableError(problem, where=where, next_step="try again, or look at the pod's log")


def _explain(status: int | None, answer: Json | None, reason: str, what: str, namespace: str) -> TapioError:
    said = escape_text(text(answer, "message") or reason, limit=400)
    if status in (401, 403):
        return PermissionDeniedError(said, where=what, next_step="ask for the rights that docs/install.md names")
    if status == 404:
        step = f"check the namespace ({namespace}) and that the recorders are installed (`tapio fleet install`)"
        return MissingInputError(said, where=what, next_step=step)
    if status == 409:
        return ConflictError(said, where=what, next_step="choose other values")
    if status in (400, 422):
        return ConfigurationError(said, where=what, next_step="choose other values")
    code = integer({"code": status}, "code")
    return UnavailableError(
        f"the API server returned {code or 'no status'} ({said})", where=what, next_step="try again"
    )
