"""The last verdict, kept as long as nothing that it was made of has changed.

1. To have changed is to have another size, time of change, inode or device, by the system's word:
   no file is read. What rots on a disk keeps all of them, so that whoever must be sure reads all of
   it again (`verify --full`).
2. The files are looked at before they are read, and what changed less than `_SETTLED` ago is not
   believed to stand still: two changes in one tick of the clock look like one.
3. What only git knows is not seen here, so a verdict on absent diffs is not kept. Nor is one on
   damage: a disk that reads badly once may read well.
4. It names inodes and times that nobody can choose: one that came with a clone is never true.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from codec.errors import FormatError
from codec.manifest.facts import V1Version
from codec.manifest.jsonl import decode_fact
from pipelines.errors import FINDINGS
from pipelines.findings import Finding
from pipelines.fs.files import keep_file, read_bytes
from pipelines.git.worktree import head_of
from pipelines.settings.thresholds import Limits
from pipelines.token_savings import Baseline, TokenReport
from pipelines.verification.report import Kept, Request, Verdict
from pipelines.workspace import pending
from pipelines.workspace.location import (
    CONFIG,
    DELTAS,
    MANIFEST,
    METRICS,
    PROGRESS,
    REFERENCES,
    V1_LOG,
    Workspace,
)

#: Nanoseconds after which no clock of a file system is still in the tick of a change.
_SETTLED: Final = 2_000_000_000
_CACHE: Final = "cache"
_V1: Final = re.compile(rb'"fact":\s*"v1"')
_NAMED: Final = (
    DELTAS, METRICS, PROGRESS, REFERENCES, V1_LOG, CONFIG, ".gitattributes", ".gitignore",
)  # fmt: skip
#: What a stopped run leaves beside them.
_HALVES: Final = ".*.tmp"


class Standing(NamedTuple):
    """What a verdict is made of, before it is made.

    Attributes:
        patterns: of the files besides those of every workspace.
        digest: SHA-256 of the question, and the names, sizes and times of all files.
        files: how many.
        settled: none of them changed just now.
    """

    patterns: tuple[str, ...]
    digest: str
    files: int
    settled: bool


def standing(request: Request, patterns: Sequence[str]) -> Standing:
    """How all that a verdict is made of stands now.

    Args:
        request: what is asked.
        patterns: as `read_from` gives them.
    """
    now = time.time_ns()
    newest = 0
    lines = [_question(request)]
    for path, stat in _files(request.workspace, patterns):
        newest = max(newest, stat.st_mtime_ns)
        size, mtime, ctime = stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
        lines.append(f"{path}\0{stat.st_dev} {stat.st_ino} {size} {mtime} {ctime}\n")
    lines.sort()
    digest = hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()
    return Standing(tuple(patterns), digest, len(lines) - 1, settled=newest < now - _SETTLED)


def recall(request: Request) -> Verdict | None:
    """The verdict on files that stand as they did when it was made; None where they do not."""
    if request.since:
        return None
    try:
        kept = json.loads(read_bytes(_path(request.workspace)))
        now = standing(request, list(map(str, kept["patterns"])))
        if kept["digest"] != now.digest:
            return None
        return _decoded(kept["verdict"], Kept(str(kept["at"]), now.files))
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None  # nothing is kept, or nothing that could be trusted


def keep(request: Request, was: Standing, verdict: Verdict) -> None:
    """Keep a verdict on what stood so before it was read, if it can be kept."""
    absent, damaged = bool(verdict.absent or verdict.in_git), verdict.exit_code not in (0, FINDINGS)
    if not was.settled or request.since or absent or damaged:
        return
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    kept = {
        "at": at,
        "patterns": was.patterns,
        "digest": was.digest,
        "verdict": asdict(verdict),
    }
    keep_file(_path(request.workspace), json.dumps(kept).encode())


def _path(workspace: Workspace) -> str:
    return workspace.path(".session-codec", _CACHE, "verified.json")


def _decoded(fields: dict[str, Any], kept: Kept) -> Verdict:
    """A verdict from its fields, as JSON has them."""
    tokens = fields["tokens"]
    if tokens is not None:
        baselines = tuple(Baseline(*baseline) for baseline in tokens["baselines"])
        limits = Limits(**tokens["limits"])
        tokens = TokenReport(**{**tokens, "baselines": baselines, "limits": limits})
    return Verdict(
        **{
            **fields,
            "diffs": tuple(fields["diffs"]),
            "layouts": tuple(fields["layouts"]),
            "absent": tuple(fields["absent"]),
            "findings": tuple(Finding(*finding) for finding in fields["findings"]),
            "tokens": tokens,
            "kept": kept,
        }
    )


def _question(request: Request) -> str:
    """What is asked of the files, by which program (it has a time of its own), in which commit."""
    limits = sorted(request.limits.items())
    program = os.stat(__file__).st_mtime_ns
    repository = request.workspace.repository
    head = head_of(repository)[0] if repository else ""
    waiting = pending.version(request.workspace)
    return f"{program} {__file__} {head} {waiting} {request.tokenizer} {request.require} {limits}\n"


def _files(workspace: Workspace, patterns: Sequence[str]) -> Iterator[tuple[str, os.stat_result]]:
    """All files that a verdict is made of, with what the system says of each."""
    root = workspace.root
    found = (
        name
        for p in (*patterns, _HALVES)
        for name in glob.glob(p, root_dir=root, include_hidden=True)
    )
    for name in {*_NAMED, *found}:
        with suppress(OSError):  # one that is not there is not in the digest, which tells as well
            yield name, os.stat(os.path.join(root, name))
    home = os.path.dirname(workspace.diffs)
    yield from _below(workspace.diffs)
    for folder in {os.path.join(home, ".session-codec"), workspace.path(".session-codec")}:
        yield from _below(folder, besides=(_CACHE, "lock"))


def read_from(workspace: Workspace) -> tuple[str, ...]:
    """Patterns of the files that a workspace has a part in its verdict by its own choice."""
    from codec.references.sources.collect import WANTED  # takes a while to import

    logs = _logs(read_bytes(workspace.path(MANIFEST)))
    return (*WANTED, *map(glob.escape, logs))


def _logs(manifest: bytes) -> Iterator[str]:
    """The v1 logs that a manifest names, found without taking apart the facts of sessions."""
    for m in _V1.finditer(manifest):
        start = manifest.rfind(b"\n", 0, m.start()) + 1
        end = manifest.find(b"\n", m.end())
        with suppress(FormatError):  # a line that is no fact makes the verdict worse, not older
            fact = decode_fact(manifest[start : end if end >= 0 else None].decode(errors="replace"))
            if isinstance(fact, V1Version):
                yield fact.source


def _below(folder: str, besides: tuple[str, ...] = ()) -> Iterator[tuple[str, os.stat_result]]:
    """The files of a folder and of those in it."""
    try:
        entries = os.scandir(folder)
    except FileNotFoundError:
        return
    with entries:
        for entry in entries:
            if entry.name in besides:
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _below(entry.path)
            else:
                with suppress(OSError):  # a broken link
                    yield entry.path, entry.stat()
