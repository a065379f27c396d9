"""The messages of the Container Runtime Interface that are sent and read, with the fields that are used.

Fields that are not declared are skipped. The numbers are the same in runtime.v1 and runtime.v1alpha2.

Source: kubernetes/cri-api v0.31 pkg/apis/runtime/v1/api.proto, v0.25 pkg/apis/runtime/v1alpha2/api.proto.
"""

from __future__ import annotations

from formats.protobuf_messages import Declarations, build_messages

_DECLARED: Declarations = {
    "VersionRequest": (),
    "VersionResponse": ((2, "string", "runtime_name"), (3, "string", "runtime_version")),
    "ListPodSandboxRequest": (),
    "ListPodSandboxResponse": ((1, "repeated PodSandbox", "items"),),
    "PodSandbox": (
        (1, "string", "id"),
        (2, "PodSandboxMetadata", "metadata"),
        (3, "int32", "state"),
        (4, "int64", "created_at"),
    ),
    "PodSandboxMetadata": (
        (1, "string", "name"),
        (2, "string", "uid"),
        (3, "string", "namespace"),
        (4, "uint32", "attempt"),
    ),
    "ListContainersRequest": (),
    "ListContainersResponse": ((1, "repeated Container", "containers"),),
    "Container": (
        (1, "string", "id"),
        (2, "string", "pod_sandbox_id"),
        (3, "ContainerMetadata", "metadata"),
        (6, "int32", "state"),
        (7, "int64", "created_at"),
    ),
    "ContainerMetadata": ((1, "string", "name"), (2, "uint32", "attempt")),
    # `verbose` is not declared: with it a runtime also tells the environment of the container.
    "ContainerStatusRequest": ((1, "string", "container_id"),),
    "ContainerStatusResponse": ((1, "ContainerStatus", "status"),),
    "ContainerStatus": (
        (1, "string", "id"),
        (2, "ContainerMetadata", "metadata"),
        (3, "int32", "state"),
        (4, "int64", "created_at"),
        (5, "int64", "started_at"),
        (6, "int64", "finished_at"),
        (7, "int32", "exit_code"),
        (8, "ImageSpec", "image"),
        (9, "string", "image_ref"),
        (10, "string", "reason"),
        (15, "string", "log_path"),
    ),
    "ImageSpec": ((1, "string", "image"),),
    "GetEventsRequest": (),
}


MESSAGES = build_messages("cri", _DECLARED)
"""The class of each message, by its name in api.proto."""
