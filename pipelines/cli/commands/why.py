"""`session-codec why`."""

from __future__ import annotations

import os
from typing import Final

from codec.names import name_of
from codec.shown_text import FRAME, counted, quoted
from pipelines.cli.commands.spooled import workspace_of
from pipelines.cli.declared import JSON, Argument, Option, Verb, absolute, positive
from pipelines.cli.output import findings_json, say, say_json, tell_findings
from pipelines.outcomes.errors import EXIT_CODES
from pipelines.search.evidence.grades import Evidence
from pipelines.verbs.why import why

_TASK: Final = 80
_GUESS: Final = ", a guess"


def run(path: str, repo: str | None, limit: int, as_json: bool) -> int:
    """Name the sessions behind a file or a line, each with the grade of its evidence.

    PATH is relative to the current folder, or to REPO if that is given. The grades are 'blob' (the
    file's history has the content that the session's diff produces), 'commit' (the session recorded
    the commit, or its transcript shows it), 'hunk' (the session's diff adds the distinctive lines
    of a rewritten commit) and 'time' (only the time fits, so it is a guess).

    Examples:
      session-codec why package.json
      session-codec why package.json:5 --limit 3
    """
    place = absolute(path) if repo is None else os.path.join(absolute(repo), path)
    found, findings = why(workspace_of(repo or _folder_of(place)), place)
    shown = found.evidence[:limit]
    tell_findings(findings)
    if as_json:
        fields = {"path": found.place.path, "line": found.place.line, "commit": found.commit}
        sessions = [_fields(evidence) for evidence in shown]
        left = len(found.evidence) - len(shown)
        notes = findings_json(findings)
        say_json("why", {**fields, "sessions": sessions, "left_out": left, "findings": notes})
    elif shown:
        say(FRAME)
        for evidence in shown:
            say(_line(evidence))
        if len(shown) < len(found.evidence):
            left = len(found.evidence) - len(shown)
            say(f"{counted(left, 'more session')}; see --limit")
        say(f"more: session-codec show {shown[0].session.key} --diff")
    return 0


def _folder_of(path: str) -> str:
    """Return the nearest existing folder above a path; the file itself may have been deleted."""
    if path == os.path.abspath(os.curdir):
        return path
    folder = os.path.dirname(path)
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return folder


def _line(evidence: Evidence) -> str:
    session, commit = evidence.session, evidence.commit[:12] or "not committed"
    grade = evidence.grade + (_GUESS if evidence.grade == "time" else "")
    task = quoted(session.title or session.task, _TASK)
    agent = name_of(session.agent)
    return f"{session.key} {agent} {session.status} {task} ({grade}; {commit})"


def _fields(evidence: Evidence) -> dict[str, str]:
    session = evidence.session
    fields = {name: getattr(session, name) for name in ("key", "agent", "task", "title", "status")}
    return {**fields, "grade": evidence.grade, "commit": evidence.commit}


VERB: Final = Verb(
    run,
    (Argument("path", "PATH[:LINE]"), Argument("repo", "REPO", required=False)),
    (
        Option("--limit", "Name at most N sessions.", read=positive, default=10, metavar="N",
               shown=True),
        JSON,
    ),
    exits={20: EXIT_CODES[20], 30: "no such file or line"},
)  # fmt: skip
