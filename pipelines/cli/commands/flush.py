"""`session-codec flush`."""

from __future__ import annotations

from typing import Final

from codec.manifest.session_fields import encode_session
from codec.shown_text import counted
from pipelines.cli.commands.spooled import workspace_of
from pipelines.cli.declared import JSON, REPO, Option, Verb
from pipelines.cli.next_step import tell_next_step
from pipelines.cli.output import findings_json, say, say_json, tell, tell_findings
from pipelines.outcomes.errors import EXIT_CODES
from pipelines.recording.committed import release
from pipelines.verbs.flush import Result, apply, plan


def run(repo: str, commit: bool, dry_run: bool, as_json: bool) -> int:
    """Write pending sessions to the tracked files.

    Hooks record sessions in a store that all worktrees share, below git's folder, so that the
    working tree stays as you left it. Every verb reads the store. A session leaves the store when a
    commit on a branch contains it; until then, 'git checkout .' or 'git stash' cannot lose it.
    'record' and 'archive' write pending sessions, too.

    Examples:
      session-codec flush
      session-codec flush --commit
      session-codec flush --dry-run
    """
    made = plan(workspace_of(repo))
    result = Result(made.sessions) if dry_run else apply(made)
    if result.recovered:
        tell(f"completed a '{result.recovered}' that was stopped half-way")
    tell_findings(result.findings)
    if commit and not dry_run:
        from pipelines.workspace.commit import commit_sessions

        count = counted(len(result.sessions), "session")
        commit_sessions(made.workspace, f"session-codec: flush {count}")
        release(made.workspace, everywhere=True)
    elif not dry_run:
        tell_next_step(made.workspace)
    if as_json:
        sessions = [encode_session(session) for session in result.sessions]
        fields = {"sessions": sessions, "written": not dry_run}
        say_json("flush", {**fields, "findings": findings_json(result.findings)})
        return 0
    for session in result.sessions:
        say(f"{session.key}: {session.agent}, {session.title or session.task}")
    if not result.sessions:
        say("nothing is pending")
    return 0


VERB: Final = Verb(
    run,
    (REPO,),
    (
        Option("--commit", "Commit the files of session-codec, and nothing else.", flag=True),
        Option("--dry-run", "Print the pending sessions; write nothing.", flag=True),
        JSON,
    ),
    exits={20: EXIT_CODES[20]},
)
