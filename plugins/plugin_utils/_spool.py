# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder that holds what each audit saw: one JSON file for each host, replaced in one step."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError
from ansible_collections.lifeboat.oom.plugins.module_utils._host import Host

_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


def file_name(host: str) -> str:
    """A name for I(host) that is safe as a file and different for different hosts."""
    if _SAFE.fullmatch(host):
        return host
    digest = hashlib.sha256(host.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return re.sub(r"[^A-Za-z0-9_-]+", "-", host)[:80].strip("-") + "~" + digest


class Spool:
    """Records of hosts below I(folder)C(/hosts)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()

    def write(self, host: str, record: Mapping[str, Any]) -> Path:
        path = self.folder / "hosts" / (file_name(host) + ".json")
        Host().write(str(path), json.dumps(record, indent=1, sort_keys=True) + "\n")
        return path

    def write_page(self, name: str, text: str) -> Path:
        path = self.folder / name
        # JSON can hold half a surrogate pair, which no encoding takes.
        Host().write(str(path), text.encode("utf-8", "replace").decode())
        return path

    def records(self) -> Iterator[dict[str, Any]]:
        """All records by name of the host. Raises HostError for a file that is not one."""
        for path in sorted((self.folder / "hosts").glob("*.json")):
            try:
                record = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise HostError(f"{path} is not a record of an audit: {error}; remove it", str(path)) from error
            if not isinstance(record, dict) or not isinstance(record.get("host"), str):
                raise HostError(f"{path} is not a record of an audit: it names no host; remove it", str(path))
            yield record
