"""Read the deltas of a workspace as lines, for queries over all of them.

Lines stay bytes. They are plain if each is a delta that sorts after the previous one: then no line
occurs twice, and each field is in a known place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from io import BytesIO
from operator import lt
from typing import NamedTuple

from codec.errors import FormatError
from codec.shown_text import counted
from codec.v2.deltas import decode_delta
from codec.v2.newest_deltas import PLAIN_LINES
from pipelines.outcomes.findings import Finding
from pipelines.system.fs.files import read_bytes, regular_size
from pipelines.workspace.location import DELTAS, MANIFEST, Workspace
from pipelines.workspace.reading import delta_lines_of, read_file, read_manifest


class Deltas(NamedTuple):
    """The lines of a file of deltas.

    Attributes:
        lines: its deltas, each once, with their line ends.
        findings: a finding for each other line, except the rows that belong to the user.
        is_exact: the file consists of exactly these lines, all in ASCII.
    """

    lines: Iterable[bytes]
    findings: tuple[Finding, ...]
    is_exact: bool


def read_deltas(workspace: Workspace) -> Deltas:
    """Return the deltas of a workspace; an incomplete last line is left out."""
    data = read_file(workspace, DELTAS)
    if not data and workspace.exists:
        return _deltas_of_the_manifest(workspace)
    whole = data[: data.rfind(b"\n") + 1]
    is_file = len(data) == regular_size(workspace.path(DELTAS))  # without pending lines
    if whole and _are_plain(whole):
        alone = is_file and len(whole) == len(data) and data.isascii()
        return Deltas(BytesIO(whole), (), is_exact=alone)
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
    return Deltas(lines, tuple(findings), is_exact=False)


def kept_twins(workspace: Workspace, lines: Iterable[bytes]) -> set[bytes]:
    """Return the user's lines that readers skip because their sessions have rows of ours.

    Args:
        workspace: the workspace of the lines.
        lines: the lines, each once.
    """
    by_key: defaultdict[bytes, list[bytes]] = defaultdict(list)
    for line in lines:
        by_key[line.partition(b" | ")[0]].append(line)
    doubled = [lines for lines in by_key.values() if len(lines) > 1]
    kept = kept_lines(workspace, [line for lines in doubled for line in lines])
    return {line for lines in doubled if not kept.issuperset(lines) for line in kept & {*lines}}


def kept_lines(workspace: Workspace, lines: list[bytes]) -> frozenset[bytes]:
    """Return the lines that a user wrote before the workspace was created."""
    if not lines:
        return frozenset()
    from codec.manifest.fact_lines import kept_in
    from codec.merge.tracked_formats import kept_pieces

    return kept_pieces(lines, kept_in(read_bytes(workspace.path(MANIFEST))).get(DELTAS))


def _deltas_of_the_manifest(workspace: Workspace) -> Deltas:
    """Rebuild the deltas from the manifest if their file is missing or empty; add a finding."""
    lines = delta_lines_of(read_manifest(workspace))
    if not lines:
        return Deltas((), (), is_exact=True)
    finding = Finding(
        code="missing-deltas",
        message=f"is missing or empty; read from the manifest: {counted(len(lines), 'session')}",
        file=DELTAS,
        hint="'session-codec doctor --repair' writes it; a .gitignore may keep it out of commits",
    )
    return Deltas([f"{line}\n".encode() for line in lines], (finding,), is_exact=False)


def _faults(whole: bytes) -> Iterator[tuple[int, bytes, FormatError]]:
    """Yield the lines that are not deltas: where each begins, the line, and its problem."""
    at, end = 0, len(whole)
    while (m := PLAIN_LINES.match(whole, at)) and m.end() < end:
        at = whole.index(b"\n", m.end()) + 1
        line = whole[m.end() : at]
        try:
            if line != b"\n":
                decode_delta(line[:-1].decode(errors="replace"))
        except FormatError as e:
            yield m.end(), line, e


def _are_plain(whole: bytes) -> bool:
    """Return True if all lines are deltas in ascending order."""
    return not any(_faults(whole)) and _ascend(whole)


def _ascend(whole: bytes) -> bool:
    lines, following = BytesIO(whole), BytesIO(whole)
    following.readline()
    return all(map(lt, lines, following))
