# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess
from pathlib import Path

from ansible_collections.lifeboat.oom.plugins.module_utils._profile.watchdog import Place, script


def test_each_subject_has_names_of_its_own() -> None:
    one, other = Place("a.service"), Place("pid 12")
    assert one.folder != other.folder and one.guard != other.guard and one.lock != other.lock
    assert Place("/bin/x 'y\n$(z)").guard.replace("-", "").replace(".", "").isalnum()


def test_the_script_is_one_of_sh(tmp_path: Path) -> None:
    path = tmp_path / "take-back.sh"
    path.write_text(script(Place("a.service"), ("rm -f '/x y'", "systemctl restart a.service"), 600))
    assert subprocess.run(["sh", "-n", path], check=False).returncode == 0
    lines = path.read_text().splitlines()
    assert lines[3] == f"flock -w 600 {Place('a.service').lock} true"
    assert lines[4:6] == ["rm -f '/x y'", "systemctl restart a.service"] and lines[-1] == "exit $code"
