# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.plugin_utils._action.action import subject


@pytest.mark.parametrize("delegate", [None, "", "kiosk"])
def test_what_is_found_belongs_to_the_host_of_the_task(delegate: str | None) -> None:
    action: Any = SimpleNamespace(_task=SimpleNamespace(delegate_to=delegate))
    assert subject(action, {"inventory_hostname": "kiosk"}) == "kiosk"


def test_what_is_delegated_is_not_filed_as_the_host() -> None:
    action: Any = SimpleNamespace(_task=SimpleNamespace(delegate_to="localhost"))
    with pytest.raises(
        LifeboatError, match=r"delegated to localhost, .* would be taken for that of kiosk; run it with "
    ):
        subject(action, {"inventory_hostname": "kiosk"})
