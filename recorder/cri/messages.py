"""The messages of the Container Runtime Interface that are sent and read, with the fields that are used.

Fields that are not declared are skipped. The numbers are the same in runtime.v1 and runtime.v1alpha2.

Source: kubernetes/cri-api v0.31 pkg/apis/runtime/v1/api.proto, v0.25 pkg/apis/runtime/v1alpha2/api.proto.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKAGE = "cri"
_TYPES = {
    "string": descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
    "int64": descriptor_pb2.FieldDescriptorProto.TYPE_INT64,
    "int32": descriptor_pb2.FieldDescriptorProto.TYPE_INT32,
    "uint32": descriptor_pb2.FieldDescriptorProto.TYPE_UINT32,
}
_MESSAGES: dict[str, tuple[tuple[int, str, str], ...]] = {
    # Number, type and name of each field. An enumeration is read as the number that it is.
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


def _build() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="cri.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, declared, field_name in fields:
            kind = declared.removeprefix("repeated ")
            field = message.field.add(number=number, name=field_name)
            field.label = field.LABEL_OPTIONAL if kind == declared else field.LABEL_REPEATED
            if kind in _TYPES:
                field.type = _TYPES[kind]
            else:
                field.type, field.type_name = field.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
    # A pool of our own: another package in the process may declare the same names.
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in _MESSAGES
    }


MESSAGES: dict[str, Any] = _build()
"""The class of each message, by its name in api.proto."""
