"""`session-codec record`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, Final

from codec.errors import FormatError
from codec.manifest.session_fields import encode_session
from codec.names import NAME_LIMIT
from codec.patches.check import check_patch
from codec.records import STATUSES, Session, Status
from codec.shown_text import counted
from codec.v2.progress_log import encode_reference, reference_of
from codec.vocabulary import status_of
from pipelines.cli.commands.spooled import workspace_of
from pipelines.cli.declared import JSON, REPO, Misuse, Option, Verb, absolute, number, text_of
from pipelines.cli.next_step import tell_next_step
from pipelines.cli.output import (
    findings_json,
    say,
    say_json,
    tell,
    tell_findings,
)
from pipelines.outcomes.errors import EXIT_CODES, Denied, StorageError, storage_error
from pipelines.recording.running import running_session
from pipelines.recording.session import Recorded, Recording, clean_recording, session_of
from pipelines.verbs.record import apply, plan, root_of
from pipelines.workspace.location import Workspace, find, read_config

#: The number of digits of a commit hash that are shown.
_SHORT: Final = 6

#: The most characters in the texts of a session, because agents read them at every start.
TASK_LIMIT: Final = 2_000
NOTES_LIMIT: Final = 20_000


def run(
    repo: str,
    commits: str | None,
    worktree: bool,
    diff: str | None,
    no_diff: bool,
    commit: bool,
    dry_run: bool,
    as_json: bool,
    **said: Any,
) -> int:
    """Record a session when its task is done, and print its key.

    By default, the patch consists of the session's commits: all commits since the start hook ran.
    Without a start hook, these are the commits since the newest recorded range of this branch; if
    there is no such range, it is the last commit. Commits from a pull, merge or rebase, and commits
    that only change session-codec's own files, are left out. Lines are counted from the patch. A
    remark may follow the status: 'PASS (deployed)'.

    --private records the figures and the patch, but no texts: the session is counted, and never
    sent to a model.

    Examples:
      session-codec record --agent sonnet-4.5 --task fix-login --status PASS
      session-codec record --agent human --task "Move to Postgres" --git main..HEAD
      git diff | session-codec record --agent codex --task spike --diff -
    """
    if sum((commits is not None, worktree, diff is not None, no_diff)) > 1:
        raise Misuse("--git, --worktree, --diff and --no-diff exclude each other")
    workspace = find(absolute(repo)) if dry_run else workspace_of(repo)
    asks_git = not (diff or no_diff)
    if asks_git and not (workspace.repository or commits or worktree):
        tell("note: not in a git repository: no diff is recorded")
        asks_git = False
    recording = _recording(patch=_read(diff) if diff else None, **said)
    running = running_session(workspace, root_of(workspace))
    if asks_git:
        recording = plan(workspace, recording, commits=commits, worktree=worktree, running=running)
        if recording.ranges:
            tell(_taken(recording.ranges, recording.commits or 0))
    if dry_run:
        recording, replaced = clean_recording(workspace, recording)
        tell_findings(replaced)
        return _show(session_of(recording, read_config(workspace).agents), as_json)
    try:
        recorded = apply(workspace, recording, running)
    except OSError as e:
        raise _cannot_write(e) from e
    if recording.private and recorded.is_new:
        recorded = _without_earlier_texts(workspace, recorded)
    if commit:
        from pipelines.workspace.commit import commit_sessions

        commit_sessions(workspace, f"session-codec: record {recorded.session.key}")
    _say(recorded, as_json)
    if not commit:
        tell_next_step(workspace)
    return 0


VERB: Final = Verb(
    run,
    (REPO,),
    (
        Option(
            "--agent", "Who did it: the name of a model, or 'human'.", metavar="NAME", required=True
        ),
        Option("--task", "What was done: a slug or a sentence.", metavar="TEXT", required=True),
        Option("--status", "PASS, FAIL or PARTIAL.", default="UNKNOWN", metavar="WORD"),
        Option("--git", "The commits: A..B, or one commit.", to="commits", metavar="RANGE"),
        Option("--worktree", "Record uncommitted changes, new files included.", flag=True),
        Option("--diff", "Record this patch; '-' reads stdin.", metavar="FILE"),
        Option("--no-diff", "Record without a patch.", flag=True),
        Option("--duration-min", "Minutes of work.", read=number, metavar="N"),
        Option("--tokens", "Tokens that the agent used.", read=number, metavar="N"),
        Option("--notes", "What the next agent should know.", default="", metavar="TEXT"),
        Option("--private", "Record no texts: neither task, remark nor notes.", flag=True),
        Option("--id", "Record this id only once.", to="name", default="", metavar="ID"),
        Option("--commit", "Commit the files of session-codec, and nothing else.", flag=True),
        Option("--dry-run", "Print the entry; write nothing.", flag=True),
        JSON,
    ),
    exits={
        20: EXIT_CODES[20],
        22: "a file of the workspace has unexpected content",
        30: "git does not have the commits",
        31: "the workspace is read-only, as in an agent's sandbox",
    },
)


def _recording(
    *,
    patch: bytes | None,
    agent: str,
    task: str,
    status: str,
    notes: str,
    name: str,
    duration_min: int | None,
    tokens: int | None,
    private: bool,
) -> Recording:
    word, remark = _status(text_of(status))
    return Recording(
        agent=_given("--agent", agent, NAME_LIMIT * 4),
        task=_given("--task", task, TASK_LIMIT),
        status=word,
        remark=remark,
        notes=_given("--notes", notes, NOTES_LIMIT, may_be_empty=True),
        patch=patch,
        duration_min=duration_min,
        tokens_used=tokens,
        id=text_of(name),
        private=private,
    )


def _without_earlier_texts(workspace: Workspace, recorded: Recorded) -> Recorded:
    """Return a private session without the texts that a hook recorded before."""
    from pipelines.verbs.amend import Amendment, amend

    made = amend(workspace, recorded.session.key, Amendment(private=True)).plan
    if not made.edits:
        return recorded
    return recorded._replace(
        session=made.pair.becomes, findings=(*recorded.findings, *made.findings)
    )


def _cannot_write(error: OSError) -> StorageError:
    """Return an error that explains how to continue if a sandbox makes the workspace read-only."""
    found = storage_error(error)
    if not isinstance(found, Denied):
        return found
    return Denied(
        f"{found.problem}; the session is not recorded",
        hint="Run the same command where '.session-codec' can be written, outside of the agent's"
        " sandbox; commits can be recorded later, too, with '--git A..B'",
    )


def _say(recorded: Recorded, as_json: bool) -> None:
    if recorded.recovered:
        tell(f"completed a '{recorded.recovered}' that was interrupted")
    tell_findings(recorded.findings)
    if not recorded.is_new:
        tell("note: the id was recorded before; nothing is written")
    if as_json:
        fields = {"session": encode_session(recorded.session), "new": recorded.is_new}
        say_json("record", {**fields, "findings": findings_json(recorded.findings)})
    else:
        say(recorded.session.key)


def _given(option: str, value: str, limit: int, *, may_be_empty: bool = False) -> str:
    """Return the text of an option; raise Misuse above the limit of characters."""
    text = text_of(value)
    if not text.strip() and not may_be_empty:
        raise Misuse(f"{option} is empty")
    if len(text) > limit:
        raise Misuse(f"{option} has {len(text):,} characters; the limit is {limit:,}")
    return text


def _status(text: str) -> tuple[Status, str]:
    """Return a status and its remark; an unknown word, which is most likely a typo, is refused."""
    if text.strip().upper() == "UNKNOWN":
        return "UNKNOWN", ""
    word, remark = status_of(text)
    if word == "UNKNOWN":
        known = ", ".join(sorted(STATUSES))
        raise Misuse(f"--status: {text!r} does not begin with a status (choose from {known})")
    return word, remark


def _taken(ranges: Sequence[str], count: int) -> str:
    """Return a sentence that names the commits of a recording."""
    ends = (commits.split("..") for commits in ranges)
    text = ", ".join(f"{base[:_SHORT]}..{head[:_SHORT]}" for base, head in ends)
    return f"{counted(count, 'commit')} {text}"


def _read(name: str) -> bytes:
    if name == "-":
        data = sys.stdin.buffer.read()
    else:
        with open(absolute(name), "rb") as f:
            data = f.read()
    try:
        check_patch(data)
    except FormatError as e:
        raise e.at(file="stdin" if name == "-" else name) from None
    return data


def _show(session: Session, as_json: bool) -> int:
    if as_json:
        say_json("record", {"session": encode_session(session), "new": False, "findings": []})
    else:
        text = encode_reference(reference_of(session)).rstrip("\n") + "\n"
        say(text.removesuffix("\n"))
    return 0
