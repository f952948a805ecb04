# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services as systemd, the disk and C(/proc) show them."""

from __future__ import annotations

from bisect import bisect_left
from typing import Dict, FrozenSet, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.lifeboat.oom.plugins.module_utils._cgroup_units import unit_of
from ansible_collections.lifeboat.oom.plugins.module_utils._door import Door
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import (
    HostError,
    InvalidPolicy,
    Missing,
    TooMuch,
    Unsupported,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import (
    CAP_SYS_RESOURCE,
    Process,
    has_capability,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd import names, seen_scores, units
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.dropins import (
    MOST_INCLUDES,
    OWN_NAME,
    SEARCH_PATH,
    DropIn,
    dropin_dirs,
    includes,
    kept,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.seen_scores import SEEN_FILE, Seen
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.service import (
    DeclaredUnit,
    RunningScore,
    ServicesState,
    ServiceState,
    is_ours,
)
from ansible_collections.lifeboat.oom.plugins.module_utils._systemd.units import UnitProperties

ETC = "/etc/systemd/system"
# In it runs the manager of a user, or of a container.
_MANAGER_SCOPE = "/init.scope"
_RUNS = ("active", "activating", "reloading")
MANAGER_ARGV = ("systemctl", "show", "--property=DefaultOOMScoreAdjust")
# Of the initial one the number is a constant (PROC_USER_INIT_INO, include/linux/proc_ns.h).
USER_NAMESPACE = "/proc/self/ns/user"
_INITIAL_NAMESPACE = "user:[4026531837]"
VERSION_ARGV = ("systemctl", "--version")

# What is looked at of one host, which is much more than real ones have.
MOST_FOLDERS = 20_000
# A file of several units counts for each, and so does a process of a unit within another one.
MOST_FILES = 50_000
MOST_CHARACTERS = 32 * 1024 * 1024
MOST_PROCESSES = 200_000


class _Files:
    """The files of units, each read once; one that belongs to many units is in what is told of each of them."""

    def __init__(self, host: Door, version: int) -> None:
        self._host, self._version = host, version
        self._known: Dict[str, DropIn] = {}
        self._count = self._characters = 0

    def once(self, path: str) -> DropIn:
        if path not in self._known:
            self._known[path] = _read(self._host, path, self._version)
        return self._known[path]

    def read(self, path: str) -> DropIn:
        """The same, counted for the unit that it is told of."""
        found = self.once(path)
        self._count += 1
        self._characters += len(found.text or "")
        TooMuch.check("files of units", self._count, MOST_FILES)
        TooMuch.check("characters in files of units", self._characters, MOST_CHARACTERS)
        return found


class _Members:
    """Processes by the control group that they are in, or below."""

    def __init__(self, processes: Sequence[Process]) -> None:
        # With the separator, a group comes right before all that are below it.
        self._sorted = sorted(processes, key=lambda process: (process.cgroup or "") + "/")
        self._places = [(process.cgroup or "") + "/" for process in self._sorted]
        self._count = 0

    def of(self, cgroup: str) -> Sequence[Process]:
        first = bisect_left(self._places, cgroup + "/")
        last = bisect_left(self._places, cgroup + "0", first)  # the character behind the separator
        self._count += last - first
        TooMuch.check("processes of units", self._count, MOST_PROCESSES)
        return self._sorted[first:last]


class _Scene(NamedTuple):
    """What is the same for all units. I(folders) are the drop-in folders by name, with their files."""

    host: Door
    version: int
    folders: Mapping[str, Mapping[str, Sequence[str]]]
    files: _Files
    members: _Members
    default_score: int
    manager_score: int
    may_lower: bool
    dropin: str
    seen: Mapping[str, Seen]

    def own_path(self, unit_id: str) -> str:
        return f"{ETC}/{unit_id}.d/{self.dropin}"

    def own_folder(self, unit_id: str) -> Optional[Sequence[str]]:
        """The files beside our drop-in; C(None) without such a folder."""
        return self.folders.get(f"{unit_id}.d", {}).get(ETC)


def has_systemd(host: Door) -> bool:
    """Whether it is the init here."""
    return host.exists("/run/systemd/system")


def require_systemd(host: Door) -> int:
    """The version of systemd, which has to be the init here. Raises Unsupported otherwise."""
    if not has_systemd(host):
        raise Unsupported(
            "this host was not booted with systemd (there is no /run/systemd/system), which alone knows its services "
            "and their scores; a host without it can have no oom_protect_services"
        )
    return units.parse_version(host.run_or_fail(VERSION_ARGV))


class ShownUnits:
    """What systemctl shows of units: declared ones, those with a drop-in of ours, and with I(all_loaded) all."""

    def __init__(
        self, host: Door, declared: Sequence[str], processes: Sequence[Process], dropin: str, all_loaded: bool
    ) -> None:
        self._scene = _scene(host, processes, dropin)
        self._declared = frozenset(declared)
        self._asked = [*dict.fromkeys([*declared, *_with_our_dropin(self._scene)])]
        argv = units.show_argv(self._asked, all_loaded) if self._asked or all_loaded else None
        self._shown = () if argv is None else units.parse_show(host.run_or_fail(argv))

    def active(self) -> Tuple[ServiceState, ...]:
        """The layers of every service that runs."""
        found = {unit.id: unit for unit in self._shown if unit.id.endswith(".service") and unit.active_state in _RUNS}
        return tuple(_state(self._scene, unit, unit.id) for unit in found.values())

    def declared(self) -> ServicesState:
        """The declared units in all layers, and what is left over of earlier ones.

        Raises InvalidPolicy where two declared names are one unit.
        """
        known = units.by_name(self._shown)
        return _declared_state(self._scene, self._asked, known, self._declared)


def read_declared(
    host: Door, declared: Sequence[str], processes: Sequence[Process], dropin: str = OWN_NAME
) -> ServicesState:
    """C(ShownUnits.declared()) alone."""
    return ShownUnits(host, declared, processes, dropin, all_loaded=False).declared()


def _declared_state(
    scene: _Scene, asked: Sequence[str], known: Mapping[str, UnitProperties], declared: FrozenSet[str]
) -> ServicesState:
    entries: Dict[str, DeclaredUnit] = {}
    for name in asked:
        entry = _declared(scene, name, known, declared)
        twin = entries.get(entry.own_path)
        if twin is not None and name in declared:
            raise InvalidPolicy(f"{twin.name} and {name} are the same unit; declare it once")
        entries.setdefault(entry.own_path, entry)
    found = tuple(entries.values())
    return ServicesState(
        systemd_version=scene.version,
        declared=tuple(entry for entry in found if entry.name in declared),
        left_over=tuple(entry for entry in found if entry.name not in declared),
    )


def _scene(host: Door, processes: Sequence[Process], dropin: str) -> _Scene:
    version = require_systemd(host)
    manager_score = _number(host.read("/proc/1/oom_score_adj"), "/proc/1/oom_score_adj")
    return _Scene(
        host=host,
        version=version,
        folders=_folders_on_disk(host),
        files=_Files(host, version),
        members=_Members(processes),
        default_score=_default_score(host, manager_score),
        manager_score=manager_score,
        may_lower=_may_lower(host),
        dropin=dropin,
        seen=seen_scores.parse(host.read_if_there(SEEN_FILE) or ""),
    )


def _folders_on_disk(host: Door) -> Dict[str, Dict[str, Sequence[str]]]:
    """Every drop-in folder with its files, by its name and where it is; listed once for all units."""
    found: Dict[str, Dict[str, Sequence[str]]] = {}
    count = 0
    for root in SEARCH_PATH:
        # /lib is a link to /usr/lib on most hosts: the same folder under a second name.
        if root.startswith("/lib/") and host.link_target("/lib") is not None:
            continue
        for name in host.names(root):
            if name.endswith(".d"):
                count += 1
                TooMuch.check("folders with drop-ins of units", count, MOST_FOLDERS)
                found.setdefault(name, {})[root] = tuple(host.names(root + "/" + name))
    return found


def _with_our_dropin(scene: _Scene) -> List[str]:
    """The units that have a drop-in of ours."""
    named = {folder[: -len(".d")]: places.get(ETC, ()) for folder, places in scene.folders.items()}
    return [
        name
        for name, files in named.items()
        if scene.dropin in files and _is_unit(name) and is_ours(scene.files.once(scene.own_path(name)).text)
    ]


def _is_unit(name: str) -> bool:
    """Not C(service.d), a dash prefix or what else somebody may have copied our file into."""
    try:
        return names.canonical(name) == name and not name.rpartition(".")[0].endswith("-")
    except InvalidPolicy:
        return False


def _declared(scene: _Scene, name: str, known: Mapping[str, UnitProperties], declared: FrozenSet[str]) -> DeclaredUnit:
    if names.split(name).is_template:
        unit_id, load_state, members = name, _template_load_state(scene.host, name), _instances(name, known, declared)
    else:
        if name not in known:
            raise HostError(f"systemctl said nothing about {name}; ask it: systemctl show {name}", "systemctl")
        unit = known[name]
        unit_id, load_state = unit.id, unit.load_state or "not-found"
        members = (unit,) if load_state not in ("not-found", "masked") else ()
    own_path, files = scene.own_path(unit_id), scene.own_folder(unit_id)
    return DeclaredUnit(
        name=name,
        own_path=own_path,
        own_text=scene.files.once(own_path).text if scene.dropin in (files or ()) else None,
        folder_exists=files is not None,
        load_state=load_state,
        states=tuple(_state(scene, member, unit_id) for member in members),
    )


def _template_load_state(host: Door, name: str) -> str:
    paths = [root + "/" + name for root in SEARCH_PATH if host.exists(root + "/" + name)]
    if not paths:
        return "not-found"
    return "masked" if host.link_target(paths[0]) == "/dev/null" else "loaded"


def _instances(
    template: str, known: Mapping[str, UnitProperties], declared: FrozenSet[str]
) -> Tuple[UnitProperties, ...]:
    """The loaded instances of a template that are not declared by themselves: their own drop-in hides this one."""
    found = {
        unit.id: unit
        for unit in known.values()
        if names.split(unit.id).template_of == template and declared.isdisjoint((unit.id, *unit.names))
    }
    return tuple(found[unit_id] for unit_id in sorted(found))


def _state(scene: _Scene, unit: UnitProperties, owner: str) -> ServiceState:
    own_path, has_own = scene.own_path(owner), scene.dropin in (scene.own_folder(owner) or ())
    fragment = scene.files.read(unit.fragment_path) if unit.fragment_path else None
    return ServiceState(
        unit=unit,
        own_path=own_path,
        systemd_version=scene.version,
        fragment=fragment,
        dropins=tuple(map(scene.files.read, _dropin_paths(scene, unit))),
        running=_running(scene, unit, scene.host.written_ticks(own_path) if has_own else None),
        default_score=scene.default_score,
        manager_score=scene.manager_score,
        may_lower=scene.may_lower,
        included=_included(scene, fragment) if fragment else (),
    )


def _dropin_paths(scene: _Scene, unit: UnitProperties) -> Iterator[str]:
    for folder in dropin_dirs(unit.id, unit.names, scene.version):
        for root, names_in in scene.folders.get(folder, {}).items():
            yield from (f"{root}/{folder}/{name}" for name in names_in if name.endswith(".conf"))


def _included(scene: _Scene, fragment: DropIn) -> Tuple[DropIn, ...]:
    """The files that it includes, and those that they include."""
    found: Dict[str, DropIn] = {}
    todo = list(includes(fragment, scene.version))
    while todo:
        path = todo.pop()
        if path not in found:
            found[path] = scene.files.read(path)
            TooMuch.check(f"{fragment.path}: files that it includes", len(found), MOST_INCLUDES)
            todo += includes(found[path], scene.version)
    return tuple(found.values())


def _read(host: Door, path: str, version: int) -> DropIn:
    # Up to 247 systemd names what the link of a masked unit leads to.
    if "/dev/null" in (path, host.link_target(path)):
        return DropIn(path, None)
    try:
        return DropIn(path, kept(host.read(path), version))
    except Missing:
        return DropIn(path, None)


def _running(scene: _Scene, unit: UnitProperties, written_ticks: Optional[int]) -> Tuple[RunningScore, ...]:
    """The processes of a unit, without those of other units below it, which another manager starts and scores."""
    own = unit.control_group or ""
    names_of_own = (unit_of(own), unit_of(own + _MANAGER_SCOPE))
    members = [one for one in scene.members.of(own) if unit_of(one.cgroup) in names_of_own] if own else []
    seen = scene.seen.get(unit.id)
    return tuple(
        RunningScore(
            process.pid,
            process.start_ticks,
            process.comm,
            process.oom_score_adj,
            process.pid == unit.main_pid,
            written_ticks is not None and process.start_ticks >= written_ticks,
            seen.mended if seen and (seen.pid, seen.start_ticks) == (process.pid, process.start_ticks) else None,
        )
        for process in sorted(members, key=lambda process: (process.start_ticks, process.pid))
    )


def _may_lower(host: Door) -> bool:
    """The kernel asks whether the initial user namespace has given this capability; another one gives its own."""
    namespace = host.link_target(USER_NAMESPACE)  # C(None) on a kernel that has but one
    is_initial = namespace is None or namespace.endswith(_INITIAL_NAMESPACE)
    return is_initial and has_capability(host.read("/proc/self/status"), CAP_SYS_RESOURCE)


def _default_score(host: Door, manager_score: int) -> int:
    """The score of a unit that sets none: DefaultOOMScoreAdjust (250), else the manager's own."""
    shown = host.run_or_fail(MANAGER_ARGV)
    value = shown.strip().partition("=")[2]
    return _number(value, " ".join(MANAGER_ARGV)) if value else manager_score


def _number(text: str, where: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise HostError(
            f"found {text.strip()[:40]!r} as the score of {where}, expected -1000 to 1000", where
        ) from error
