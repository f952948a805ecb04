# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.lifeboat.oom.plugins.plugin_utils._variables.known import meant, spec_of

ROOT = Path(__file__).resolve().parents[5]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("oom_audit_fail_onn", "oom_audit_fail_on"),
        ("oom_audit_failon", "oom_audit_fail_on"),
        ("oom_drill_confrim", "oom_drill_confirm"),
        ("oom_kernel_overcomit", "oom_kernel_overcommit"),
        ("oom_monitor_enable", "oom_monitor_enabled"),
        ("oom_profile_durations", "oom_profile_duration"),
        ("oom_protect_service", "oom_protect_services"),
        ("oom_protect_servicesweb", "oom_protect_services"),
        ("oom_protect_exlusive", "oom_protect_exclusive"),
        ("oom_site_restarts", "oom_site_restart"),
        ("oom_host", "oom_hosts"),
        ("oom_kernal_overcommit", "oom_kernel_overcommit"),
        ("oom_protected_services", "oom_protect_services"),
        ("oomaudit_fail_on", "oom_audit_fail_on"),
        ("OOM_AUDIT_FAIL_ON", "oom_audit_fail_on"),
        ("oom_kernel_oom_policy", "one of: oom_kernel_overcommit, oom_kernel_reaction"),
    ],
)
def test_what_begins_like_ours_and_is_not_has_a_right_name(name: str, near: str) -> None:
    assert meant(name) == near


@pytest.mark.parametrize(
    "name",
    [
        "oom_hosts",
        "oom_drill_result",
        "oom_protect_services_override",
        "oom_protect_services_kiosks",
        "oom_score_of_the_web",
        "oom_alerts_to",
        "zoom_audit_fail_onn",
        "my_oom_audit_fail_onn",
        "__oom_kernel_result",
        "ansible_oom_kernel_overcomit",
        "inventory_hostname",
    ],
)
def test_what_is_ours_or_somebody_elses_is_left_alone(name: str) -> None:
    assert meant(name) is None


def test_all_that_roles_playbooks_and_examples_use_is_ours() -> None:
    """What a role registers for itself too: it is a variable of the host for the roles after it."""
    files = [path for folder in ("roles", "playbooks", "inventories") for path in (ROOT / folder).rglob("*.yml")]
    words = {word for path in files for word in re.findall(r"\b_*oom_\w+", path.read_text(encoding="utf-8"))}
    roles = {path.name for path in (ROOT / "roles").iterdir()}
    assert {word: meant(word) for word in words - roles if not word.endswith("_") and meant(word)} == {}


def test_each_list_of_services_is_of_the_same_kind() -> None:
    assert spec_of("oom_protect_services_kiosks") == spec_of("oom_protect_services") != None  # noqa: E711
