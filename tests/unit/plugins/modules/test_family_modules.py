# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of the module of each family says what the table says."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import pytest
import yaml

from ansible_collections.lifeboat.oom.plugins.doc_fragments.sysctl import ModuleDocFragment
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.families import FAMILIES
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.family import Family
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.sysctls import SysctlFamily

MODULES = "ansible_collections.lifeboat.oom.plugins.modules."


def plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Without what only one side says: descriptions, and where options of options are."""
    keys = ("type", "elements", "required", "default", "choices")
    return {
        name: {key: option[key] for key in keys if key in option}
        | {"options": plain(option.get("suboptions") or option.get("options") or {})}
        for name, option in options.items()
    }


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_the_options_of_the_module_are_those_of_the_table(family: Family) -> None:
    documentation = yaml.safe_load(import_module(MODULES + family.module).DOCUMENTATION)
    options = documentation["options"]
    if isinstance(family, SysctlFamily):
        assert "lifeboat.oom.sysctl" in documentation["extends_documentation_fragment"]
        options |= yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    assert plain(options) == plain(family.spec)
    assert documentation["module"] == family.module
