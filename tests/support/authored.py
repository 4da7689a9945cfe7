"""A repository in which the writer of every line is known, made by `git fast-import`.

Sessions and a person edit files in turn. A line names its writer, apart from lines that anybody
writes. A session is recorded with the range of its commits; what session-codec writes is not
committed, so that branches can be rewritten freely.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pipelines.recording.session import Recording
from pipelines.workspace.git_patches import patch_of
from pipelines.workspace.location import Workspace
from tests.pipelines.conftest import git
from tests.support.clones import record_together

PERSON: Final = "person"
#: Lines at the top of each file that only main changes.
HEAD: Final = 8
_BEGIN: Final = 1_750_000_000
_STEP: Final = 1_200
#: Lines that anybody writes.
COMMON: Final = ("}", "", "    return None", "else:", "    end")


@dataclass
class Authored:
    """The repository.

    Attributes:
        root: its folder.
        files: the lines of each file at the end of `topic`, with the writer of each.
        commits: the hashes on `topic`, oldest first, with writer and file.
        sessions: names of the sessions and the numbers of their first and last commit.
    """

    root: Path
    files: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    commits: list[tuple[str, str, str]] = field(default_factory=list)
    sessions: dict[str, tuple[int, int]] = field(default_factory=dict)

    def writers(self, name: str) -> set[str]:
        """Return all who ever changed a file."""
        return {writer for _, writer, file in self.commits if file == name}


def authored(root: Path, workspace: Workspace, sessions: int, files: int) -> Authored:
    """Write sessions of one to three commits to `topic`, and record them."""
    made, draw = Authored(root), random.Random(sessions)  # noqa: S311 - the same each time
    names = [f"src/file{n}.py" for n in range(files)]
    made.files = {name: [(f"# {name} {n}", PERSON) for n in range(HEAD)] for name in names}
    stream = [_commit("main", 1, "By hand", made.files), "reset refs/heads/topic\nfrom :1\n\n"]
    edits: list[tuple[str, str]] = []

    def edit(writer: str) -> None:
        name = draw.choice(names)
        _edit(made.files[name], writer, len(edits), draw)
        edits.append((writer, name))
        changed = {name: made.files[name]}
        stream.append(_commit("topic", len(edits) + 1, f"{writer} {len(edits)}", changed))

    for number in range(sessions):
        first = len(edits)
        for _ in range(draw.choice((1, 1, 1, 2, 3))):
            edit(f"session-{number}")
        made.sessions[f"session-{number}"] = (first, len(edits) - 1)
        if draw.random() < 0.25:
            edit(PERSON)
    _import(root, "".join(stream))
    hashes = git(root, "rev-list", "--reverse", "main..topic").split()
    made.commits = [(h, *e) for h, e in zip(hashes, edits, strict=True)]
    git(root, "checkout", "-q", "topic")
    record_together(workspace, (_recording(made, workspace, name) for name in made.sessions))
    return made


def _edit(lines: list[tuple[str, str]], writer: str, number: int, draw: random.Random) -> None:
    """Replace up to two lines below the head with some of a writer."""
    at = draw.randint(HEAD, len(lines))
    texts = [f"{writer} does {number}.{n}" for n in range(draw.randint(1, 4))]
    texts += draw.choices(COMMON, k=draw.randint(0, 3))
    draw.shuffle(texts)
    lines[at : at + draw.randint(0, 2)] = [(text, writer) for text in texts]


def _commit(branch: str, mark: int, message: str, files: dict[str, list[tuple[str, str]]]) -> str:
    when = f"t <t@t> {_BEGIN + _STEP * mark} +0000"
    head = f"commit refs/heads/{branch}\nmark :{mark}\nauthor {when}\ncommitter {when}\n"
    blobs = "".join(f"M 100644 inline {n}\n{_data(text_of(lines))}" for n, lines in files.items())
    return f"{head}{_data(message)}{blobs}\n"


def text_of(lines: list[tuple[str, str]]) -> str:
    """Return the content of a file."""
    return "".join(f"{text}\n" for text, _ in lines)


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"


def _import(root: Path, stream: str) -> None:
    path = root.parent / "stream"
    path.write_text(stream)
    git(root, "-c", f"alias.in=!git fast-import --quiet < '{path}'", "in")


def _recording(made: Authored, workspace: Workspace, name: str) -> Recording:
    first, last = made.sessions[name]
    base = made.commits[first - 1][0] if first else git(made.root, "rev-parse", "main").strip()
    commits = f"{base}..{made.commits[last][0]}"
    return Recording(
        agent="human",
        task=name,
        status="PASS",
        patch=patch_of(workspace, [commits]),
        ranges=(commits,),
        time=_time(first),
        duration_min=_STEP * (last - first + 1) // 60,
    )


def _time(number: int) -> str:
    when = datetime.fromtimestamp(_BEGIN + _STEP * (number + 2), UTC)
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"
