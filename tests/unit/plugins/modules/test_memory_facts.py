# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import yaml
from unit.samples import host_state

from ansible_collections.lifeboat.oom.plugins.module_utils._health.state import Unread
from ansible_collections.lifeboat.oom.plugins.modules.memory_facts import RETURN


def test_what_is_shown_of_the_facts_is_in_them() -> None:
    shown = yaml.safe_load(RETURN)["ansible_facts"]["contains"]["memory_health"]["contains"]
    facts = host_state(unread=(Unread("swap", "why"),)).as_facts()
    assert shown.keys() <= facts.keys()
    for name in ("kill_order", "forecast", "scores", "unread"):
        assert shown[name]["sample"][0].keys() == facts[name][0].keys()
    assert shown["memory"]["sample"].keys() <= facts["memory"].keys()
