"""What must hold after each step of a schedule, whoever took it.

1. Hooks and reading verbs leave every working tree as it was: the same files are modified, with
   the same content. `record` and `flush` write only the files of session-codec, in one worktree.
2. A pending session stays pending until a branch holds it, whatever the user does to the worktrees.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MANIFEST = ".session-codec/manifest.jsonl"
#: The tracked files that `record` and `flush` write.
OWN = frozenset((MANIFEST, "SESSION_DELTAS.log", "PROJECT_METRICS.tsv", "AGENT_PROGRESS_LOG_v2.md"))


@dataclass(frozen=True, kw_only=True)
class State:
    """The state of a repository between two steps.

    Attributes:
        trees: for each worktree, the files that `git status` lists, with a hash of their content.
        pending: the facts of the pending stores.
        committed: the facts in the manifests of the branches.
    """

    trees: Mapping[Path, Mapping[str, str]]
    pending: frozenset[str]
    committed: frozenset[str]


def state_of(places: Sequence[Path], environment: Mapping[str, str]) -> State:
    """Return the state of a repository, given its worktrees, the main one first."""
    return State(
        trees={place: _tree(place, environment) for place in places if place.is_dir()},
        pending=_pending(places),
        committed=_committed(places[0], environment),
    )


def broken_by(step: str, before: State, after: State, writes: Mapping[Path, str]) -> list[str]:
    """Return the promises that a step broke.

    Args:
        step: its name.
        before: the state before it.
        after: the state after it.
        writes: the worktrees that it may change: "own" for the files of session-codec, or "all".
    """
    found = []
    for place, files in after.trees.items():
        if writes.get(place) == "all":
            continue
        changed = {name for name, _ in {*before.trees.get(place, {}).items()} ^ {*files.items()}}
        if wrong := changed - (OWN if writes.get(place) == "own" else set()):
            found.append(f"{step}: changed {sorted(wrong)} in {place.name}")
    lost = before.pending - after.pending - after.committed
    return [*found, *(f"{step}: lost {fact}" for fact in sorted(lost))]


def _tree(place: Path, environment: Mapping[str, str]) -> dict[str, str]:
    lines = _git(place, environment, "status", "--porcelain", "-z", "--no-renames").split("\0")
    found = {}
    for line in filter(None, lines):
        file = place / line[3:]
        content = file.read_bytes() if file.is_file() else b""
        found[line[3:]] = f"{line[:2]} {hashlib.sha256(content).hexdigest()}"
    return found


def _pending(places: Sequence[Path]) -> frozenset[str]:
    stores = [places[0] / ".git", *places]
    files = [f for s in stores for f in (s / ".session-codec" / "pending").rglob("facts.jsonl")]
    return _facts("".join(file.read_text() for file in files))


def _committed(repo: Path, environment: Mapping[str, str]) -> frozenset[str]:
    branches = _git(repo, environment, "for-each-ref", "--format=%(refname)", "refs/heads").split()
    names = dict.fromkeys(f"{branch}:{MANIFEST}" for branch in branches)
    return _facts("\n".join(_git(repo, environment, "cat-file", "blob", name) for name in names))


def _facts(lines: str) -> frozenset[str]:
    """Return what identifies the facts on lines: a session by its id, other facts as a whole."""
    facts = (json.loads(line) for line in lines.split("\n") if line)
    return frozenset(str(f.get("id") or json.dumps(f)) for f in facts if f.get("fact"))


def _git(folder: Path, environment: Mapping[str, str], *arguments: str) -> str:
    command = ["git", "--no-optional-locks", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=True,
        stdin=subprocess.DEVNULL,
    ).stdout  # fmt: skip
