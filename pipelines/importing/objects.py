"""Ask git for many objects of a repository in one run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import IO, Final

from pipelines.system.git.process import git_dialogue, run_git
from pipelines.system.git.repository import Repository

#: The number of questions that are sent before the answers are read: both fit into a pipe.
_BATCH: Final = 200
_PIPE: Final = 1 << 14
#: Longer names are not sent, because the line would not fit into the pipe.
_NAME: Final = 4096
_HISTORY: Final = 64
#: Larger blobs are not read.
SIZE_LIMIT: Final = 1 << 24


class Objects:
    """The objects of a repository; `opened` creates one.

    Args:
        repository: the repository that is asked.
        stack: closes the resources.
    """

    def __init__(self, repository: Repository, stack: ExitStack) -> None:
        self._repository = repository
        self._stack = stack
        self._in, self._out = stack.enter_context(
            git_dialogue(repository, "cat-file", "--batch-check")
        )
        self._contents: tuple[IO[bytes], IO[bytes]] | None = None
        self._sizes: dict[str, int] = {}
        self._known: dict[str, str] = {}
        self._versions: dict[str, list[bytes]] = {}
        self.hash: str = "sha256" if len(self.resolve(["HEAD^{tree}"])[0] or "") > 40 else "sha1"

    def name_of(self, data: bytes) -> str:
        """Return the object name of a blob with this content."""
        return hashlib.new(self.hash, b"blob %d\0%s" % (len(data), data)).hexdigest()

    def resolve(self, names: Sequence[str]) -> list[str | None]:
        """Return the full names of objects; None for one that is missing or ambiguous.

        Args:
            names: the names, as git takes them: `HEAD`, `abc1234^{commit}`, `abc1234:a/b.py`.
        """
        asked = [n for n in dict.fromkeys(names) if n not in self._known]
        fit = [n for n in asked if "\n" not in n and len(n) <= _NAME]
        batch: list[str] = []
        size = 0
        for name in fit:
            size += self._in.write(name.encode(errors="surrogateescape") + b"\n")
            batch.append(name)
            if len(batch) == _BATCH or size > _PIPE:
                self._read(batch)
                batch, size = [], 0
        self._read(batch)
        return [self._known.get(name) or None for name in names]

    def _read(self, batch: Sequence[str]) -> None:
        self._in.flush()
        for name in batch:
            words = self._out.readline().rsplit(b" ", 2)  # a missing name may have spaces
            found = len(words) == 3 and words[1] in {b"blob", b"commit", b"tree", b"tag"}
            self._known[name] = words[0].decode() if found else ""
            self._sizes[name] = int(words[2]) if found else 0

    def has(self, names: Iterable[str]) -> set[str]:
        """Return those of the given full names that are objects of the repository."""
        asked = list(names)
        found = self.resolve(asked)
        return {name for name, known in zip(asked, found, strict=True) if known}

    def versions(self, path: str) -> list[bytes]:
        """Return the newest versions of a file in the history of all branches, each once.

        Args:
            path: the path relative to the top of the repository, with `/`.
        """
        if path not in self._versions:
            form = ("--format=", "--raw", "--no-abbrev", "--no-renames", f"--max-count={_HISTORY}")
            done = run_git(self._repository, "log", "--all", *form, "--", f":(top,literal){path}")
            lines = done.stdout.decode(errors="replace").splitlines()
            fields = [line.split(maxsplit=5) for line in lines if line.startswith(":")]
            names = dict.fromkeys(name for f in fields for name in (f[3], f[2]) if name.strip("0"))
            self._versions[path] = [d for d in map(self._blob, names) if d is not None]
        return self._versions[path]

    def _blob(self, name: str) -> bytes | None:
        """Return the content of a blob; None if it is missing, or too large for an agent's edit."""
        (known,) = self.resolve([name])
        if known is None or self._sizes.get(name, 0) > SIZE_LIMIT:
            return None
        if self._contents is None:
            dialogue = git_dialogue(self._repository, "cat-file", "--batch", plain=True)
            self._contents = self._stack.enter_context(dialogue)
        ask, output = self._contents
        ask.write(known.encode() + b"\n")
        ask.flush()
        size = int(output.readline().split()[2])
        return output.read(size + 1)[:size]


@contextmanager
def opened(repository: Repository) -> Iterator[Objects]:
    """Open the objects of a repository, and close them at the end.

    Raises:
        Denied: git does not trust the owner of the repository.
        Unavailable: git is not installed, or failed.
    """
    with ExitStack() as stack:
        yield Objects(repository, stack)
