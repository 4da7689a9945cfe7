"""`session-codec import`."""

from __future__ import annotations

import gc
import os
from collections.abc import Sequence
from typing import Any, Final

from codec.agents.transcript_events import Usage
from codec.manifest.session_fields import encode_session
from codec.names import one_line
from codec.shown_text import counted
from pipelines.cli.declared import JSON, REPO, Misuse, Option, Verb, absolute
from pipelines.cli.next_step import tell_next_step
from pipelines.cli.output import (
    Stages,
    code_of,
    findings_json,
    say,
    say_json,
    tell,
    tell_findings,
)
from pipelines.cli.times import TIME_FORMS, read_moment
from pipelines.importing.drafts import Draft
from pipelines.importing.known_agents import NAMES
from pipelines.importing.planning import Added, Request
from pipelines.outcomes.errors import EXIT_CODES
from pipelines.verbs.import_sessions import Plan, Result, import_sessions, plan
from pipelines.workspace.location import locate

_SHOWN: Final = 20


def run(
    repo: str,
    chosen: tuple[str, ...],
    places: tuple[str, ...],
    since: str,
    infer_status: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Import the sessions of REPO from the transcripts that coding agents keep.

    A session gets its task, model, active time, tokens, commits and exact diff. A session that
    hooks or 'record' already recorded is completed, not added again. Running import again adds new
    sessions. Secrets in texts are replaced before they are written. The transcripts themselves do
    not change.

    Examples:
      session-codec import --dry-run
      session-codec import --agent claude --since 30d
      session-codec import ~/src/app --from /backup/projects
    """
    request = Request(
        workspace=locate(absolute(repo)),
        agents=_agents(chosen),
        places=tuple(absolute(place) for place in places),
        since=_since(since),
        infer=infer_status,
    )
    _drain(request)
    stages = Stages()
    gc.disable()  # many records without cycles: searching for some costs a tenth
    result = Result(plan=plan(request, stages)) if dry_run else import_sessions(request, stages)
    made = result.plan
    tell_findings(made.imported.findings)
    if result.recovered:
        tell(f"completed a '{result.recovered}' that was stopped half-way")
    if as_json:
        say_json("import", _json(made, dry_run))
    else:
        _say(made, dry_run)
    if not (dry_run or made.is_empty):
        tell_next_step(request.workspace)
    return code_of(made.imported.findings)


VERB: Final = Verb(
    run,
    (REPO,),
    (
        Option(
            "--agent",
            f"Read only the transcripts of these agents: {', '.join(NAMES)}; repeatable.",
            to="chosen",
            repeat=True,
            metavar="NAMES",
        ),
        Option(
            "--from",
            "Search this file or folder instead of the agents' own folders; repeatable.",
            to="places",
            repeat=True,
            metavar="PATH",
        ),
        Option(
            "--since",
            f"Leave out sessions that ended before TIME: {TIME_FORMS}.",
            default="",
            metavar="TIME",
        ),
        Option(
            "--infer-status",
            "Infer the status from the exit code of the last test command; mark it as inferred.",
            flag=True,
        ),
        Option("--dry-run", "Print what would be added; write nothing.", flag=True),
        JSON,
    ),
    exits={3: "imported; a transcript could not be read as a whole", 20: EXIT_CODES[20]},
)


def _agents(chosen: Sequence[str]) -> tuple[str, ...]:
    names = [name.strip() for text in chosen for name in text.split(",") if name.strip()]
    for name in names:
        if name not in NAMES:
            raise Misuse(f"--agent: unknown agent {name!r} (choose from {', '.join(NAMES)})")
    return tuple(dict.fromkeys(names))


def _since(text: str) -> int:
    if not text:
        return 0
    from pipelines.cli.times import read_age, read_time

    try:
        begin = read_age(text) if text[-1:] in "mhdw" and text[:-1].isdecimal() else read_time(text)
        return int(read_moment(begin).timestamp() * 1000)
    except ValueError as e:
        raise Misuse(f"--since: {e}") from None


def _drain(request: Request) -> None:
    """Record the events in the spool first, so that they are not imported as new sessions."""
    if request.workspace.exists:
        from pipelines.cli.commands.spooled import drain_spool

        drain_spool(request.workspace)


def _say(made: Plan, dry_run: bool) -> None:
    imported = made.imported
    for added in imported.added[:_SHOWN]:
        session = added.session
        say(f"{session.key}: {session.agent}, {session.title or session.task}{_diff(added)}")
    if len(imported.added) > _SHOWN:
        say(f"... and {len(imported.added) - _SHOWN} more; --json lists them all")
    for change in imported.changed[:_SHOWN]:
        say(f"{change.pair.becomes.key}: completed from its transcript")
    drafts = [*(a.draft for a in imported.added), *(c.draft for c in imported.changed)]
    usage = _usage(drafts)
    verb = "would add" if dry_run else "added"
    say(
        f"{verb} {counted(len(imported.added), 'session')} with {counted(len(made.diffs), 'diff')},"
        f" {'would complete' if dry_run else 'completed'} {len(imported.changed)},"
        f" {imported.same} up to date"
    )
    if not (drafts or imported.same):
        say(
            f"no transcript of this repository in {', '.join(map(_shown_place, imported.searched))}"
        )
    if drafts:
        before, after = made.tokens
        say(
            f"the sessions read {usage.input + usage.cache_write:,} and wrote {usage.output:,}"
            f" tokens, and read {usage.cache_read:,} from caches"
        )
        say(f"tokens of all session lines: {before:,} before, {after:,} after")
    if dry_run:
        say("dry run: nothing written")


def _shown_place(path: str) -> str:
    """Return a path as a user writes it: with ~ for the home folder."""
    home = os.path.expanduser("~")
    return one_line(f"~{path.removeprefix(home)}" if path.startswith(home + os.sep) else path)


def _diff(added: Added) -> str:
    metrics = added.session.metrics
    if metrics.lines_added is None:
        return ""
    return f" (+{metrics.lines_added}-{metrics.lines_removed})"


def _usage(drafts: Sequence[Draft]) -> Usage:
    total = Usage()
    for draft in drafts:
        total = total.plus(draft.compiled.figures.usage or Usage())
    return total


def _json(made: Plan, dry_run: bool) -> dict[str, Any]:
    imported = made.imported
    before, after = made.tokens
    return {
        "sessions": [
            {"session": encode_session(a.session), **_draft_json(a.draft)} for a in imported.added
        ],
        "completed": [
            {"session": encode_session(c.pair.becomes), **_draft_json(c.draft)}
            for c in imported.changed
        ],
        "up_to_date": imported.same,
        "diffs": len(made.diffs),
        "tokens": {"before": before, "after": after},
        "searched": imported.searched,
        "unknown_records": dict(sorted(imported.unknown.items())),
        "written": not (dry_run or made.is_empty),
        "findings": findings_json(imported.findings),
    }


def _draft_json(draft: Draft) -> dict[str, Any]:
    """Return the facts about a transcript that the session does not have."""
    compiled = draft.compiled
    return {
        "transcripts": list(draft.source.paths),
        "folder": one_line(draft.source.folder),
        "sub_agents": compiled.helpers,
        "compactions": compiled.compactions,
        "files": list(draft.files),
        "edits": dict(zip(("all", "known", "exact"), draft.edits, strict=True)),
        "files_proved_by_git": draft.proved,
        "files_unknown": draft.unknown,
        "files_outside": draft.outside,
        "commits": list(draft.commits),
    }
