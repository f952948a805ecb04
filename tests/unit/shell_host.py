# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A FakeHost looked at by a real shell: the script runs below its root, with its canned commands and no others."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

from unit.fake_host import SHOW, FakeHost

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Finished
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError
from ansible_collections.lifeboat.oom.plugins.module_utils._health.collector import Questions
from ansible_collections.lifeboat.oom.plugins.plugin_utils._collect.bare.script import render
from ansible_collections.lifeboat.oom.plugins.plugin_utils._collect.bare.snapshot import Snapshot

# What the devices have for sh. BusyBox brings its own grep, sed, find and sort along.
SHELLS = {"dash": ["dash"], "bash": ["bash", "--posix"], "busybox": ["busybox", "sh"]}
TOOLS = (
    *("cat", "date", "find", "getconf", "grep", "head", "ls", "readlink", "sed", "sort", "stat", "tail", "tr", "uname"),
    "wc",
)
# What else the script asks of the same units.
_SHOWN_AS_WELL = (
    "systemctl show --no-pager --property=ActiveState,FragmentPath --",
    "systemctl show --no-pager --property=MainPID --",
)


# A find(1) that knows "-exec" with ";" alone.
_PLAIN_FIND = 'for word; do [ "$word" != + ] || exit 1; done\nexec %s find "$@"\n'


def printed(host: FakeHost, shell: str, questions: Questions, workshop: Path, small: bool = False) -> str:
    """What the script prints on the host, whose files and commands it sees and nothing else.

    I(small): the tools are as those of a small image (OpenWrt).
    """
    programs = workshop / "bin"
    _link_tools(programs, shell)
    if small:
        (programs / "getconf").unlink()
        (programs / "find").unlink()
        (programs / "find").write_text(f"#!/bin/sh\n{_PLAIN_FIND % shutil.which('busybox')}")
        (programs / "find").chmod(0o755)
    _write_commands(programs, host)
    interpreter = shutil.which(SHELLS[shell][0])
    assert interpreter, f"{shell} is missing: tests/lab/packages.txt names what the tests need"
    done = subprocess.run(
        [interpreter, *SHELLS[shell][1:], "-s"],
        input=render(questions, host.root).encode("utf-8", "surrogateescape"),
        capture_output=True,
        env={"PATH": str(programs)},
        timeout=60,
        check=True,
    )
    assert done.stderr == b""
    return done.stdout.decode("utf-8", "surrogateescape")


def snapshot(host: FakeHost, shell: str, questions: Questions, workshop: Path) -> Snapshot:
    return Snapshot(printed(host, shell, questions, workshop), host.root)


def _link_tools(programs: Path, shell: str) -> None:
    programs.mkdir()
    for tool in TOOLS:
        target = shutil.which("busybox" if shell == "busybox" and tool != "getconf" else tool)
        assert target, f"{tool} is missing"
        (programs / tool).symlink_to(target)


def _write_commands(programs: Path, host: FakeHost) -> None:
    answers = dict(host.commands)
    shown = next((said for line, said in answers.items() if line.startswith(SHOW)), None)
    if shown is not None:
        answers.update(dict.fromkeys(_SHOWN_AS_WELL, shown))
    for program in {line.split()[0] for line in answers}:
        if "/" in program:
            continue
        cases = []
        for number, line in enumerate(sorted(answers, key=len, reverse=True)):
            answer = answers[line]
            if line.split()[0] != program or isinstance(answer, HostError):
                continue
            said = answer if isinstance(answer, Finished) else Finished((), 0, answer, "")
            output = programs / f"{program}.{number}"
            output.write_bytes(said.stdout.encode("utf-8", "surrogateescape"))
            complaint = f"echo {shlex.quote(said.stderr)} >&2; " if said.stderr else ""
            cases.append(f"{shlex.quote(line)}*) cat {output}; {complaint}exit {said.returncode} ;;")
        text = f'#!/bin/sh\ncase "{program} $*" in\n' + "\n".join(cases) + "\nesac\necho unknown >&2; exit 1\n"
        (programs / program).write_text(text)
        (programs / program).chmod(0o755)
