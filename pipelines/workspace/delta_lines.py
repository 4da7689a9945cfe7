"""The deltas of a workspace as lines, for questions to all of them.

Lines stay bytes. A file is plain if every line is a delta with a greater key than all before it:
then no line is repeated, and each field has a fixed place. Checking a million lines takes half a
second. So a file that was found plain is remembered by its hash; of a file that has grown only the
rest is checked, and a second process checks a part of it if it is long.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from io import BytesIO
from operator import lt
from threading import Thread, active_count
from typing import Any, Final, NamedTuple

from codec.errors import FormatError
from codec.v2.deltas import decode_delta
from codec.v2.newest_deltas import PLAIN_LINES
from pipelines.findings import Finding
from pipelines.fs.files import keep_file, read_bytes
from pipelines.workspace.location import DELTAS, MANIFEST, Workspace
from pipelines.workspace.reading import delta_lines_of, read_manifest

#: What was found in a smaller file is not worth keeping.
_KEPT_FROM: Final = 1 << 20
#: A second process is not worth starting for less.
_SHARED_FROM: Final = 1 << 24


class Deltas(NamedTuple):
    """The lines of a file of deltas.

    Attributes:
        lines: its deltas, each once, with their line ends.
        findings: one for each other line, except the rows that belong to the user.
        as_they_stand: the file is these lines and nothing else, and all of it is ASCII.
    """

    lines: Iterable[bytes]
    findings: tuple[Finding, ...]
    as_they_stand: bool


def read_deltas(workspace: Workspace) -> Deltas:
    """Read the deltas of a workspace; a torn last line is left out."""
    data = read_bytes(workspace.path(DELTAS))
    if not data and workspace.exists:
        return _deltas_of_the_manifest(workspace)
    whole = data[: data.rfind(b"\n") + 1]
    if whole and _are_plain(workspace, whole):
        alone = len(whole) == len(data) and data.isascii()
        return Deltas(BytesIO(whole), (), as_they_stand=alone)
    lines = dict.fromkeys(BytesIO(whole))
    lines.pop(b"\n", None)
    findings = []
    number, counted = 1, 0
    faults = list(_faults(whole))
    kept = kept_lines(workspace, [line for _, line, _ in faults])
    for at, line, error in faults:
        lines.pop(line, None)
        number, counted = number + whole.count(b"\n", counted, at), at
        if line in kept:
            continue
        findings.append(
            Finding(
                code="broken-line", message=error.problem, file=DELTAS, line=number, hint=error.hint
            )
        )
    for line in kept_twins(workspace, lines):
        del lines[line]
    return Deltas(lines, tuple(findings), as_they_stand=False)


def kept_twins(workspace: Workspace, lines: Iterable[bytes]) -> set[bytes]:
    """Return the lines of a person whose sessions have rows of their own: readers pass over them.

    Args:
        workspace: whose lines.
        lines: each once.
    """
    by_key: defaultdict[bytes, list[bytes]] = defaultdict(list)
    for line in lines:
        by_key[line.partition(b" | ")[0]].append(line)
    doubled = [lines for lines in by_key.values() if len(lines) > 1]
    kept = kept_lines(workspace, [line for lines in doubled for line in lines])
    return {line for lines in doubled if not kept.issuperset(lines) for line in kept & {*lines}}


def kept_lines(workspace: Workspace, lines: list[bytes]) -> frozenset[bytes]:
    """Return those lines that a person wrote before there was a workspace."""
    if not lines:
        return frozenset()
    from codec.manifest.fact_lines import kept_in
    from codec.merge.tracked_formats import kept_pieces

    return kept_pieces(lines, kept_in(read_bytes(workspace.path(MANIFEST))).get(DELTAS))


def _deltas_of_the_manifest(workspace: Workspace) -> Deltas:
    """Return the deltas that a missing or empty file should have, and a finding."""
    lines = delta_lines_of(read_manifest(workspace))
    if not lines:
        return Deltas((), (), as_they_stand=True)
    finding = Finding(
        code="missing-deltas",
        message=f"is missing or empty; its {len(lines):,} sessions were read from the manifest",
        file=DELTAS,
        hint="'session-codec doctor --repair' writes it; a .gitignore may keep it out of commits",
    )
    return Deltas([f"{line}\n".encode() for line in lines], (finding,), as_they_stand=False)


def _faults(
    whole: bytes, start: int = 0, end: int | None = None
) -> Iterator[tuple[int, bytes, FormatError]]:
    """Yield the lines that are not deltas: the offset of each, the line, and its problem."""
    at, end = start, len(whole) if end is None else end
    while (m := PLAIN_LINES.match(whole, at, end)) and m.end() < end:
        at = whole.index(b"\n", m.end()) + 1
        line = whole[m.end() : at]
        try:
            if line != b"\n":
                decode_delta(line[:-1].decode(errors="replace"))
        except FormatError as e:
            yield m.end(), line, e


def _are_plain(workspace: Workspace, whole: bytes) -> bool:
    """Whether complete lines are plain; what was found before is not looked at again."""
    path = workspace.path(".session-codec", "cache", "deltas.json")
    kept = _kept(path)
    size = kept.get("size", 0)
    if kept != _description(workspace, memoryview(whole)[:size]):
        size = 0
    if size == len(whole):
        return True
    start = whole.rfind(b"\n", 0, max(0, size - 1)) + 1  # of the last line that was looked at
    if not _are_in_order(whole, start):
        return False
    if len(whole) >= _SHARED_FROM:
        # Beside the answer: to hash it takes as long as many a question.
        Thread(target=lambda: _keep(path, _description(workspace, whole))).start()
    elif len(whole) >= _KEPT_FROM:
        _keep(path, _description(workspace, whole))
    return True


def _are_in_order(whole: bytes, start: int) -> bool:
    """Whether all lines from there on are deltas, each behind all before it."""
    if len(whole) - start < _SHARED_FROM or active_count() > 1:
        return not any(_faults(whole, start)) and _ascend(whole, start)
    # The larger part is for the other process: this one also compares the lines.
    middle = whole.rindex(b"\n", start, start + (len(whole) - start) * 2 // 5) + 1
    beside = os.fork()
    if not beside:
        status = 1
        try:
            status = int(any(_faults(whole, middle)))
        finally:
            os._exit(status)  # whatever happened: nothing of the verb's own may run twice
    in_order = not any(_faults(whole, start, middle)) and _ascend(whole, start)
    _, status = os.waitpid(beside, 0)
    return in_order and status == 0


def _ascend(whole: bytes, start: int) -> bool:
    lines, following = BytesIO(whole[start:]), BytesIO(whole[start:])
    following.readline()
    return all(map(lt, lines, following))


def _description(workspace: Workspace, part: bytes | memoryview) -> dict[str, Any]:
    """Describe the beginning of a file that is plain, for the cache.

    It names the very file: one that came with a clone is about another file, and not used.
    """
    stat = os.stat(workspace.path(DELTAS))
    sha256 = hashlib.sha256(part).hexdigest()
    return {"file": [stat.st_dev, stat.st_ino], "size": len(part), "sha256": sha256}


def _kept(path: str) -> dict[str, Any]:
    """Return the cached description; empty if it cannot be read."""
    try:
        kept = json.loads(read_bytes(path))
    except (OSError, ValueError, RecursionError):
        return {}
    return kept if isinstance(kept, dict) and isinstance(kept.get("size"), int) else {}


def _keep(path: str, description: dict[str, Any]) -> None:
    keep_file(path, json.dumps(description).encode())
