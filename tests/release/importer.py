# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Galaxy checks when a collection is uploaded, by its own importer: ``python -m release.importer``.

It has an environment of its own, since it wants other versions of what our tools want too.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from matrix.environments import path_of, python_environment, run
from matrix.gates import copy_collection

# The importer wants an address. Ours is not settled, so this one is put into the copy that it sees.
PLACEHOLDER = "repository: https://example.invalid/lifeboat.oom\n"
CONFIG = "[galaxy-importer]\nCHECK_CHANGELOG = True\nCHECK_REQUIRED_TAGS = False\nRUN_ANSIBLE_TEST = False\n"


def main() -> int:
    packages = ("galaxy-importer>=0.4.30,<1", "ansible-core>=2.17,<2.20", "ansible-lint")
    bin_ = python_environment("importer", Path(sys.base_prefix) / "bin/python3", packages)
    with tempfile.TemporaryDirectory(prefix="importer-") as name:
        folder = Path(name)
        source = copy_collection(folder)
        described = (source / "galaxy.yml").read_text(encoding="utf-8")
        if "\nrepository:" not in described:
            (source / "galaxy.yml").write_text(described + PLACEHOLDER, encoding="utf-8")
        run([bin_ / "ansible-galaxy", "collection", "build", "--output-path", folder], source)
        (artifact,) = folder.glob("*.tar.gz")
        (folder / "importer.cfg").write_text(CONFIG, encoding="utf-8")
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "PYTHON"))},
            "PATH": path_of([bin_]),
            "GALAXY_IMPORTER_CONFIG": str(folder / "importer.cfg"),
        }
        done = subprocess.run(
            [bin_ / "python", "-m", "galaxy_importer.main", artifact],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    said = [line for line in done.stdout.splitlines() if re.match(r"(WARNING|ERROR)", line)]
    verdict = "failed" if done.returncode or said else "passed"
    if verdict == "failed":
        print(done.stdout)
    print(f"importer: {verdict}, {len(said)} complaints")
    return 0 if verdict == "passed" else 1


if __name__ == "__main__":
    sys.exit(main())
