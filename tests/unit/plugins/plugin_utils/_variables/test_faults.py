# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError, AnsibleUndefinedVariable
from ansible.parsing.dataloader import DataLoader

from ansible_collections.lifeboat.oom.plugins.filter.declared import declared
from ansible_collections.lifeboat.oom.plugins.plugin_utils._variables.faults import faults, of_value


def found(variables: Any) -> list[str]:
    return list(faults(variables, lambda value: value))


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        (
            "oom_audit_fail_onn: drift",
            "found the variable oom_audit_fail_onn, which nothing here reads; expected oom_audit_fail_on; rename it",
        ),
        ("oom_audit_fail_on: drft", "oom_audit_fail_on: found 'drft', expected one of: none, drift, warning, critical"),
        ("oom_audit_fail_on: no", "oom_audit_fail_on: found False, expected one of: none, drift, warning, critical"),
        ("oom_audit_history_days: yes", "oom_audit_history_days: found True, expected a whole number"),
        ("oom_audit_history_days: 1.5", "oom_audit_history_days: found 1.5, expected a whole number"),
        ("oom_audit_history_days: a week", "oom_audit_history_days: found 'a week', expected a whole number"),
        ("oom_audit_report_dir: [a]", "oom_audit_report_dir: found ['a'], expected a text"),
        ("oom_audit_thresholds: 5", "oom_audit_thresholds: found 5, expected a dictionary"),
        (
            "oom_audit_thresholds: {available_low: 5}",
            "oom_audit_thresholds: found the key 'available_low', expected available_low_pct",
        ),
        (
            "oom_audit_thresholds: {leak_min_minutes: x}",
            "oom_audit_thresholds.leak_min_minutes: found 'x', expected a whole number",
        ),
        ("oom_monitor_enabled: perhaps", "oom_monitor_enabled: found 'perhaps', expected true or false"),
        ("oom_monitor_units: nginx.service", "oom_monitor_units: found 'nginx.service', expected a list"),
        ("oom_monitor_units: [a, {b: c}]", "oom_monitor_units[1]: found {'b': 'c'}, expected a text"),
        ("oom_protect_services_web: [nginx]", "oom_protect_services_web[0]: found 'nginx', expected a dictionary"),
        ("oom_protect_apply: never", "oom_protect_apply: found 'never', expected one of: live, restart, none"),
    ],
)
def test_what_is_refused_is_one_sentence(variables: str, said: str) -> None:
    assert found(yaml.safe_load(variables)) == [said]


@pytest.mark.parametrize(
    "variables",
    [
        "oom_audit_fail_on:",
        "oom_audit_history_days: '90'",
        "oom_monitor_enabled: 'yes'",
        "oom_profile_max_disk: 256",
        "oom_protect_max_protected_pct: [raw]",
        "oom_protect_services: []",
        "mine: [oom_audit_fail_onn]",
    ],
)
def test_what_is_not_refused(variables: str) -> None:
    assert found(yaml.safe_load(variables)) == []


def test_every_fault_is_told() -> None:
    assert len(found({"oom_audit_fail_on": "x", "oom_audit_failon": "y", "oom_monitor_units": 3})) == 3


def test_a_key_that_is_required_and_missing() -> None:
    spec = {"type": "list", "elements": "dict", "options": {"name": {"required": True}, "size": {"type": "int"}}}
    assert list(of_value("sizes", "", [{"name": "a"}, {"size": 5}], spec)) == [
        "sizes[1]: name is missing, expected a text"
    ]


def test_what_a_template_lacks_is_told_by_who_needs_it() -> None:
    def resolve(_value: Any) -> Any:
        raise AnsibleUndefinedVariable("'reports' is undefined")

    assert list(faults({"oom_audit_report_dir": "{{ reports }}"}, resolve)) == []


def test_the_file_and_the_line_are_told(tmp_path: Path) -> None:
    path = tmp_path / "kiosks.yml"
    path.write_text("---\noom_audit_failon: drift\noom_audit_fail_on: drft\noom_audit_thresholds:\n  swap: 5\n")
    said = found(DataLoader().load_from_file(str(path)))
    assert [sentence.partition(f" ({path}:")[2].partition(")")[0] for sentence in said] == ["2", "3", "5"]


def test_of_json_the_file_is_told_if_anything(tmp_path: Path) -> None:
    path = tmp_path / "kiosks.json"
    path.write_text('{"oom_audit_fail_on": "drft"}')
    (said,) = found(DataLoader().load_from_file(str(path)))
    assert (
        said.replace(f" ({path})", "")
        == "oom_audit_fail_on: found 'drft', expected one of: none, drift, warning, critical"
    )


def test_the_filter_does_not_pass_over_a_misspelled_name() -> None:
    with pytest.raises(AnsibleFilterError, match=r"^found the variable oom_kernel_overcomit, "):
        declared({"oom_kernel_overcomit": {}, "oom_protect_services": []})
