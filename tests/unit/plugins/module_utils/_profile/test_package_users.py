# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

from unit.fake_host import FakeHost

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import ReadOnly
from ansible_collections.lifeboat.oom.plugins.module_utils._profile.package_users import mapped_files, package_users

LIBRARY = "/usr/lib/libtelemetry.so.1"
LINE = "7f00-7f01 r-xp 00000000 fe:00 2146482                            {}\n"


def test_who_runs_the_old_and_the_new(tmp_path: Path) -> None:
    said = "dpkg\t1.21\tinstalled\tarm64\nlibtelemetry1\t1.1\tinstalled\tarm64\nlibold\t1.0\tinstalled\tarmhf\n"
    shown = {
        "--search --": f"libtelemetry1:arm64: {LIBRARY}\n",
        "--show --showformat=${binary": "libtelemetry1:arm64\t1.1\n",
    }
    host = FakeHost(tmp_path, {"dpkg-query --show": said, **{f"dpkg-query {key}": text for key, text in shown.items()}})
    other = LINE.format("/usr/lib/libother.so")
    host.has_process(20, "old", maps=other + LINE.format(LIBRARY + " (deleted)"))
    host.has_process(21, "new", maps=LINE.format(LIBRARY), cgroup="0::/user.slice/session-3.scope\n")
    host.has_process(22, "none", maps=other)
    host.has_process(23, "hidden", maps="")
    host.failing["read", "/proc/23/maps"] = ReadOnly("no", "/proc/23/maps")
    found = package_users(host, {"packages": ["libtelemetry1", "libold"], "files": ["/lib/libtelemetry.so.1"]}, False)
    assert found["versions"] == {"libtelemetry1": "1.1", "libold": None} and not found["changed"]
    assert found["foreign"] == {"libold:armhf": "1.0"}
    assert found["owners"][LIBRARY] == {"name": "libtelemetry1", "version": "1.1"}
    assert [(user["comm"], user["unit"], user["stale"]) for user in found["users"]] == [
        ("old", "nginx.service", True),
        ("new", "session-3.scope", False),
    ]
    assert found["warnings"] == ["1 processes could not be read; they may use the files too"]


def test_a_unit_of_a_user_is_told_from_one_of_the_system(tmp_path: Path) -> None:
    host = FakeHost(tmp_path)
    cgroup = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/nginx.service\n"
    host.has_process(20, maps=LINE.format(LIBRARY), cgroup=cgroup)
    found = package_users(host, {"packages": [], "files": [LIBRARY]}, False)
    assert [user["unit"] for user in found["users"]] == ["user@1000.service/nginx.service"]


def test_links_are_followed_before_the_upgrade(tmp_path: Path) -> None:
    host = FakeHost(tmp_path)
    host.has_link("/usr/lib/liba.so", str(host.has("/usr/lib/liba.so.1.2")))
    assert package_users(host, {"packages": [], "files": ["/usr/lib/liba.so"]}, False)["files"] == (
        "/usr/lib/liba.so.1.2",
    )


def test_only_files_count() -> None:
    maps = LINE.format("/a b") + LINE.format("/c (deleted)") + "7f-80 rw-p 0 00:00 0    [heap]\n7f-80 rw-p 0 00:00 0\n"
    assert mapped_files(maps) == {("/a b", False), ("/c", True)}
