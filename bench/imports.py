"""Import real transcripts, beside one `json.loads` of each of their lines.

The transcripts are those of a public repository, entireio/cli, which keeps checkpoints of its
sessions on the branch `entire/checkpoints/v1`. `ENTIRE_CLI` names a clone of it, bare or not;
without one the benchmark is skipped. None of it is kept.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.process import Cost, Skipped, apart, run
from bench.table import Line, compared
from bench.verbs import Setting, verb

_BRANCH: Final = "entire/checkpoints/v1"
_SESSION: Final = re.compile(rb'"sessionId":"([0-9a-f-]{36})"')
_LOADS: Final = """
import json, pathlib, sys
for path in pathlib.Path(sys.argv[1]).iterdir():
    with path.open("rb") as f:
        for line in f:
            try:
                json.loads(line)
            except ValueError:
                pass
"""


@dataclass(frozen=True, slots=True)
class Said:
    """A line of what an import found."""

    text: str

    def line(self) -> str:
        """Return the line as it is printed."""
        return f"{'import':<13} {self.text}"


def imports(setting: Setting) -> Iterator[Line]:
    """Measure an import of all sessions, and count what git proves of it."""
    clone = os.environ.get("ENTIRE_CLI", "")
    if not clone or not _has_branch(clone):
        raise Skipped("needs ENTIRE_CLI, a clone of entireio/cli with all branches")
    transcripts = setting.folder / "transcripts"
    transcripts.mkdir()
    apart(extract, clone, transcripts)
    repository = setting.folder / "entire-cli"
    command = ["git", "clone", "-q", "--shared", clone, str(repository)]
    subprocess.run(command, check=True, capture_output=True)
    pairs = []
    out = setting.folder / "import.json"
    for _ in setting.turns(3):
        asked = ("import", "--dry-run", "--json", "-o", str(out), "--from", str(transcripts))
        pairs.append((verb(*asked, cwd=repository, good=(0, 3)), _loads(transcripts)))
    yield compared("import", "import", "json.loads of each line", pairs, most=4, peak=300)
    yield from _counted(json.loads(out.read_text()))


def _counted(found: dict[str, Any]) -> Iterator[Said]:
    sessions = found["sessions"]
    edits = {n: sum(s["edits"][n] for s in sessions) for n in ("all", "known", "exact")}
    files = sum(len(s["files"]) for s in sessions)
    proved = sum(s["files_proved_by_git"] for s in sessions)
    unknown = found["unknown_records"] or "none"
    yield Said(f"{len(sessions)} sessions; records of unknown types: {unknown}")
    yield Said(
        f"{edits['exact']:,} of {edits['known']:,} edits with a known state before are exact;"
        f" {edits['all'] - edits['known']} have none"
    )
    yield Said(f"{proved:,} of {files:,} files of sessions ({proved / files:.1%}) are in git")


def _loads(transcripts: Path) -> Cost:
    return run([sys.executable, "-c", _LOADS, str(transcripts)], cwd=transcripts)


def _has_branch(clone: str) -> bool:
    command = ["git", "-C", clone, "rev-parse", "--verify", "-q", _BRANCH]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def extract(clone: str, folder: Path) -> None:
    """Write the newest checkpoint of each session to a folder."""
    tree = subprocess.run(
        ["git", "-C", clone, "ls-tree", "-r", "-l", _BRANCH], check=True, capture_output=True
    ).stdout.decode()
    names = (line.split()[2] for line in tree.splitlines() if line.endswith("/full.jsonl"))
    sizes: dict[str, int] = {}
    for name in dict.fromkeys(names):
        command = ["git", "-C", clone, "cat-file", "blob", name]
        done = subprocess.run(command, capture_output=True, check=False)
        data = done.stdout
        found = _SESSION.findall(data) if done.returncode == 0 else []
        if found and len(data) > sizes.get(found[-1].decode(), 0):
            session = found[-1].decode()
            sizes[session] = len(data)
            (folder / f"{session}.jsonl").write_bytes(data)
