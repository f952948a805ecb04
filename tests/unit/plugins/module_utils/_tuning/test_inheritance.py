# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from unit.samples import process

from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.inheritance import Claim, descent_warnings, heirs_of


@pytest.mark.parametrize(
    ("name", "heirs"),
    [
        ("sshd@1-2.service", "every login session"),
        ("getty@tty1.service", "every login session"),
        ("docker.service", "every container"),
        ("containerd.service", "every container"),
        ("podman.service", "every container"),
        ("crio.service", "every container"),
        ("kubelet.service", "every container"),
        ("crond.service", "every job"),
        ("atd.service", "every job"),
        ("salt-minion.service", "every command that it is sent"),
        ("puppet.service", "every command that it is sent"),
        ("lightdm.service", "every program of the session"),
        ("user@.service", "every program of the session"),
        ("user@1000.service", "every program of the session"),
        ("amazon-ssm-agen", "every command that it is sent"),
        ("user.service", None),
        ("nginx.service", None),
        (None, None),
    ],
)
def test_who_starts_the_programs_of_others_is_known(name: str | None, heirs: str | None) -> None:
    assert heirs_of(name) == heirs


def test_who_descends_from_a_protected_service_is_told() -> None:
    """A service of a name that nobody knows, which has started what is in units of others."""
    processes = (
        process(10, unit="rc.service"),
        process(11, ppid=10, unit="rc.service"),
        process(12, ppid=11, unit="session-4.scope"),
        process(13, ppid=12, unit="session-4.scope"),
        process(14, ppid=15, unit="session-5.scope"),
        process(15, ppid=14, unit="session-5.scope"),
    )
    claim = Claim("rc.service", -500, pids=frozenset({10, 11}))
    (warning,) = descent_warnings([claim], processes)
    assert warning.startswith("rc.service would have score -500, which what it starts inherits: session-4.scope; ")
    for harmless in (
        Claim("rc.service", -499, pids=claim.pids),
        Claim("rc.service", -500, pids=frozenset({10, 11, 12, 13})),
        Claim("rc.service", -500),
        Claim("sshd.service", -500, pids=claim.pids),
    ):
        assert descent_warnings([harmless], processes) == []
