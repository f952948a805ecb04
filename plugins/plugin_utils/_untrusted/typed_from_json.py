# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From JSON back to the frozen dataclasses that it was made of."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import SCHEMA, HostState

_T = TypeVar("_T")


class WrongShape(LifeboatError):
    """The JSON is not what this version of the collection writes."""


def load_state(facts: Mapping[str, Any]) -> HostState:
    """The HostState inside what M(lifeboat.oom.memory_facts) returned. Raises WrongShape."""
    schema = facts.get("schema")
    if schema != SCHEMA:
        raise WrongShape(f"the state of the host has schema {schema!r}, expected {SCHEMA}; audit the host again")
    return load(HostState, facts, "memory_health")


def load(kind: type[_T], data: Any, where: str) -> _T:
    """An instance of dataclass I(kind); keys that it does not have are left out. Raises WrongShape."""
    if not isinstance(data, Mapping):
        raise WrongShape(f"{where}: found {type(data).__name__}, expected a dictionary ({kind.__name__})")
    values = {}
    for name, hint in _hints(kind).items():
        if name not in data:
            raise WrongShape(f"{where}: {name} is missing ({kind.__name__})")
        values[name] = _value(hint, data[name], f"{where}.{name}")
    return kind(**values)


def _hints(kind: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(kind, localns={"Loader": str})
    return {field.name: hints[field.name] for field in fields(kind)}


def _value(hint: Any, data: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return data
    if origin in (typing.Union, types.UnionType):
        if data is None:
            return None
        return _value(next(one for one in arguments if one is not types.NoneType), data, where)
    if origin is tuple:
        if not isinstance(data, (list, tuple)):
            raise WrongShape(f"{where}: found {type(data).__name__}, expected a list")
        return tuple(_value(arguments[0], entry, f"{where}[{number}]") for number, entry in enumerate(data))
    if origin is Mapping:
        if not isinstance(data, Mapping):
            raise WrongShape(f"{where}: found {type(data).__name__}, expected Mapping")
        return {str(key): _value(arguments[1], entry, f"{where}.{key}") for key, entry in data.items()}
    if is_dataclass(hint) and isinstance(hint, type):
        return load(hint, data, where)
    return _plain(origin or hint, data, where)


def _plain(kind: Any, data: Any, where: str) -> Any:
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    # A boolean is an int for Python, and not for us.
    if not isinstance(data, kind) or (isinstance(data, bool) and kind is not bool):
        raise WrongShape(f"{where}: found {type(data).__name__}, expected {kind.__name__}")
    return data
