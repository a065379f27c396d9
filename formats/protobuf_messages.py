"""Messages of protobuf that are declared in Python, with the fields that are used: no generated code is needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

Declarations: TypeAlias = Mapping[str, tuple[tuple[int, str, str], ...]]
"""By the name of a message: number, type and name of each field. An enumeration is read as the number that it is."""

_TYPES = {
    name: getattr(descriptor_pb2.FieldDescriptorProto, f"TYPE_{name.upper()}")
    for name in ("bool", "bytes", "double", "fixed64", "int32", "int64", "string", "uint32")
}


def build_messages(package: str, declared: Declarations) -> dict[str, Any]:
    """The class of each message, by its name. Fields that are not declared are skipped.

    Args:
        package: a name of their own.
        declared: the messages.
    """
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for name, fields in declared.items():
        message = file.message_type.add(name=name)
        for number, written, field_name in fields:
            kind = written.removeprefix("repeated ")
            field = message.field.add(number=number, name=field_name)
            field.label = field.LABEL_OPTIONAL if kind == written else field.LABEL_REPEATED
            if kind in _TYPES:
                field.type = _TYPES[kind]
            else:
                field.type, field.type_name = field.TYPE_MESSAGE, f".{package}.{kind}"
    # A pool of our own: another package in the process may declare the same names.
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in declared}
