"""Every public field says what it means: the reader of a row or of a setting cannot guess its unit."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import re

import msgspec
import pytest

import formats

MODULES = [
    *(module.name for module in pkgutil.walk_packages(formats.__path__, "formats.")),
    *("recorder.config", "recorder.status"),
]


def described(kind: type) -> set[str]:
    """Names below "Attributes:" in the docstrings of a class and of those that it derives from."""
    sections = [
        inspect.cleandoc(base.__doc__ or "").partition("\nAttributes:\n")[2]
        for base in kind.__mro__
        if base not in (object, msgspec.Struct)
    ]
    return {name for section in sections for name in re.findall(r"^    (\w+): \S", section, re.MULTILINE)}


@pytest.mark.parametrize("name", MODULES)
def test_every_public_field_says_what_it_means(name):
    # GIVEN the dataclasses and Structs of a module
    for kind in vars(importlib.import_module(name)).values():
        if not isinstance(kind, type) or kind.__module__ != name or kind.__name__.startswith("_"):
            continue
        if dataclasses.is_dataclass(kind):
            fields = {field.name for field in dataclasses.fields(kind)}
        else:
            fields = set(getattr(kind, "__struct_fields__", ()))
        # WHEN a field is public THEN the docstring of its class has a line for it
        undescribed = {field for field in fields if not field.startswith("_")} - described(kind)
        assert undescribed == set(), kind.__name__
