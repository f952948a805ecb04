# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from unit.samples import host_state

from ansible_collections.lifeboat.oom.plugins.action.drill import why_not, why_not_here


@pytest.mark.parametrize(
    ("confirmed", "transport", "says"),
    [
        pytest.param("", "ssh", "oom_drill_confirm is not set, and this is kiosk", id="not confirmed"),
        pytest.param("web", "ssh", "oom_drill_confirm names 'web', and this is kiosk", id="another host"),
        pytest.param("all", "ssh", "set oom_drill_confirm=kiosk", id="all"),
        pytest.param("kiosk", "local", "kiosk is this controller itself", id="local"),
    ],
)
def test_refused(confirmed: str, transport: str, says: str) -> None:
    assert says in (why_not("kiosk", confirmed, transport) or "")


def test_confirmed() -> None:
    assert why_not("kiosk", "kiosk", "ssh") is None


def test_the_kernel_of_the_controller_is_taboo(tmp_path: Path) -> None:
    boot_id = tmp_path / "boot_id"
    state = host_state(host=replace(host_state().host, boot_id="4f0c1d2e"))
    assert why_not_here("kiosk", state, boot_id) is None, "a controller without such a file"
    boot_id.write_text("other\n")
    assert why_not_here("kiosk", state, boot_id) is None
    boot_id.write_text("4f0c1d2e\n")
    assert "runs on the kernel of this controller" in (why_not_here("kiosk", state, boot_id) or "")


def test_who_does_not_say_may_be_the_controller(tmp_path: Path) -> None:
    state = host_state(host=replace(host_state().host, boot_id=None))
    assert "may run on the kernel of this controller" in (why_not_here("kiosk", state, tmp_path / "boot_id") or "")
