# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that can be declared of the kernel is an option of the module, of the role, and passed from one to the other."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.lifeboat.oom.plugins.doc_fragments.sysctl import ModuleDocFragment
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.kernel import OomPolicy, OvercommitPolicy
from ansible_collections.lifeboat.oom.plugins.plugin_utils._audit.drift import load_policy

ROLE = Path(__file__).resolve().parents[4] / "roles/oom_kernel"
MODULES = "ansible_collections.lifeboat.oom.plugins.modules."


def load(path: str) -> Any:
    return yaml.safe_load((ROLE / path).read_text(encoding="utf-8"))


def options(text: str) -> dict[str, Any]:
    return yaml.safe_load(text)["options"]


@pytest.mark.parametrize(("name", "policy"), [("overcommit", OvercommitPolicy), ("oom_policy", OomPolicy)])
class TestModule:
    def test_the_role_passes_every_option_on(self, name: str, policy: type) -> None:
        documented = {
            **options(import_module(MODULES + name).DOCUMENTATION),
            **options(ModuleDocFragment.DOCUMENTATION),
        }
        variable = f"oom_kernel_{name}"
        declared = load("meta/argument_specs.yml")["argument_specs"]["main"]["options"][variable]["options"]
        (passed,) = (task[f"lifeboat.oom.{name}"] for task in load("tasks/apply.yml") if f"lifeboat.oom.{name}" in task)
        assert policy.__dataclass_fields__.keys() <= documented.keys()
        assert {each: spec["type"] for each, spec in declared.items()} == {
            each: spec["type"] for each, spec in documented.items()
        }
        assert passed == {each: f"{{{{ {variable}.{each} | default(omit) }}}}" for each in documented}

    def test_the_audit_reads_every_switch_as_the_module_does(self, name: str, policy: type) -> None:
        declared = load("meta/argument_specs.yml")["argument_specs"]["main"]["options"][f"oom_kernel_{name}"]["options"]
        switches = {each: "no" for each, spec in declared.items() if spec["type"] == "bool"}
        kernel = {"overcommit": (switches, None), "oom_policy": (None, switches)}[name]
        assert getattr(load_policy(*kernel), name) == dict.fromkeys(switches, False)
