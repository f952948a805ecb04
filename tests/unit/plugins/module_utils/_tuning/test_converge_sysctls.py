# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest
from unit.fake_host import FakeKernel
from unit.sysctl_runs import OURS, PANIC, absent, kernel, present

from ansible_collections.lifeboat.oom.plugins.module_utils._policy.checks import SYSCTL_FILE
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.keys import MODE, PANIC_ON_OOM, RATIO
from ansible_collections.lifeboat.oom.plugins.module_utils._sysctl.own_file import COMMENTED
from ansible_collections.lifeboat.oom.plugins.module_utils._tuning.sysctls import BACKUP

LATE = "/etc/sysctl.d/99-zzz.conf"
VENDOR = "/usr/lib/sysctl.d/99-zzzz.conf"
COPY = VENDOR.replace("/usr/lib", "/etc")


@pytest.fixture
def host(tmp_path: Path) -> FakeKernel:
    return kernel(tmp_path)


@pytest.mark.parametrize(
    "files",
    [
        {LATE: f"# theirs\n{MODE} = 0\n{PANIC_ON_OOM}=0"},
        {VENDOR: f"{RATIO}=50\n"},
        {COPY: f"{RATIO}=50\n", VENDOR: f"{RATIO}=50\n"},
        {LATE: f"{MODE}=0\n{RATIO} = 50\n", VENDOR: f"{PANIC_ON_OOM}=0\n{RATIO}=50\n"},
    ],
    ids=["theirs", "a vendor's", "their copy of a vendor's", "all of them"],
)
def test_absent_gives_back_what_was_overridden(host: FakeKernel, files: dict[str, str]) -> None:
    for path, text in files.items():
        host.has(path, text)
    before = host.everything()
    for values in (OURS, PANIC):
        assert present(host, values)["changed"]
        assert not present(host, values)["changed"]
    for values in (OURS, PANIC):
        announced = absent(host, values, check_mode=True)
        assert absent(host, values) == announced
        assert not absent(host, values)["changed"]
    assert host.everything() == before


def test_what_was_written_since_stays_and_so_does_the_backup(host: FakeKernel) -> None:
    """A second override keeps the first backup: that is the file as it was before us."""
    host.has(LATE, f"{MODE}=0\n")
    present(host, OURS)
    host.has(LATE, host.read(LATE) + f"{RATIO}=30\n# more\n")
    present(host, OURS)
    assert host.read(LATE + BACKUP) == f"{MODE}=0\n"
    absent(host, OURS)
    assert host.read(LATE) == f"{MODE}=0\n{RATIO}=30\n# more\n"
    assert host.read(LATE + BACKUP) == f"{MODE}=0\n"
    assert host.read(f"/proc/sys/{RATIO.replace('.', '/')}").strip() == "30"


def test_a_copy_that_became_theirs_stays_as_it_is_now(host: FakeKernel) -> None:
    """It has a backup, so it was no copy of ours, however like the file it covers it is by now."""
    host.has(VENDOR, f"{RATIO}=50\n# vendor\n")
    host.has(COPY, f"{RATIO}=40\n# old\n")
    present(host, OURS)
    host.has(COPY, f"{COMMENTED}{RATIO}=50\n# vendor\n")
    absent(host, OURS)
    assert host.read(COPY) == f"{RATIO}=50\n# vendor\n"
    assert not absent(host, OURS)["changed"]


def test_a_file_that_was_ours_is_ours_again(host: FakeKernel) -> None:
    """Declared with another name for a while, it was a rival like any other."""
    present(host, OURS)
    host.has(SYSCTL_FILE, f"{host.read(SYSCTL_FILE)}# {RATIO} was 50\n{COMMENTED}{MODE} = 0\n")
    absent(host, OURS)
    assert host.read(SYSCTL_FILE).endswith(f"# {RATIO} was 50\n") and COMMENTED not in host.read(SYSCTL_FILE)
    assert not absent(host, OURS)["changed"]


def test_a_file_that_was_put_back_by_hand_is_kept_anew(host: FakeKernel) -> None:
    host.has(LATE, f"{MODE}=0\n")
    present(host, OURS)
    host.has(LATE, f"{MODE}=0\n# new\n")
    present(host, OURS)
    assert host.read(LATE + BACKUP) == f"{MODE}=0\n# new\n"
    absent(host, OURS)
    assert host.read(LATE) == f"{MODE}=0\n# new\n" and not host.exists(LATE + BACKUP)


def test_a_copy_of_what_has_changed_since_is_told(host: FakeKernel) -> None:
    host.has(VENDOR, f"{RATIO}=50\n")
    present(host, OURS)
    host.has(VENDOR, f"{RATIO}=50\nkernel.kptr_restrict=1\n")
    (warning,) = absent(host, OURS)["warnings"]
    assert warning.startswith(f"{COPY} was copied from {VENDOR}, which has been changed since then")
    assert host.read(COPY) == f"{RATIO}=50\n"


def test_one_module_gives_back_no_line_of_the_other(host: FakeKernel) -> None:
    host.has(LATE, f"{MODE}=0\n{PANIC_ON_OOM}=0\n")
    present(host, OURS)
    present(host, PANIC)
    absent(host, OURS)
    assert host.read(LATE) == f"{MODE}=0\n# lifeboat.oom: {PANIC_ON_OOM}=0\n"
    assert host.exists(LATE + BACKUP)
