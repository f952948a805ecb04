# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables that are ours: what the argument specs of the roles name."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.common.yaml import yaml_load

from ansible_collections.lifeboat.oom.plugins.module_utils._policy.inventory import ADDED
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.services import SERVICES

Spec = Mapping[str, Any]
_ROLES = Path(__file__).resolve().parents[3] / "roles"
# What a playbook takes and what a role leaves behind: no argument spec names them.
_NO_OPTIONS = ("oom_hosts", "oom_drill_result")


@functools.cache
def _specs() -> Mapping[str, Spec]:
    found: dict[str, Spec] = {}
    for path in sorted(_ROLES.glob("*/meta/argument_specs.yml")):
        for entry in yaml_load(path.read_text(encoding="utf-8"))["argument_specs"].values():
            found.update(entry["options"])
    return found


@functools.cache
def _prefixes() -> tuple[str, ...]:
    return tuple({name[: name.index("_", len("oom_")) + 1] for name in _specs()})


def spec_of(name: str) -> Spec | None:
    """What the argument specs say of a variable, C(None) where they do not name it."""
    return _specs().get(SERVICES.variable if name.startswith(ADDED) else name)


def meant(name: str) -> str | None:
    """What to write in place of a variable that begins like ours and is not, C(None) for any other."""
    if name in _NO_OPTIONS or spec_of(name) is not None or not name.lower().startswith("oom"):
        return None
    prefix = next((prefix for prefix in _prefixes() if name.lower().startswith(prefix)), None)
    if prefix is None:
        # Somebody else's, unless it is a letter or two off.
        return nearest(name, [*_specs(), *_NO_OPTIONS], 0.85)
    same_role = [each[len(prefix) :] for each in _specs() if each.startswith(prefix)]
    near = nearest(name[len(prefix) :], same_role)
    return prefix + near if near else one_of(prefix + each for each in same_role)


def nearest(word: str, known: Iterable[str], likeness: float = 0.7) -> str | None:
    return next(iter(difflib.get_close_matches(word.lower(), list(known), 1, likeness)), None)


def one_of(words: Iterable[str]) -> str:
    return "one of: " + ", ".join(words)
