"""Workspaces of many made-up sessions, for what must not grow with their number.

The files are written by the codec, so that they are what the verbs would have written.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from bench.corpus import AGENTS, NAMES
from codec.kinds import Key, Sha256
from codec.manifest.jsonl import encode_fact
from codec.records import Metrics, PatchRef, Session, Status
from codec.v2.deltas import delta_of, encode_delta
from codec.v2.metrics import HEADER, encode_row, row_of
from codec.v2.progress_log import TITLE, encode_reference, reference_of
from pipelines.workspace.location import DELTAS, MANIFEST, METRICS, PROGRESS

_STATUSES: Final[tuple[Status, ...]] = ("PASS", "FAIL", "PARTIAL", "UNKNOWN")


def make_workspace(folder: Path, sessions: int) -> None:
    """Write the tracked files of a workspace into a new folder; its diffs are nowhere."""
    (folder / MANIFEST).parent.mkdir(parents=True)
    with (
        open(folder / MANIFEST, "xb") as manifest,
        open(folder / METRICS, "xb") as metrics,
        open(folder / PROGRESS, "xb") as progress,
        open(folder / DELTAS, "xb") as deltas,
    ):
        metrics.write(f"{HEADER}\n".encode())
        progress.write(f"{TITLE}\n\n".encode())
        for session in made_up(sessions):
            manifest.write(f"{encode_fact(session)}\n".encode())
            metrics.write(f"{encode_row(row_of(session))}\n".encode())
            progress.write(encode_reference(reference_of(session)).encode())
            deltas.write(f"{encode_delta(delta_of(session))}\n".encode())


def made_up(sessions: int) -> Iterator[Session]:
    """Sessions some minutes apart, the same for everybody."""
    pick = random.Random(1)  # noqa: S311 - the same sessions for everybody, not a secret
    time = datetime(2016, 1, 1, tzinfo=UTC)
    for number in range(sessions):
        time += timedelta(seconds=pick.randint(1, 600))
        key = time.strftime("%Y-%m-%dT%H:%M:%SZ")
        task = "-".join(pick.choices(NAMES, k=pick.randint(2, 5)))
        yield Session(
            key=Key(key),
            time=key,
            agent=pick.choice(AGENTS),
            task=task,
            status=pick.choices(_STATUSES, (16, 2, 1, 1))[0],
            notes=f"Keep the {task} together.",
            metrics=Metrics(
                lines_added=int(pick.lognormvariate(3.5, 1.2)),
                lines_removed=int(pick.lognormvariate(2.5, 1.2)),
                commits=1,
                duration_min=pick.choice((None, *range(5, 95, 5))),
                tokens_used=pick.choice((None, pick.randint(1_000, 99_999))),
            ),
            patch=PatchRef(sha256=Sha256(hashlib.sha256(b"%d" % number).hexdigest()), size=4096),
        )
