#!/usr/bin/python
# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: package_users
short_description: Which services run code of a package, and which still run code that has been replaced
version_added: 1.0.0
author:
  - The lifeboat.oom maintainers (@lifeboat)
description:
  - Tells which versions of packages are installed (dpkg, rpm), and which processes, of which systemd units, have
    given files mapped, such as a shared library.
  - After an upgrade a process goes on with the old file until it is restarted. RV(users[].stale) tells it.
extends_documentation_fragment:
  - lifeboat.oom.attributes
  - lifeboat.oom.attributes.looks
options:
  packages:
    description: The packages whose versions to tell.
    type: list
    elements: str
    default: []
  files:
    description:
      - The files whose users to find. Links are followed. After an upgrade give what RV(files) told before it.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Who uses OpenSSL, and which one?
  lifeboat.oom.package_users:
    packages: [libssl3]
    files: [/usr/lib/x86_64-linux-gnu/libssl.so.3]
"""

RETURN = r"""
versions:
  description: The version of each package, V(null) where it is not installed.
  returned: success
  type: dict
  sample: {libssl3: 3.0.17-1~deb12u2}
foreign:
  description: The version of each that is installed for another architecture than that of the host (dpkg).
  returned: success
  type: dict
  sample: {"libssl3:armhf": 3.0.17-1~deb12u2}
files:
  description: The files, links followed.
  returned: success
  type: list
  elements: str
users:
  description: Each process and file.
  returned: success
  type: list
  elements: dict
  contains:
    pid:
      description: The process.
      type: int
    comm:
      description: Its name.
      type: str
    unit:
      description: >-
        Its systemd unit, V(null) outside of any; one of a user or a container in full, as
        C(user@1000.service/a.service).
      type: str
    file:
      description: The file.
      type: str
    stale:
      description: Whether the file that it runs has been replaced or removed since.
      type: bool
  sample:
    - {pid: 812, comm: nginx, unit: nginx.service, file: /usr/lib/x86_64-linux-gnu/libssl.so.3, stale: true}
owners:
  description: The package of each of the files that has one, with its version, on this host.
  returned: success
  type: dict
  sample:
    /usr/lib/x86_64-linux-gnu/libssl.so.3: {name: libssl3, version: 3.0.17-1~deb12u2}
"""

from ansible_collections.lifeboat.oom.plugins.module_utils._profile.package_users import package_users
from ansible_collections.lifeboat.oom.plugins.module_utils._runner import run


def main() -> None:
    argument_spec = {
        "packages": {"type": "list", "elements": "str", "default": []},
        "files": {"type": "list", "elements": "str", "default": []},
    }
    run(argument_spec, package_users)


if __name__ == "__main__":
    main()
