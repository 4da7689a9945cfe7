"""Make the patches of imported sessions from the states of their files.

    with PatchMaker(repository, objects) as maker:
        number = maker.add({"a.py": (maker.put(before), maker.put(after))})
        ...
        patches = maker.patches()

1. git makes the patches with the same options as for recorded ones, so they have the same form: a
   session whose commits are its edits gets the same bytes.
2. The states are stored in a temporary repository, which borrows the objects of the user's
   repository. Nothing is written to the latter.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import IO, Final, Self

from codec.agents.edit_events import State
from pipelines.importing.objects import Objects
from pipelines.system.git.process import git_dialogue, run_git
from pipelines.system.git.repository import Repository
from pipelines.workspace.git_patches import PATCH_OPTIONS

#: A file of a session before and after; each is a blob's hash, a mark of fast-import, or empty.
Pair = tuple[str, str]
#: Sessions whose patches one run of git makes.
_BATCH: Final = 128
#: A file that git does not have; of the modes that git has, those of files whose content is here.
_MODE: Final = "100644"
_MODES: Final = frozenset(("100644", "100755"))


class PatchMaker:
    """Collects pairs of file states, and makes a patch from each pair.

    Args:
        repository: the repository of the user; None outside of git.
        objects: the objects of that repository.
    """

    def __init__(self, repository: Repository | None, objects: Objects | None) -> None:
        self._objects = objects
        self._stack = ExitStack()
        self._marks: dict[bytes, str] = {}
        self._pairs: list[Mapping[str, Pair]] = []
        self._borrowed = os.path.join(repository.common, "objects") if repository else ""

    def __enter__(self) -> Self:
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="session-codec-"))
        os.makedirs(os.path.join(folder, "objects", "info"))
        os.makedirs(os.path.join(folder, "refs"))
        version = "repositoryformatversion = 0\n\tbare = true\n"
        if self._objects is not None and self._objects.hash == "sha256":
            version = "repositoryformatversion = 1\n\tbare = true\n[extensions]\n"
            version += "\tobjectFormat = sha256\n"
        _write(os.path.join(folder, "HEAD"), "ref: refs/heads/none\n")
        _write(os.path.join(folder, "config"), f"[core]\n\t{version}")
        if self._borrowed.startswith("/") and "\n" not in self._borrowed:
            alternates = os.path.join(folder, "objects", "info", "alternates")
            _write(alternates, f"{os.path.realpath(self._borrowed)}\n")
        else:
            self._objects = None
        self._own = Repository(folder, folder, folder)
        self._blobs = self._stack.enter_context(ExitStack())
        settings = ("core.compression=0", "pack.compression=0")
        self._known = os.path.join(folder, "marks")
        options = ("--quiet", "--depth=0", "--done", f"--export-marks={self._known}")
        fast = git_dialogue(self._own, "fast-import", *options, settings=settings)
        self._in: IO[bytes] = self._blobs.enter_context(fast)[0]
        return self

    def __exit__(self, *failure: object) -> None:
        if any(failure):
            self._in.write(b"done\n")
        self._stack.close()

    def put(self, state: State) -> str:
        """Store a state and return its name, to be used in a pair."""
        data = state.data
        if data is None:
            return ""
        if self._objects is not None:
            name = self._objects.name_of(data)
            if self._objects.has([name]):
                return name
        else:
            name = hashlib.sha256(data).hexdigest()
        key = name.encode()
        if key not in self._marks:
            self._marks[key] = f":{len(self._marks) + 1}"
            self._in.write(b"blob\nmark %s\ndata %d\n" % (self._marks[key].encode(), len(data)))
            self._in.write(data)
            self._in.write(b"\n")
        return self._marks[key]

    def add(self, pairs: Mapping[str, Pair]) -> int:
        """Add the files of a session, by path from the top; return the number of its patch."""
        self._pairs.append(pairs)
        return len(self._pairs) - 1

    def patches(
        self, modes: Mapping[str, str], left_out: frozenset[str] = frozenset()
    ) -> list[bytes]:
        """Return the patches, by number. Nothing can be added afterwards.

        Args:
            modes: the modes of the files that git has, by path.
            left_out: paths that no patch may contain.
        """
        first = len(self._marks) + 1
        for number, pairs in enumerate(self._pairs):
            for side in (0, 1):
                kept = {path: pair[side] for path, pair in pairs.items() if path not in left_out}
                self._commit(first + 2 * number + side, kept, modes)
        self._in.write(b"done\n")
        self._blobs.close()
        trees = self._trees(first)
        found: list[bytes] = []
        for start in range(0, len(self._pairs), _BATCH):
            found += self._diffs(trees[start : start + _BATCH])
        return found

    def _commit(self, mark: int, files: Mapping[str, str], modes: Mapping[str, str]) -> None:
        head = (
            f"commit refs/heads/all\nmark :{mark}\ncommitter x <x@x> 0 +0000\ndata 0\ndeleteall\n"
        )
        self._in.write(head.encode())
        for path, blob in files.items():
            if blob:
                mode = modes.get(path, _MODE)
                mode = mode if mode in _MODES else _MODE
                self._in.write(f"M {mode} {blob} ".encode() + _quoted(path) + b"\n")
        self._in.write(b"\n")

    def _trees(self, first: int) -> list[tuple[str, str]]:
        """Return the trees of each session before and after.

        Args:
            first: the mark of the first commit; the others follow it.
        """
        if not self._pairs:
            return []
        with open(self._known, encoding="ascii") as f:
            marks = dict(line[1:].split() for line in f)
        names = (f"{marks[str(first + n)]}^{{tree}}\n" for n in range(2 * len(self._pairs)))
        asked = "".join(names).encode()
        form = "--batch-check=%(objectname)"
        found = run_git(self._own, "cat-file", form, data=asked).stdout.decode().split()
        return list(zip(found[::2], found[1::2], strict=True))

    def _diffs(self, trees: Sequence[tuple[str, str]]) -> Iterator[bytes]:
        lines = [f"{before} {after}\n".encode() for before, after in trees]
        data = run_git(
            self._own, "diff-tree", "--stdin", *PATCH_OPTIONS, data=b"".join(lines), plain=True
        ).stdout
        at = 0
        for number, line in enumerate(lines):
            at += len(line) if data.startswith(line, at) else 0
            following = lines[number + 1] if number + 1 < len(lines) else None
            end = data.find(b"\n" + following, at - 1) + 1 if following else len(data)
            yield data[at : max(end, at)]
            at = max(end, at)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as f:
        f.write(text)


def _quoted(path: str) -> bytes:
    """Return a path in the form that fast-import reads."""
    data = path.encode(errors="surrogateescape")
    for raw, escaped in ((b"\\", b"\\\\"), (b'"', b'\\"'), (b"\n", b"\\n")):
        data = data.replace(raw, escaped)
    return b'"%s"' % data
