# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from unit.shell_host import SHELLS

from ansible_collections.lifeboat.oom.plugins.module_utils._errors import LifeboatError
from ansible_collections.lifeboat.oom.plugins.plugin_utils._drill import script
from ansible_collections.lifeboat.oom.plugins.plugin_utils._drill.script import Answer, Report

BOOT_ID = "2f4c8f0a-91a4-4c43-b3f4-4ee0c9b3a0c1"


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        pytest.param(f"{BOOT_ID}\n", Answer(BOOT_ID, False), id="it goes on"),
        pytest.param(f"{BOOT_ID}\nended\n", Answer(BOOT_ID, True), id="it has ended"),
        pytest.param(
            f"{BOOT_ID}\r\nVmRSS: 400\r\nVmSwap: 20\r\nMemAvailable: 5000\r\nSwapFree: 7\r\n",
            Answer(BOOT_ID, False, 420, 5007),
            id="it grows",
        ),
        pytest.param(f"{BOOT_ID}\nVmRSS: 400\n", Answer(BOOT_ID, False, 400, None), id="an old kernel"),
        pytest.param(f"{BOOT_ID}\nVmRSS: much\n", None, id="no number"),
        pytest.param("", None, id="nothing"),
        pytest.param("sh: can't fork\n", None, id="a complaint"),
        pytest.param(f"{BOOT_ID}\nsh: can't fork: Cannot allocate memory\n", None, id="half an answer"),
        pytest.param(BOOT_ID[:20], None, id="cut off"),
    ],
)
def test_answers(said: str, answer: Answer | None) -> None:
    assert script.parse_answer(said) == answer


@pytest.mark.parametrize(
    ("said", "report"),
    [
        pytest.param(
            "@pid\n812\n@ended\n27.50 137\n@late\n@beats\n20.25\n20.50\n24.00\n27.75\n@end\n",
            Report(812, 137, False, 7.25, 3.75),
            id="killed",
        ),
        pytest.param(
            "@pid\n812\n@ended\n27.50 137\n@late\nlate\n@beats\n20.25\n27.75\n@end\n",
            Report(812, 137, True, 7.25, 7.5),
            id="time was up",
        ),
        pytest.param(
            "@pid\n812\n@ended\n27.50 1\n@late\n@said\ntail: memory exhausted\n@beats\n20.25\n@end\n",
            Report(812, 1, False, 7.25, None, True),
            id="refused",
        ),
        pytest.param("@pid\n812\n@ended\n@late\n@beats\n2\n@end", Report(812, None, False, None, None), id="grows"),
        pytest.param("@end\n", Report(None, None, False, None, None), id="folder gone"),
        pytest.param(
            "@pid\n\n@ended\n\n@late\n@beats\n2.25\n3\n3.5\x00\n@end\n", Report(None, None, False, None, 0.75), id="bad"
        ),
    ],
)
def test_reports(said: str, report: Report) -> None:
    assert script.parse_report(said) == report


def test_half_a_report_is_none() -> None:
    with pytest.raises(LifeboatError, match="expected a line @end"):
        script.parse_report("@pid\n812\n@ended\n")


@pytest.mark.parametrize("shell", SHELLS)
def test_what_a_device_answers(shell: str, tmp_path: Path) -> None:
    folder = tmp_path / "drill"

    def asked() -> Answer | None:
        text = script.ASK.replace(script.FOLDER, str(folder))
        done = subprocess.run([*SHELLS[shell], "-s"], input=text, text=True, capture_output=True, check=True)
        assert done.stderr == ""
        return script.parse_answer(done.stdout)

    def ended() -> bool | None:
        answer = asked()
        return None if answer is None else answer.ended

    assert ended() is True, "there is no folder"
    folder.mkdir()
    assert ended() is False, "it begins"
    (folder / "shell").write_text(f"{os.getpid()}\n")
    (folder / "pid").write_text(f"{os.getpid()}\n")
    answer = asked()
    assert answer is not None and not answer.ended
    assert (answer.grown_kib or 0) > 1000 and (answer.left_kib or 0) > 1000
    (folder / "pid").write_text("4194999\n")
    assert ended() is False, "who grew has ended, and that is not written down yet"
    (folder / "shell").write_text("4194999\n")
    assert ended() is True, "the drill itself is gone"
    (folder / "shell").write_text(f"{os.getpid()}\n")
    (folder / "ended").write_text("1 137\n")
    assert ended() is True


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("text", [script.start(5), script.ASK, script.FETCH, script.CLEAN_UP])
def test_every_shell_can_read_it(shell: str, text: str) -> None:
    program, *words = SHELLS[shell]
    assert shutil.which(program), f"{shell} is missing: tests/lab/packages.txt names what the tests need"
    done = subprocess.run([program, *words, "-n"], input=text, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
