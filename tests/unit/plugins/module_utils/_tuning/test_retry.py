# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two runs on one device at the same time, in processes of their own."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import pytest
from unit.fake_host import FakeKernel
from unit.sysctl_runs import OURS, PANIC, Declared, absent, kernel, present

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import Changed
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.checks import SYSCTL_FILE
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.families import load_policy
from ansible_collections.lifeboat.oom.plugins.module_utils._policy.sysctls import ALL_KEYS
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.keys import MODE, PANIC_ON_OOM, RATIO
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.own_file import own_values
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.converge import converge

ROUNDS = 20


def work(root: Path, values: Declared, meet: Any) -> None:
    host = FakeKernel(root)
    for _round in range(ROUNDS):
        for act in (present, absent):
            meet.wait(60)
            assert act(host, values)["changed"]
            meet.wait(60)
            meet.wait(60)  # what became of it is looked at


@pytest.fixture
def host(tmp_path: Path) -> FakeKernel:
    return kernel(tmp_path)


def test_no_line_is_lost_between_two_runs(host: FakeKernel) -> None:
    late = f"{MODE}=0\n{PANIC_ON_OOM}=0\n"
    host.has("/etc/sysctl.d/99-zzz.conf", late)
    before = host.everything()
    fork = multiprocessing.get_context("fork")
    meet = fork.Barrier(3)
    children = [fork.Process(target=work, args=(Path(host.root), values, meet)) for values in (OURS, PANIC)]
    for child in children:
        child.start()
    try:
        for _round in range(ROUNDS):
            meet.wait(60)
            meet.wait(60)
            assert own_values(host.read(SYSCTL_FILE), ALL_KEYS) == {MODE: "1", RATIO: "80", PANIC_ON_OOM: "1"}
            meet.wait(60)
            meet.wait(60)
            meet.wait(60)
            assert host.everything() == before
            meet.wait(60)
    finally:
        for child in children:
            child.join(10)
            child.kill()
    assert [child.exitcode for child in children] == [0, 0]


def edit(host: FakeKernel, times: int) -> None:
    """An editor that saves our file whenever we are about to."""
    left = iter(range(times))
    real = host.swap

    def swap(path: str, *words: Any, **more: Any) -> Any:
        number = next(left, None)
        if number is not None and path == SYSCTL_FILE:
            host.has(path, (host.read_if_there(path) or "") + f"# {number}\n")
        return real(path, *words, **more)

    host.swap = swap  # type: ignore[method-assign]


def test_a_file_that_an_editor_saves_meanwhile_is_read_again(host: FakeKernel) -> None:
    edit(host, 3)
    assert present(host, OURS)["changed"]
    assert "# 0\n# 1\n# 2\n" in host.read(SYSCTL_FILE)
    assert own_values(host.read(SYSCTL_FILE), ALL_KEYS) == {MODE: "1", RATIO: "80"}


def test_an_editor_that_never_rests_is_given_way_to(host: FakeKernel) -> None:
    edit(host, 1000)
    runtime = host.everything()["/proc/sys/vm/overcommit_memory"]
    with pytest.raises(Changed, match=f"^{SYSCTL_FILE} was changed by somebody else"):
        present(host, OURS)
    assert host.read(SYSCTL_FILE) == "# 0\n# 1\n# 2\n# 3\n# 4\n"
    assert host.everything()["/proc/sys/vm/overcommit_memory"].strip() == runtime.strip()
    assert not list(Path(host.root).rglob(".lifeboat-*"))


def test_check_mode_waits_for_nobody(host: FakeKernel) -> None:
    with host.exclusive("another"):
        assert converge(host, load_policy(OURS), True)["overcommit"]["changed"]
