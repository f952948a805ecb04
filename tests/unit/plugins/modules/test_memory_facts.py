# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import yaml
from unit.samples import host_state

from ansible_collections.lifeboat.oom.plugins.modules.memory_facts import RETURN


def test_every_fact_is_documented() -> None:
    facts = yaml.safe_load(RETURN)["ansible_facts"]["contains"]["memory_health"]["contains"]
    assert facts.keys() == host_state().as_facts().keys()
