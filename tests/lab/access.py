# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the host reaches the machines of a lab: by ssh, through the lab's network."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .process import Process, locked, require_root, run

_CONFIG = """\
Host *
  User root
  IdentityFile "{key}"
  IdentitiesOnly yes
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  GlobalKnownHostsFile /dev/null
  LogLevel ERROR
  ConnectTimeout 10
  ServerAliveInterval 10
  ServerAliveCountMax 12
  # nc connects inside the lab's network, hands the socket over and is gone.
  ProxyCommand {enter} nc -F -w 10 %h %p
  ProxyUseFdpass yes
  ControlMaster auto
  ControlPersist 60
  ControlPath {control}
"""


def ssh_key(cache: Path) -> Path:
    """The private key that root of every machine accepts; made the first time."""
    require_root()
    key = cache / "key"
    with locked(cache / "key.lock"):
        if not key.exists():
            with tempfile.TemporaryDirectory(prefix="key-", dir=cache) as work:
                fresh = Path(work) / "key"
                run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", fresh)
                fresh.with_suffix(".pub").rename(key.with_suffix(".pub"))
                fresh.rename(key)
    return key


@dataclass(frozen=True)
class Access:
    """ssh with one settings file; the connections that it keeps open are sockets in one folder."""

    config: Path
    sockets: Path

    def write_config(self, key: Path, enter: Sequence[str]) -> None:
        """The words of I(enter) stand before a command that shall run in the lab's network."""
        self.config.write_text(_CONFIG.format(key=key, enter=" ".join(enter), control=self._control("%r", "%h")))

    def command(self, host: str, *words: str) -> list[str]:
        return ["ssh", "-F", str(self.config), host, *words]

    def hang_up(self, host: str) -> None:
        """End the connection that is kept open to a host, if there is one."""
        control = self._control("root", host)
        if control.exists():
            asked = run("ssh", "-F", self.config, "-O", "check", host, check=False)
            found = re.search(r"pid=(\d+)", asked.stderr + asked.stdout)
            master = Process.of(int(found[1])) if found else None
            if master:
                master.end()
            control.unlink(missing_ok=True)

    @property
    def ansible_variables(self) -> dict[str, str]:
        control = self._control("%r", "%h")
        return {
            "ansible_user": "root",
            "ansible_ssh_common_args": f"-F '{self.config}'",
            # As in that file; Ansible looks for them among its own arguments, to hang up before a reboot.
            "ansible_ssh_args": f"-o ControlMaster=auto -o ControlPersist=60 -o ControlPath={control}",
        }

    def _control(self, user: str, host: str) -> Path:
        """One for each user: over the connection of root everybody would be root."""
        return self.sockets / f"ssh-{user}-{host}"
