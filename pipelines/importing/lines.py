"""Find transcripts, and read them line by line, with limits; unreadable lines are findings.

1. A line of more than 32 MiB is skipped without being held in memory.
2. An incomplete last line is still being written, and is read the next time.
3. Bytes that are not UTF-8 are kept (`codec.agents.transcripts.entry_of`), and reported.
4. A file `*.json` is one document of at most 64 MiB; a larger one is not read.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterator
from typing import IO, Any, Final

from codec.agents.transcripts import entry_of, object_in
from codec.shown_text import counted
from pipelines.outcomes.findings import Finding

LINE_LIMIT: Final = 1 << 25
#: The suffix of a transcript that is one document.
DOCUMENT: Final = ".json"
_DOCUMENT_LIMIT: Final = 1 << 26
#: The most lines of one file that are reported.
_NAMED: Final = 3


def opened(path: str) -> IO[bytes]:
    """Return an open transcript, decompressed if it is compressed.

    Raises:
        OSError: it cannot be read, or is not a regular file.
    """
    f = open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))  # noqa: SIM115
    try:
        if not stat.S_ISREG(os.fstat(f.fileno()).st_mode):
            raise OSError("not a regular file")
        if path.endswith(".zst"):
            import zstandard

            reader = zstandard.ZstdDecompressor().stream_reader(
                f, read_across_frames=True, closefd=True
            )
            import io

            return io.BufferedReader(reader, 1 << 18)
    except BaseException:
        f.close()
        raise
    return f


def read_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions for a file that cannot be read or decompressed."""
    module = sys.modules.get("zstandard")
    return (OSError, EOFError, *((module.ZstdError,) if module else ()))


def files_below(place: str, name: re.Pattern[str], findings: list[Finding]) -> Iterator[str]:
    """Yield the files of transcripts in a folder, or the file itself.

    Links in the folder are not followed: they are named. A link that a user names is followed.

    Args:
        place: file or folder, which need not exist.
        name: the name of files that are transcripts.
        findings: what cannot be read is added here.
    """
    if os.path.isfile(place):
        yield place
        return
    if not os.path.isdir(place):
        if os.path.lexists(place):
            findings.append(linked(place))
        return

    def failed(error: OSError) -> None:
        findings.append(unreadable(error.filename or place, error))

    for folder, folders, names in os.walk(place, onerror=failed):
        folders.sort()
        for found in sorted([*folders, *names]):
            path = os.path.join(folder, found)
            if os.path.islink(path) and (found in folders or name.fullmatch(found)):
                findings.append(linked(path))
            elif name.fullmatch(found) and found in names:
                yield path


def linked(path: str) -> Finding:
    """Return a finding on a link that is not followed."""
    target = os.path.realpath(path)
    return Finding(
        code="transcript-link",
        message="is a link, and links in a folder of transcripts are not followed",
        file=path,
        hint=f"If it holds your transcripts, import them: session-codec import --from {target}",
    )


def entries(path: str, findings: list[Finding]) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects on the lines of a transcript.

    Args:
        path: the path of the file.
        findings: the list to which findings on unreadable lines are added.
    """
    problems: dict[str, list[int]] = {}
    try:
        if path.endswith(DOCUMENT):
            yield document(path)
            return
        with opened(path) as f:
            for number, line in enumerate(lines(f), 1):
                if line is None:
                    problems.setdefault("too long", []).append(number)
                    continue
                try:
                    entry = object_in(line.decode())
                except UnicodeDecodeError:
                    entry = entry_of(line)
                    if entry is not None:
                        problems.setdefault("not UTF-8", []).append(number)
                if entry is not None:
                    yield entry
                elif line.strip():
                    torn = not line.endswith(b"\n")
                    kind = "cut short" if torn else "not a JSON object"
                    problems.setdefault(kind, []).append(number)
    except read_errors() as e:
        findings.append(unreadable(path, e))
    for kind, numbers in problems.items():
        findings.append(damaged(path, kind, numbers))


def document(path: str) -> dict[str, Any]:
    """Return the JSON object in a transcript that is one document.

    Raises:
        OSError: it cannot be read, is not a JSON object, or is too long.
    """
    with opened(path) as f:
        data = f.read(_DOCUMENT_LIMIT + 1)
    if len(data) > _DOCUMENT_LIMIT:
        raise OSError(f"longer than {_DOCUMENT_LIMIT >> 20} MiB")
    entry = entry_of(data)
    if entry is None:
        raise OSError("not a JSON object, or cut short")
    return entry


def lines(f: IO[bytes]) -> Iterator[bytes | None]:
    """Yield the lines of a file; None for a line that is too long."""
    while line := f.readline(LINE_LIMIT):
        if len(line) < LINE_LIMIT or line.endswith(b"\n"):
            yield line
            continue
        while (rest := f.readline(1 << 20)) and not rest.endswith(b"\n"):
            pass
        yield None


def unreadable(path: str, error: Exception) -> Finding:
    """Return a finding on a file or folder that cannot be read."""
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return Finding(
        code="transcript-unreadable",
        message=f"cannot be read: {reason}",
        file=path,
        hint="Make it readable and import again",
    )


def damaged(path: str, kind: str, numbers: list[int]) -> Finding:
    """Return a finding on lines that cannot be read as they are.

    Args:
        path: the path of the file.
        kind: the problem that the lines have.
        numbers: the numbers of the lines.
    """
    shown = ", ".join(map(str, numbers[:_NAMED])) + (", ..." if len(numbers) > _NAMED else "")
    what = "line" if len(numbers) == 1 else counted(len(numbers), "line")
    if kind == "cut short":
        return Finding(
            code="transcript-cut",
            message="the last line is cut short and is left out",
            level="note",
            file=path,
            line=numbers[0],
            hint="If the agent is still running, import again when it has ended",
        )
    taken = "read with these bytes as they are" if kind == "not UTF-8" else "left out"
    return Finding(
        code="transcript-damaged",
        message=f"{what} {kind} ({shown}), {taken}",
        file=path,
        line=numbers[0],
    )
