#!/usr/bin/python
# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: heap_profile
short_description: Find the function and the package that a service leaks in
version_added: 1.0.0
author:
  - The lifeboat.oom maintainers (@lifeboat)
description:
  - Runs a service, a command or a process under C(heaptrack) or C(valgrind) for a while, and says who holds the memory
    that was not given back, with function, file, object file and the package that owns it.
  - A service is restarted into the profiler by a drop-in below C(/run/systemd/system), and by another restart out of
    it. Its own files are never touched.
  - The profile is always taken back. A small unit on the device (C(lifeboat-oom-profile-*.service)) waits for this
    module to end, however it ends, and then removes the drop-in and restarts the service, so also after a failure,
    a timeout, a lost connection, or a module that was killed. A reboot forgets the drop-in by itself.
  - Sizes of V(heaptrack) are as it prints them, with three or four digits.
extends_documentation_fragment:
  - lifeboat.oom.attributes
notes:
  - The service is restarted twice, and is slower in between, by a few percent with V(heaptrack) and 10 to 50 times with
    V(valgrind_memcheck) and V(valgrind_massif).
  - Should it fail in between, or be killed because stopping takes longer than its C(TimeoutStopSec), no
    C(FailureAction) of the unit reboots the device. Its C(OnFailure) units are started; RV(steps) names them.
  - It needs systemd, and the tool on the device, for V(valgrind_memcheck) and V(valgrind_massif) also the symbols of
    the C library (Debian C(libc6-dbg)), for O(pid) also C(gdb).
  - Functions have names where the program or its debug symbols do; the package is told without them too.
attributes:
  check_mode:
    support: full
    description: Says in RV(steps) what would be done, after all checks.
  diff_mode:
    support: none
    description: Nothing is different afterwards.
options:
  tool:
    description:
      - V(heaptrack) is fast, and tells what was allocated after O(warm_up) and is still held at the end, so also what
        grows in a list that is never emptied. It follows no child, so it is refused for a service of C(Type=forking).
      - V(valgrind_memcheck) tells what nothing points to any more, and, as C(reachable), what is held at the end.
      - V(valgrind_massif) tells who holds the heap. It does not look for leaks.
    type: str
    choices: [heaptrack, valgrind_memcheck, valgrind_massif]
    default: heaptrack
  unit:
    description:
      - The service to restart under the profiler. It has to be active.
      - One of O(unit), O(pid) and O(command) is needed.
    type: str
  pid:
    description:
      - The process to attach C(heaptrack) to, without a restart. Needs O(confirm_attach).
    type: int
  command:
    description:
      - The program, by its full path, and its arguments, to run under the profiler as a unit of its own, as root.
    type: list
    elements: str
  confirm_attach:
    description:
      - Attaching to O(pid) stops the process for a moment, and runs code in it. Heaptrack itself calls this unstable.
        It may crash the process, then or later, and its library stays in the process until that ends.
      - V(true) says that this is known.
    type: bool
    default: false
  duration:
    description:
      - For how many seconds to watch, from when the service is up. Choose it so long that the leak shows.
    type: int
    default: 60
  warm_up:
    description:
      - With V(heaptrack), what was allocated in the first seconds, and is held for good, is no leak. By default a third
        of O(duration). V(0) counts all that is held.
    type: int
  timeout:
    description:
      - After how many seconds the profile is taken back in any case. Reading the results may then take as long again.
    type: int
    default: 600
  max_disk:
    description:
      - How much may be written below C(/var/lib/lifeboat-oom), base 1024. A run that would write more ends sooner.
    type: str
    default: 256M
  max_memory:
    description:
      - How large the process may become before the run ends sooner, and how much reading the results may take, base
        1024. By default what it holds now and half of what is available.
    type: str
  top:
    description:
      - How many sites to return.
    type: int
    default: 10
  report_dir:
    description:
      - The folder on the controller, beside the records of M(lifeboat.oom.audit), where the result is kept as
        C(profiles/HOST/UNIT.json). Without it, it is not kept.
    type: str
  keep_raw:
    description:
      - Leave the tool's own file on the device, for its viewer, compressed. The next run for the same subject with the
        same tool replaces it.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Where does telemetry leak?
  lifeboat.oom.heap_profile:
    unit: telemetry
    duration: 300
  register: profile

- name: Say it
  ansible.builtin.debug:
    msg: "{{ profile.sites[0].function }} of {{ profile.sites[0].package }} {{ profile.sites[0].version }}"

- name: With a second opinion, and the file for the viewer
  lifeboat.oom.heap_profile:
    unit: telemetry
    tool: valgrind_memcheck
    duration: 600
    timeout: 1200
    keep_raw: true
  register: profile

- name: Fetch it
  ansible.builtin.fetch:
    src: "{{ profile.raw_file }}"
    dest: oom-report/raw

- name: A process that may not be restarted, at its own risk
  lifeboat.oom.heap_profile:
    pid: 4711
    confirm_attach: true
"""

RETURN = r"""
steps:
  description: What is done, or in check mode would be.
  returned: success
  type: list
  elements: str
peak_bytes:
  description: The most that was held at once; V(null) with V(valgrind_memcheck), which does not tell it.
  returned: success, not in check mode
  type: int
leaked_bytes:
  description:
    - What was allocated after the warm-up and is still held (V(heaptrack)), what nothing points to any more
      (V(valgrind_memcheck)), V(null) with V(valgrind_massif).
  returned: success, not in check mode
  type: int
sites:
  description:
    - Who holds the memory, largest first. The function, file and object are those of the innermost caller that is not
      of an allocator, of the C library or of the C++ standard library.
  returned: success, not in check mode
  type: list
  elements: dict
  contains:
    bytes:
      description: What is held.
      type: int
    calls:
      description: In how many pieces; 0 with V(valgrind_massif), which does not tell it.
      type: int
    kind:
      description:
        - V(grown) since the warm-up (heaptrack); V(lost), V(indirect), V(possible) with no pointer to it, V(reachable)
          with one (memcheck); V(held) (massif).
      type: str
    function:
      description: The function, V(null) without symbols.
      type: str
    file:
      description: Its source file, V(null) without debug symbols.
      type: str
    line:
      description: The line in it.
      type: int
    object:
      description: The program or library.
      type: str
    package:
      description: The package that owns it, V(null) where none does.
      type: str
    version:
      description: The version of the package.
      type: str
    stack:
      description: The innermost callers, of the largest part.
      type: list
      elements: str
  sample:
    - bytes: 7090000
      calls: 433
      kind: grown
      function: "telemetry::remember(std::string const&)"
      file: /build/telemetry/history.cpp
      line: 18
      object: /lib/x86_64-linux-gnu/libtelemetry.so.1
      package: libtelemetry1
      version: "1.0"
      stack:
        - "telemetry::remember(std::string const&) at /build/telemetry/history.cpp:18"
        - "main at /build/telemetry/main.cpp:22"
sites_total:
  description: How many sites there are, whether returned or not.
  returned: success, not in check mode
  type: int
tool:
  description: The tool.
  returned: success, not in check mode
  type: str
subject:
  description: The unit, the process or the command.
  returned: success, not in check mode
  type: str
seconds:
  description: How long it was watched.
  returned: success, not in check mode
  type: float
stopped_by:
  description: Why the run ended sooner, V(max_disk), V(max_memory) or V(end of the process); else V(null).
  returned: success, not in check mode
  type: str
record:
  description: The file on the controller that holds this, with O(report_dir).
  returned: success, not in check mode
  type: str
summary:
  description: The same for a person, line by line.
  returned: success, not in check mode
  type: list
  elements: str
raw_file:
  description: The tool's own file, with O(keep_raw=true); else V(null).
  returned: success, not in check mode
  type: str
"""

from ansible_collections.lifeboat.oom.plugins.module_utils._profile.session import profile
from ansible_collections.lifeboat.oom.plugins.module_utils._runner import run


def main() -> None:
    argument_spec = {
        "tool": {
            "type": "str",
            "choices": ["heaptrack", "valgrind_memcheck", "valgrind_massif"],
            "default": "heaptrack",
        },
        "unit": {"type": "str"},
        "pid": {"type": "int"},
        "command": {"type": "list", "elements": "str"},
        "confirm_attach": {"type": "bool", "default": False},
        "duration": {"type": "int", "default": 60},
        "warm_up": {"type": "int"},
        "timeout": {"type": "int", "default": 600},
        "max_disk": {"type": "str", "default": "256M"},
        "max_memory": {"type": "str"},
        "top": {"type": "int", "default": 10},
        "report_dir": {"type": "str"},  # for the action plugin, which calls this
        "keep_raw": {"type": "bool", "default": False},
    }
    run(argument_spec, profile)


if __name__ == "__main__":
    main()
