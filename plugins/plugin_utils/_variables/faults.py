# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the variables of a host that begin like ours, each in one sentence."""

from __future__ import annotations

import contextlib
import importlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.lifeboat.oom.plugins.module_utils._policy.checks import shown
from ansible_collections.lifeboat.oom.plugins.plugin_utils._variables.known import (
    Spec,
    meant,
    nearest,
    one_of,
    spec_of,
)

_tags: Any = None
with contextlib.suppress(ImportError):  # before ansible-core 2.19
    _tags = importlib.import_module("ansible._internal._datatag._tags")


def faults(variables: Mapping[str, Any], resolve: Callable[[Any], Any]) -> Iterator[str]:
    """Of all I(variables) that begin like ours; I(resolve) makes the value of a template."""
    yield from of_names(variables)
    for name, raw in variables.items():
        spec = spec_of(name)
        if spec is None:
            continue
        try:
            value = resolve(raw)
        except AnsibleError:
            continue  # Who needs it says so; not every playbook knows what another one's variables are made of.
        yield from of_value(name, _place(raw), value, spec)


def of_names(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        instead = meant(name)
        if instead is not None:
            yield f"found the variable {name}{_place(name)}, which nothing here reads; expected {instead}; rename it"


def of_value(where: str, place: str, value: Any, spec: Spec) -> Iterator[str]:
    """What an argument spec refuses, and what of another type Ansible would take for one that was meant."""
    kind = spec.get("type", "str")
    expected, fits = _TYPES[kind]
    choices = () if kind == "list" else spec.get("choices", ())
    expected = one_of(choices) if choices else expected
    if value is None:
        return
    if not fits(value) or (choices and value not in choices):
        yield f"{where}{_place(value) or place}: found {shown(value)}, expected {expected}"
    elif kind == "list":
        for number, each in enumerate(value):
            yield from of_value(f"{where}[{number}]", place, each, {**spec, "type": spec.get("elements", "raw")})
    elif kind == "dict" and spec.get("options"):
        yield from _of_keys(where, place, value, spec["options"])


def _of_keys(where: str, place: str, value: Mapping[str, Any], options: Mapping[str, Spec]) -> Iterator[str]:
    for key, each in value.items():
        if key in options:
            yield from of_value(f"{where}.{key}", place, each, options[key])
        else:
            instead = nearest(str(key), options) or one_of(options)
            yield f"{where}{_place(key) or place}: found the key {shown(key)}, expected {instead}"
    for key, spec in options.items():
        if spec.get("required") and value.get(key) is None:
            yield f"{where}{place}: {key} is missing, expected {_TYPES[spec.get('type', 'str')][0]}"


def _is_bool(value: Any) -> bool:
    try:
        boolean(value)
    except TypeError:
        return False
    return True


def _is_int(value: Any) -> bool:
    if isinstance(value, str):
        return re.fullmatch(r"\s*-?[0-9]{1,18}\s*", value) is not None
    return isinstance(value, int) and not isinstance(value, bool)


_TYPES: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "str": ("a text", lambda value: isinstance(value, (str, int, float)) and not isinstance(value, bool)),
    "int": ("a whole number", _is_int),
    "bool": ("true or false", _is_bool),
    "list": ("a list", lambda value: isinstance(value, (list, tuple))),
    "dict": ("a dictionary", lambda value: isinstance(value, Mapping)),
    "raw": ("a value", lambda _value: True),
}


def _place(found: Any) -> str:
    """Where it was declared, as far as Ansible knows: it does of most of what files say, and not of true and false."""
    if _tags is not None:
        origin = _tags.Origin.get_tag(found)
        if origin is None:
            return ""
        # Of JSON the file alone is known.
        return f" ({':'.join(str(part) for part in (origin.path or origin.description, origin.line_num) if part)})"
    path, line, _column = getattr(found, "ansible_pos", None) or (None, None, None)
    return f" ({path}:{line})" if path else ""
