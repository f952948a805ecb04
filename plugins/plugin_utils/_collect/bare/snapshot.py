# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What C(collect.sh) printed, as a door: it answers as the host would have at that moment."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ansible_collections.lifeboat.oom.plugins.module_utils._door import Door, Finished, Folder, refused, too_large
from ansible_collections.lifeboat.oom.plugins.module_utils._errors import HostError, LifeboatError, Missing, ReadOnly
from ansible_collections.lifeboat.oom.plugins.module_utils._kept_lines import rejoined
from ansible_collections.lifeboat.oom.plugins.module_utils._kernel.process import TICKS_PER_SECOND, Stat, parse_stat

_BEGIN = re.compile(r"^@lifeboat 1(\r?)$", re.MULTILINE)
_STAT = re.compile(r"/proc/(\d+)/stat")
_RETURN_CODE = re.compile(r"\nrc=(\d+)\Z")
# "grep: /proc/1/smaps_rollup: Permission denied", the same words in GNU, BusyBox and toybox.
_COMPLAINT = re.compile(r" grep: (/.*): ([^:]+)")
# Whole seconds where date and stat know no parts of them.
_WRITTEN = re.compile(r" (\d{1,11})(\.\d{1,9})? (/.*)")
_CLOCK = re.compile(r"(\d{1,11}(?:\.\d{1,9})?)\D* (\d{1,11}\.\d{1,9})")
_GONE = ("No such file or directory", "No such process", "Is a directory")
_DENIED = ("Permission denied", "Operation not permitted")
# A line of a file of the kernel begins with its path. The name of a control group may hold colons; its files hold none.
_PATH = re.compile(r"(/sys/fs/cgroup/.*/[a-z._]+|/[^:]*):(.*)", re.DOTALL)
# Of all files together.
_MOST_LINES = 10**6


class NoAnswer(LifeboatError):
    """The output is not that of our script, or not all of it."""


class _Sections:
    """The sections of one output, taken apart: C(on_WORD) takes what follows the mark C(@WORD)."""

    def __init__(self, root: str) -> None:
        self.page_bytes = 0
        self.arch = ""
        self.shell_pid = 0
        self.texts: dict[str, str] = {}
        self.failures: dict[str, HostError] = {}
        self.folders: dict[str, list[str]] = {}
        self.links: dict[str, str] = {}
        self.written_ticks: dict[str, int] = {}
        self.there: set[str] = set()
        self.read_only: set[str] = set()
        self.commands: dict[str, Finished] = {}
        self.stats_again: dict[str, str] = {}
        self.odd_names = 0
        self._root = root
        self._wanted: list[str] = []
        self._lines = 0
        self._last_run = ""

    def take(self, mark: str, content: Sequence[str]) -> None:
        word, _unused, argument = mark[1:].partition(" ")
        if word not in ("run", "said"):
            self._last_run = ""
        take = getattr(self, "on_" + word, None)
        if take is not None:
            take(argument, content)

    def on_page(self, argument: str, _content: Sequence[str]) -> None:
        self.page_bytes = int(argument) if argument.isdecimal() else 0

    def on_arch(self, argument: str, _content: Sequence[str]) -> None:
        self.arch = argument

    def on_shell(self, argument: str, _content: Sequence[str]) -> None:
        self.shell_pid = int(argument)

    def on_argv(self, argument: str, content: Sequence[str]) -> None:
        self.texts[argument] = "".join(word[1:] + "\0" for word in content if word)

    def on_cmdline(self, argument: str, content: Sequence[str]) -> None:
        self.texts[argument] = " ".join(word[1:] for word in content)

    def on_kernel(self, _argument: str, content: Sequence[str]) -> None:
        self.texts.update(self._by_path(content))

    def on_wanted(self, _argument: str, content: Sequence[str]) -> None:
        self._wanted = [line[1:] for line in content]

    def on_files(self, _argument: str, content: Sequence[str]) -> None:
        for path, found in self._of_wanted(content):
            self.texts[path] = "".join(each + "\n" for each in found)

    def on_lines(self, _argument: str, content: Sequence[str]) -> None:
        """What matters of each line, in pieces behind its number; nothing of one that is empty."""
        for path, found in self._of_wanted(content):
            pieces: dict[int, list[str]] = {}
            for each in found:
                number, _unused, piece = each.partition(":")
                pieces.setdefault(_count(number), []).append(piece)
            last = max(pieces, default=0)
            if self._has_room(path, last):
                self.texts[path] = "".join(rejoined(pieces.get(number, ())) + "\n" for number in range(1, last + 1))

    def _of_wanted(self, content: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
        """The lines stand in the order of the files; an empty file has none."""
        lines = iter(content)
        line = next(lines, None)
        for path in self._wanted:
            found = []
            while line is not None and line.startswith(path + ":"):
                found.append(line[len(path) + 1 :])
                line = next(lines, None)
            yield path.removeprefix(self._root), found

    def _has_room(self, path: str, lines: int) -> bool:
        """A host may say of a file that it has any number of lines, without sending them."""
        self._lines += lines
        if self._lines > _MOST_LINES:
            why = f"with it there are more than {_MOST_LINES} lines, too many for such files"
            self.failures[path] = HostError(f"cannot read {path}: {why}", path)
        return self._lines <= _MOST_LINES

    def on_whole(self, _argument: str, content: Sequence[str]) -> None:
        """The line breaks of each file as wc counted them: one less than lines where the last one is not whole, more
        where the last ones are empty.
        """
        for line in content:
            count, _unused, path = line.strip().partition(" ")
            path = path.removeprefix(self._root)
            missing = _count(count) - self.texts.get(path, "").count("\n")
            if path not in self.texts or not self._has_room(path, max(missing, 0)):
                continue
            self.texts[path] = self.texts[path][:-1] if missing == -1 else self.texts[path] + "\n" * missing

    def on_again(self, _argument: str, content: Sequence[str]) -> None:
        self.stats_again = self._by_path(content)

    def on_folder(self, argument: str, content: Sequence[str]) -> None:
        self.folders[argument] = [line[1:] for line in content if line]

    def on_link(self, argument: str, content: Sequence[str]) -> None:
        self.links[argument] = _text(content).rstrip("\n").removeprefix(self._root)

    def on_written(self, argument: str, content: Sequence[str]) -> None:
        """The clock and the uptime of that moment, and by the clock when each file was written: at the latest."""
        clock = _CLOCK.fullmatch(argument)
        if clock is None:
            return
        now, uptime = map(float, clock.groups())
        for each in filter(None, map(_WRITTEN.fullmatch, content)):
            written = int(each.group(1)) + float(each.group(2) or 1)
            ticks = (uptime - now + written) * TICKS_PER_SECOND
            self.written_ticks[each.group(3).removeprefix(self._root)] = int(ticks)

    def on_there(self, argument: str, _content: Sequence[str]) -> None:
        self.there.add(argument)

    def on_read_only(self, argument: str, _content: Sequence[str]) -> None:
        self.read_only.add(argument)

    def on_denied(self, argument: str, _content: Sequence[str]) -> None:
        self.failures[argument] = ReadOnly(f"cannot read {argument}: {os.strerror(errno.EACCES)}", argument)

    def on_refused(self, argument: str, content: Sequence[str]) -> None:
        self.failures[argument] = refused(argument, _text(content).strip())

    def on_too_large(self, argument: str, _content: Sequence[str]) -> None:
        self.failures[argument] = too_large(argument)

    def on_odd(self, _argument: str, _content: Sequence[str]) -> None:
        self.odd_names += 1

    def on_run(self, argument: str, content: Sequence[str]) -> None:
        text = _text(content)
        code = _RETURN_CODE.search(text)
        if code is None:
            raise NoAnswer(f"the answer of the host is cut within {argument!r}; run it again")
        self._last_run = argument
        self.commands[argument] = Finished(tuple(argument.split(" ")), int(code.group(1)), text[: code.start()], "")

    def on_said(self, _argument: str, content: Sequence[str]) -> None:
        """What was written to standard error: by the last command, or by grep about files."""
        if self._last_run:
            self.commands[self._last_run] = replace(self.commands[self._last_run], stderr=_text(content))
            return
        for line in content:
            match = _COMPLAINT.fullmatch(line)
            if match and match.group(2) not in _GONE:
                path = match.group(1).removeprefix(self._root)
                denied = match.group(2) in _DENIED
                self.texts.pop(path, None)
                self.failures[path] = (ReadOnly if denied else HostError)(f"cannot read {path}: {match.group(2)}", path)

    def _by_path(self, content: Sequence[str]) -> dict[str, str]:
        found: dict[str, list[str]] = {}
        for line in content:
            match = _PATH.match(line.removeprefix(self._root))
            if match:
                found.setdefault(match.group(1), []).append(match.group(2))
        return {path: "\n".join(lines) + "\n" for path, lines in found.items()}


class Snapshot(Door):
    """One host at one moment. Raises NoAnswer where the output is cut, or another program's."""

    def __init__(self, output: str, root: str = "") -> None:
        self._sections = _read(output, root)
        if self._sections.page_bytes < 1024:
            raise NoAnswer(
                "the host does not say how large its pages are (getconf PAGESIZE, and statm and status of its shell)"
            )
        self._drop_changed_pids()

    @property
    def odd_names(self) -> int:
        """How many files were not looked at because of a line break in their name."""
        return self._sections.odd_names

    @property
    def collector(self) -> str:
        return "bare"

    @property
    def page_kib(self) -> int:
        return self._sections.page_bytes // 1024

    @property
    def arch(self) -> str:
        return self._sections.arch

    @property
    def own_pids(self) -> frozenset[int]:
        """The shell and what it started."""
        children: dict[int, list[int]] = {}
        for pid, stat in self._stats(self._sections.texts).items():
            children.setdefault(stat.ppid, []).append(pid)
        own, todo = set[int](), [self._sections.shell_pid]
        while todo:
            pid = todo.pop()
            own.add(pid)
            todo += children.pop(pid, ())
        return frozenset(own)

    def read(self, path: str) -> str:
        if path in self._sections.failures:
            raise self._sections.failures[path]
        if path in self._sections.there and path not in self._sections.texts:
            raise HostError(f"cannot read {path}: it is there, and grep on the host could not read it", path)
        if path not in self._sections.texts:
            raise Missing(f"cannot read {path}: {os.strerror(errno.ENOENT)}", path)
        return self._sections.texts[path]

    def exists(self, path: str) -> bool:
        found = self._sections
        return any(path in known for known in (found.there, found.texts, found.failures, found.folders, found.links))

    def is_file(self, path: str) -> bool:
        return self.exists(path) and path not in self._sections.failures and path not in self._sections.folders

    def is_read_only(self, path: str) -> bool:
        return path in self._sections.read_only

    def link_target(self, path: str) -> str | None:
        return self._sections.links.get(path)

    def written_ticks(self, path: str) -> int | None:
        return self._sections.written_ticks.get(path)

    def names(self, folder: str) -> list[str]:
        if folder in self._sections.failures:
            raise self._sections.failures[folder]
        return sorted(self._sections.folders.get(folder, ()))

    def process(self, pid: int) -> Folder:
        return _ProcessFolder(self, pid)

    def run(self, argv: Sequence[str]) -> Finished:
        words = list(argv)
        # What is asked about is in the script; its answer stands under the question alone.
        key = " ".join(words[: words.index("--") + 1] if "--" in words else words)
        if key not in self._sections.commands:
            raise Missing(f"cannot run {argv[0]}: {os.strerror(errno.ENOENT)}", argv[0])
        return self._sections.commands[key]

    def _drop_changed_pids(self) -> None:
        """Forget a process whose pid belonged to another one, or to none, at the end of the look."""
        again = self._stats(self._sections.stats_again)
        for pid, stat in self._stats(self._sections.texts).items():
            if pid not in again or again[pid].start_ticks != stat.start_ticks:
                del self._sections.texts[f"/proc/{pid}/stat"]

    @staticmethod
    def _stats(texts: Mapping[str, str]) -> dict[int, Stat]:
        found = {}
        for path, text in texts.items():
            match = _STAT.fullmatch(path)
            if match:
                with contextlib.suppress(LifeboatError):  # listed where the process is read
                    found[int(match.group(1))] = parse_stat(text)
        return found


class _ProcessFolder(Folder):
    def __init__(self, snapshot: Snapshot, pid: int) -> None:
        self._snapshot, self._folder = snapshot, f"/proc/{pid}/"

    def read(self, name: str) -> str:
        return self._snapshot.read(self._folder + name)


def _read(output: str, root: str) -> _Sections:
    begin = _BEGIN.search(output)
    if begin is None:
        raise NoAnswer(
            f"the host printed {output[:200]!r}, expected what the collecting script prints; is its sh POSIX?"
        )
    lines = output[begin.end() + 1 :].split("\n")
    if begin.group(1):  # a terminal in between makes two characters of each line break
        lines = [line.removesuffix("\r") for line in lines]
    if "@end" not in lines:
        raise NoAnswer("the answer of the host is cut: it has no end; run it again")
    sections = _Sections(root)
    for mark, content in _sections(lines):
        sections.take(mark, content)
    return sections


def _sections(lines: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Each mark with the lines up to the next one."""
    mark = ""
    content: list[str] = []
    for line in lines:
        if line.startswith("@"):
            if mark:
                yield mark, content
            mark, content = line, []
        else:
            content.append(line)


def _count(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 9 else _MOST_LINES + 1


def _text(content: Sequence[str]) -> str:
    """One file or command; the empty line at the end stands for a last line that was whole."""
    whole = bool(content) and content[-1] == ""
    lines = [line[1:] for line in (content[:-1] if whole else content)]
    return "\n".join(lines) + ("\n" if whole and lines else "")
