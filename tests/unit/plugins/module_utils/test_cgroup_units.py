# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.lifeboat.oom.plugins.module_utils._cgroup_units import name_of, unit_of

USER = "/user.slice/user-1000.slice"


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [
        ("/system.slice/nginx.service", "nginx.service"),
        ("/system.slice/nginx.service/workers/one", "nginx.service"),
        ("/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service"),
        (f"{USER}/session-1.scope", "session-1.scope"),
        (f"{USER}/user@1000.service", "user@1000.service"),
        ("/init.scope", "init.scope"),
        ("/system.slice/docker-0123.scope", "docker-0123.scope"),
        (r"/system.slice/dev-disk-by\x2dlabel-none.swap", r"dev-disk-by\x2dlabel-none.swap"),
        ("/system.slice/_io.service", "io.service"),
        ("/_io.service/_a/b.service", "io.service/_a/b.service"),
        ("/system.slice/nginx.service (deleted)", None),
        ("/system.slice", None),
        ("/system.slice/service", None),
        ("/docker/5f0c", None),
        ("/kubepods/burstable/pod1/2", None),
        ("/", None),
        ("", None),
        (None, None),
    ],
    ids=str,
)
def test_a_unit_of_the_system_has_its_own_name(cgroup: str | None, unit: str | None) -> None:
    assert unit_of(cgroup) == unit


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [
        (f"{USER}/user@1000.service/app.slice/a.service", "user@1000.service/a.service"),
        (f"{USER}/user@1000.service/a.service/sub", "user@1000.service/a.service"),
        (f"{USER}/user@1000.service/init.scope", "user@1000.service/init.scope"),
        (f"{USER}/user@1000.service/user.slice/libpod-1.scope/container", "user@1000.service/libpod-1.scope"),
        ("/lxc/x1/system.slice/snapd.service", "lxc/x1/snapd.service"),
        ("/lxc.payload.x1/system.slice/snapd.service", "lxc.payload.x1/snapd.service"),
        ("/lxc/x.slice/system.slice/snapd.service", "lxc/snapd.service"),
        ("/docker/5f0c/system.slice/snapd.service", "docker/5f0c/snapd.service"),
        ("/system.slice/docker-5f0c.scope/system.slice/snapd.service", "docker-5f0c.scope/snapd.service"),
        ("/machine.slice/machine-x1.scope/system.slice/snapd.service", "machine-x1.scope/snapd.service"),
        ("/machine.slice/libpod-1.scope/container/init.scope", "libpod-1.scope/container/init.scope"),
        (
            "/machine.slice/systemd-nspawn@x1.service/payload/system.slice/snapd.service",
            "systemd-nspawn@x1.service/payload/snapd.service",
        ),
        (
            "/kubepods.slice/kubepods-pod1.slice/cri-containerd-2.scope/system.slice/snapd.service",
            "cri-containerd-2.scope/snapd.service",
        ),
        ("/../../system.slice/snapd.service", "../../snapd.service"),
    ],
    ids=lambda value: value.split("/")[1] if value.startswith("/") else "",
)
def test_a_unit_of_another_manager_is_named_in_full(cgroup: str, unit: str) -> None:
    assert unit_of(cgroup) == unit


@pytest.mark.parametrize(
    ("cgroup", "name"),
    [
        ("/system.slice", "system.slice"),
        (USER, "user-1000.slice"),
        ("/system.slice/nginx.service", "nginx.service"),
        ("/system.slice/nginx.service/workers", "nginx.service/workers"),
        (f"{USER}/user@1000.service/app.slice", "user@1000.service/app.slice"),
        ("/lxc/x1/system.slice", "lxc/x1/system.slice"),
        ("/lxc/x1", "lxc/x1"),
        ("/", ""),
    ],
    ids=str,
)
def test_a_group_of_another_manager_is_named_in_full(cgroup: str, name: str) -> None:
    assert name_of(cgroup) == name


def test_a_deep_path_is_read_at_once() -> None:
    assert unit_of("/a" * 10**6) is None
    assert unit_of("/a.slice" * 10**6) is None
    assert unit_of("/a.service" * 10**5) == "/".join(["a.service"] * 10**5)
