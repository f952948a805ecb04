# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the matrix: every supported ansible-core with every Python, or ``--fast`` a cut through it.

Fast are the sanity tests of one ansible-core, and the shipped code on the oldest Python of a device.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from . import gates
from .environments import CORES, Core, MatrixError
from .gates import Outcome, copy_collection
from .page import PAGE, page
from .pythons import CONTROLLER_MINIMUM, find

FAST_SANITY = "2.19"


def whole(core: Core, collection: Path) -> Iterator[Outcome]:
    found = {version: bin_ for version in core.devices if (bin_ := core.environment(version))}
    for version in core.devices:
        if version not in found:
            yield Outcome(core.series, "all", version, "skipped", "this machine has no such Python")
        elif version in core.with_controller and version not in core.controllers:
            minimum = ".".join(map(str, CONTROLLER_MINIMUM))
            yield Outcome(core.series, "controller", version, "skipped", f"the collection needs {minimum} there")
    controllers = [version for version in core.controllers if version in found]
    if not controllers:
        yield Outcome(core.series, "all", "", "skipped", "this machine has no Python that can run it")
        return
    for version in found:
        yield gates.units(core, version, [found[controllers[0]], found[version]], collection)
    pythons = {version: path for version in found if (path := find(version))}
    for version in controllers:
        yield from gates.on_device_pythons(core, version, pythons, collection)
    # The sanity tests take the Pythons that they find; a Python that is no controller of ours is not among them.
    others = [bin_ for version, bin_ in found.items() if version in (*core.only_devices, *core.controllers)]
    yield from gates.sanity(core, controllers[0], [found[controllers[0]], *others], collection)


def fast(collection: Path) -> Iterator[Outcome]:
    (newer,) = _chosen([FAST_SANITY])
    for core, gate in ((CORES[0], "units"), (newer, "sanity")):
        controller, device = _first(core, core.controllers), _first(core, core.devices)
        if controller is None or device is None:
            yield Outcome(core.series, gate, "", "skipped", "this machine has no Python that can run it")
        elif gate == "units":
            yield gates.units(core, device[0], [controller[1], device[1]], collection)
        else:
            yield from gates.sanity(core, controller[0], [controller[1]], collection, only=True)


def _first(core: Core, versions: Sequence[str]) -> tuple[str, Path] | None:
    found = ((version, core.environment(version)) for version in versions)
    return next(((version, bin_) for version, bin_ in found if bin_), None)


def _tell(outcome: Outcome, seconds: float) -> None:
    on = f" on Python {outcome.python}" if outcome.python else ""
    print(f"{outcome.state}: ansible-core {outcome.series} {outcome.gate}{on}: {outcome.said} ({seconds:.0f} s)")
    if outcome.log:
        print(outcome.log)
    sys.stdout.flush()


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="matrix", description=__doc__)
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--core", action="append", choices=[core.series for core in CORES], help="only these")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    chosen = parser.parse_args(words)
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="matrix-") as folder:
        collection = copy_collection(Path(folder))
        runs = [fast(collection)] if chosen.fast else [whole(core, collection) for core in _chosen(chosen.core)]
        began = time.monotonic()
        for run in runs:
            for outcome in run:
                _tell(outcome, time.monotonic() - began)
                outcomes.append(outcome)
                began = time.monotonic()
    if chosen.write:
        PAGE.write_text(page(outcomes), encoding="utf-8")
    count = {state: sum(outcome.state == state for outcome in outcomes) for state in ("passed", "failed", "skipped")}
    print("matrix: {passed} passed, {failed} failed, {skipped} skipped".format(**count))
    return 1 if count["failed"] or not count["passed"] else 0


def _chosen(series: Sequence[str] | None) -> list[Core]:
    return [core for core in CORES if not series or core.series in series]


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except MatrixError as error:
        print(f"matrix: {error}", file=sys.stderr)
        sys.exit(2)
