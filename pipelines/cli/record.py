"""`session-codec record`."""

from __future__ import annotations

import sys
from typing import Final

from codec.manifest import session_fields
from codec.records import STATUSES, Session, Status
from codec.v2_progress import encode_reference, reference_of
from codec.vocabulary import status_of
from pipelines.cli.declared import JSON, Misuse, Option, absolute, text_of
from pipelines.cli.output import findings_json, say, say_json, tell, tell_findings
from pipelines.cli.spooled import workspace_of
from pipelines.record import plan
from pipelines.recording import Recording, record_session, session_of
from pipelines.text_scan import clean_recording
from pipelines.workspace import Workspace, find, read_config

OPTIONS: Final = (
    Option("--agent", "agent", "Who did it: a model's name, 'human'.", metavar="NAME",
           required=True),
    Option("--task", "task", "What: a slug or a sentence.", metavar="TEXT", required=True),
    Option("--status", "status", "PASS, FAIL or PARTIAL.", default="UNKNOWN", metavar="WORD"),
    Option("--git", "commits", "The commits: A..B, or one.", metavar="RANGE"),
    Option("--worktree", "worktree", "What is not committed yet, new files included.", "flag",
           default=False),
    Option("--diff", "diff", "A patch; '-' reads it from stdin.", metavar="FILE"),
    Option("--no-diff", "no_diff", "No patch.", "flag", default=False),
    Option("--duration-min", "duration_min", "Minutes of work.", "number", metavar="N"),
    Option("--tokens", "tokens", "Tokens that the agent spent.", "number", metavar="N"),
    Option("--notes", "notes", "What the next agent should know.", default="", metavar="TEXT"),
    Option("--id", "name", "Record this id once.", default="", metavar="ID"),
    Option("--dry-run", "dry_run", "Show the entry; write nothing.", "flag", default=False),
    JSON,
)  # fmt: skip


def run(
    repo: str,
    agent: str,
    task: str,
    status: str,
    commits: str | None,
    worktree: bool,
    diff: str | None,
    no_diff: bool,
    duration_min: int | None,
    tokens: int | None,
    notes: str,
    name: str,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Record a session when its task is done, and print its key.

    The patch is that of the last commit, unless another is named; the files that session-codec
    itself keeps are no part of it. Lines are counted from the patch, commits from the range. A
    remark may follow the status: 'PASS (deployed)'.

    \b
    Examples:
      session-codec record --agent sonnet-4.5 --task fix-login --status PASS
      session-codec record --agent human --task "Move to Postgres" --git main..HEAD
      git diff | session-codec record --agent codex --task spike --diff -
    """
    if sum((commits is not None, worktree, diff is not None, no_diff)) > 1:
        raise Misuse("--git, --worktree, --diff and --no-diff: name one")
    workspace = find(absolute(repo)) if dry_run else workspace_of(repo)
    if commits is None and not (worktree or diff or no_diff):
        commits = "HEAD" if workspace.repository else None
        if commits is None:
            tell("note: not in a git repository: no diff is recorded")
    word, remark = _status(text_of(status))
    recording = Recording(
        agent=text_of(agent),
        task=text_of(task),
        status=word,
        remark=remark,
        notes=text_of(notes),
        patch=_read(diff) if diff else None,
        duration_min=duration_min,
        tokens_used=tokens,
        id=text_of(name),
    )
    recording = plan(workspace, recording, commits=commits, worktree=worktree)
    if dry_run:
        recording, replaced = clean_recording(workspace, recording)
        tell_findings(replaced)
        return _show(workspace, session_of(recording, read_config(workspace).agents), as_json)
    recorded = record_session(workspace, recording)
    if recorded.recovered:
        tell(f"completed a '{recorded.recovered}' that was stopped half-way")
    tell_findings(recorded.findings)
    if not recorded.is_new:
        tell(f"note: the id {name!r} was recorded before; nothing is written")
    if as_json:
        fields = {"session": session_fields(recorded.session), "new": recorded.is_new}
        say_json("record", {**fields, "findings": findings_json(recorded.findings)})
    else:
        say(recorded.session.key)
    return 0


def _status(text: str) -> tuple[Status, str]:
    """A status and its remark; an unknown word is more likely a slip than a remark."""
    if text.strip().upper() == "UNKNOWN":
        return "UNKNOWN", ""
    word, remark = status_of(text)
    if word == "UNKNOWN":
        known = ", ".join(sorted(STATUSES))
        raise Misuse(f"--status {text!r} begins with none of {known}")
    return word, remark


def _read(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    with open(absolute(name), "rb") as f:
        return f.read()


def _show(workspace: Workspace, session: Session, as_json: bool) -> int:
    if as_json:
        say_json("record", {"session": session_fields(session), "new": False, "findings": []})
    else:
        text = encode_reference(reference_of(session)).rstrip("\n") + "\n"
        say(text.removesuffix("\n"))
    return 0
