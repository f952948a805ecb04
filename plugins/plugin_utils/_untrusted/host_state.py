# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one door through which a device's word becomes a state: nothing is kept, counted or drawn before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import SCHEMA, HostState
from ansible_collections.lifeboat.oom.plugins.plugin_utils._untrusted.typed_from_json import WrongShape, load


def validate(facts: Any) -> HostState:
    """The HostState inside the facts of M(lifeboat.oom.memory_facts). Raises WrongShape, which says why."""
    if not isinstance(facts, Mapping):
        raise WrongShape(f"found {type(facts).__name__}, expected a dictionary").within("memory_health")
    schema = facts.get("schema")
    if schema != SCHEMA or isinstance(schema, (bool, float)):
        what = f"found schema {str(schema)[:40]!r}, expected {SCHEMA}; audit the host again"
        raise WrongShape(what).within("memory_health")
    return load(HostState, facts, "memory_health")
