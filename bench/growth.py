"""Verbs and decoders over more and more facts: no step compares each fact with each other one.

1. Half of the facts are sessions, a quarter revises every second of them, a quarter purges diffs.
2. Processor time is compared, because other programs disturb it less than wall time. A step whose
   time grows with the square of the facts takes four times as long for twice as many.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from bench.process import Failed, apart
from bench.sessions import made_up, make_workspace
from bench.table import Line, Text
from bench.verbs import Setting, verb
from codec.manifest.facts import Purged, Revision
from codec.manifest.jsonl import encode_fact, identity_of
from codec.merge.repair import repair_manifest
from codec.merge.three_way import merge_manifests
from pipelines.workspace.location import MANIFEST
from pipelines.workspace.manifest_view import decode_manifest

_FACTS: Final = (5_000, 10_000, 20_000, 40_000)
#: The most that twice the facts may take: a start-up is part of it, a sort adds a little.
_MOST: Final = 2.6
_VERBS: Final = (("verify",), ("doctor",), ("context",))
_FINDINGS: Final = (0, 3, 12)


def growth(setting: Setting) -> Iterator[Line]:
    """Measure each step for each number of facts.

    Raises:
        Failed: a step takes too much longer for twice the facts.
    """
    taken: dict[str, list[float]] = {}
    for facts in _FACTS:
        folder = setting.fresh()
        apart(_make, folder, facts)
        for arguments in _VERBS:
            cost = verb(*arguments, cwd=folder, good=_FINDINGS)
            taken.setdefault(arguments[0], []).append(cost.cpu)
        for name, step in _STEPS.items():
            taken.setdefault(name, []).append(apart(_seconds, step, folder / MANIFEST))
    wrong = []
    for name, seconds in taken.items():
        figures = "  ".join(f"{n:,}: {s:.2f} s" for n, s in zip(_FACTS, seconds, strict=True))
        last = seconds[-1] / seconds[-2]
        yield Text(f"{'growth':<13} {name:<10} {figures}  last ratio {last:.2f} (<= {_MOST:g})")
        if last > _MOST:
            wrong.append(name)
    if wrong:
        raise Failed(f"grows faster than the facts: {', '.join(wrong)}")


def _make(folder: Path, facts: int) -> None:
    """Write a workspace with this many facts into a repository."""
    subprocess.run(["git", "init", "-q", folder], check=True)
    make_workspace(folder, facts // 2)
    with open(folder / MANIFEST, "ab") as manifest:
        for number, session in enumerate(made_up(facts // 2)):
            fact: Revision | Purged | None = None
            if number % 2:
                fact = Revision(identity_of(session), (), "person", {"notes": f"Note {number}."})
            elif session.patch is not None:
                fact = Purged(session.key, session.patch.sha256, f"{session.time[:19]}.000000Z")
            if fact is not None:
                manifest.write(f"{encode_fact(fact)}\n".encode())


def _seconds(step: Callable[[bytes], object], path: Path) -> float:
    """Return the processor time of a step over a manifest."""
    data = path.read_bytes()
    started = time.process_time()
    step(data)
    return time.process_time() - started


def _decode(data: bytes) -> None:
    manifest = decode_manifest(data)
    manifest.in_order()
    manifest.patches()
    manifest.shared_times()


def _merge(data: bytes) -> None:
    lines = data.splitlines(keepends=True)
    half = len(lines) // 2
    merge_manifests(b"".join(lines[:half]), data, b"".join(lines[half:]))


_STEPS: Final[dict[str, Callable[[bytes], object]]] = {
    "decode": _decode,
    "merge": _merge,
    "repair": repair_manifest,
}
