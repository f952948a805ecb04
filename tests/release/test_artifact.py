# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in the archive, and that people and execution environments can install it."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from pathlib import Path

import yaml

BIN = Path(sys.executable).parent
# What somebody installs. Each new name here is a decision.
HOLDS = {
    "CHANGELOG.rst",
    "CONTRIBUTING.md",
    "COPYING",
    "FILES.json",
    "MANIFEST.json",
    "README.md",
    "bindep.txt",
    "changelogs",
    "docs",
    "inventories",
    "meta",
    "playbooks",
    "plugins",
    "requirements.txt",
    "roles",
}


def names(artifact: Path) -> list[str]:
    with tarfile.open(artifact) as archive:
        return [member.name for member in archive.getmembers() if member.isfile()]


def test_it_holds_what_belongs_in_it_and_nothing_else(artifact: Path) -> None:
    found = names(artifact)
    top = {name.partition("/")[0] for name in found}
    assert top == HOLDS
    assert [name for name in found if "/." in f"/{name}" or name.endswith((".pyc", ".in", ".log"))] == []
    with tarfile.open(artifact) as archive:
        assert [member.name for member in archive.getmembers() if member.issym() or member.islnk()] == []
        assert sum(member.size for member in archive.getmembers()) < 2_000_000


def test_its_name_is_its_version(artifact: Path) -> None:
    with tarfile.open(artifact) as archive:
        manifest = archive.extractfile("MANIFEST.json")
        assert manifest is not None
        described = json.load(manifest)["collection_info"]
    assert artifact.name == f"lifeboat-oom-{described['version']}.tar.gz"
    major, _unused, _unused = described["version"].split(".")
    assert int(major) >= 1


def test_an_execution_environment_can_be_made_of_it(artifact: Path, tmp_path: Path) -> None:
    wanted = {
        "version": 3,
        "images": {"base_image": {"name": "localhost/base:latest"}},
        "dependencies": {
            "ansible_core": {"package_pip": "ansible-core"},
            "ansible_runner": {"package_pip": "ansible-runner"},
            "galaxy": {"collections": [{"name": str(artifact), "type": "file"}]},
        },
    }
    (tmp_path / "execution-environment.yml").write_text(yaml.safe_dump(wanted))
    words = [str(BIN / "ansible-builder"), "create", "--output-filename", "Containerfile"]
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "context/Containerfile").exists()
    assert "lifeboat-oom" in (tmp_path / "context/_build/requirements.yml").read_text()


def test_an_execution_environment_learns_what_else_it_needs(artifact: Path, tmp_path: Path) -> None:
    home = tmp_path / "ansible_collections/lifeboat/oom"
    with tarfile.open(artifact) as archive:
        archive.extractall(home, filter="data")
    asked = subprocess.run(
        [BIN / "ansible-builder", "introspect", tmp_path], check=True, capture_output=True, text=True
    )
    needs = yaml.safe_load(asked.stdout)
    # Without what every such environment has.
    assert [one.split()[0] for one in needs["python"]] == ["jinja2>=3.1", "psutil>=5.9"]
    assert [one.split()[0] for one in needs["system"]] == ["openssh-client", "openssh-clients"]
