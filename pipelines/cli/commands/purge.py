"""`session-codec purge`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, Final

from codec.kinds import Key
from codec.shown_text import counted
from pipelines.cli.commands.spooled import workspace_of
from pipelines.cli.declared import JSON, REPO, Argument, Misuse, Option, Verb, absolute
from pipelines.cli.output import (
    Stages,
    code_of,
    confirm,
    findings_json,
    say,
    say_json,
    tell,
    tell_findings,
)
from pipelines.cli.remote_options import REMOTE_OPTIONS, open_remote, settings_of
from pipelines.diffs.local_archives import shown
from pipelines.erasing.purge_remote import There
from pipelines.outcomes.findings import Finding
from pipelines.verbs.amend import Amendment, amend
from pipelines.verbs.amend import plan as plan_amendment
from pipelines.verbs.purge import Plan, Result, disown, plan, plan_merged, purge
from pipelines.workspace.location import Workspace, find
from pipelines.workspace.user_settings import Settings


def run(
    name: str | None,
    repo: str,
    merged: bool,
    disowned: bool,
    text: bool,
    trust_repo_config: bool,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Erase the diff of the session KEY from this machine. It cannot be restored.

    All files that contain the diff are found by hash: loose diffs and backups are deleted; archives
    and stored log versions are rewritten without it. The session stays; 'verify' and 'restore-v1'
    report the gap. Without --yes, purge lists the files and asks first; the answer "n" changes
    nothing.

    A machine that merges the manifest no longer reads or uploads the diff. On that machine,
    'verify' reports remaining copies and 'purge --merged' erases them; --disown keeps them and
    ignores the tombstone.

    --text erases the task, title, remark and notes of the session instead, as 'amend KEY --private'
    does.

    With --remote, the objects that hold the diff are deleted there in all versions, after their
    replacements were uploaded and read back.

    Examples:
      session-codec purge 2025-11-06T14:30:00Z --dry-run
      session-codec purge 2025-11-06T14:30:00Z --yes
      session-codec purge 2025-11-06T14:30:00Z --yes --remote s3://bucket/project
      session-codec purge 2025-11-06T14:30:00Z --text --yes
    """
    if text and (merged or disowned or given["remote"]):
        raise Misuse("--text cannot be combined with --merged, --disown or --remote")
    if merged and not disowned:
        repo, name = name or repo, None
    elif name is None or merged:
        raise Misuse("missing KEY or --merged")
    if text and name is not None:
        return _purge_text(name, repo, yes=yes, dry_run=dry_run, as_json=as_json)
    workspace = find(absolute(repo))
    if disowned and name is not None:
        return _disown(workspace, name, as_json)
    settings = settings_of(workspace, given, trust_repo_config)
    there = _there(workspace, settings) if given["remote"] else None
    made = plan_merged(workspace, there) if name is None else plan(workspace, name, there)
    if dry_run:
        _say_plan(made, as_json)
        return 0
    if not _is_wanted(_planned(made), yes):
        return _declined(as_json)
    result = purge(made)
    findings = list(result.findings)
    if settings.remote and there is None:
        findings.append(_not_looked_at(settings.remote))
    return _say(result, findings, as_json=as_json, one=name is not None)


def _say(result: Result, findings: list[Finding], *, as_json: bool, one: bool) -> int:
    made, code = result.plan, code_of(findings)
    keys = _keys(made)
    if as_json:
        fields = {
            "exit": code,
            "key": keys[0] if one else None,
            "keys": keys,
            "erased": made.files,
            "erased_there": made.objects,
            "written": [shown(a.name) for a in result.written],
            "findings": findings_json(findings),
        }
        say_json("purge", fields)
        return code
    tell_findings(findings)
    for file in (*made.files, *made.objects):
        say(f"erased: {file}")
    for archive in result.written:
        say(f"written: {shown(archive.name)}, {counted(len(archive.keys), 'diff')}")
    for key in keys:
        say(f"{key}: purged; commit .session-codec/manifest.jsonl")
    return code


VERB: Final = Verb(
    run,
    (Argument("name", "KEY", required=False), REPO),
    (
        *REMOTE_OPTIONS,
        Option(
            "--encrypt-to",
            "Encrypt the replacements for this age recipient; repeatable.",
            repeat=True,
            metavar="RECIPIENT",
        ),
        Option(
            "--merged",
            "Erase remaining copies of diffs that were purged on other machines.",
            flag=True,
        ),
        Option(
            "--disown", "Keep a diff that was purged on another machine.", to="disowned", flag=True
        ),
        Option("--text", "Erase the texts of the session, not its diff.", flag=True),
        Option("--yes", "Do not ask.", flag=True),
        Option("--dry-run", "Print what would be erased; erase nothing.", flag=True),
        JSON,
    ),
    exits={
        3: "copies remain in places that purge does not change, or an object cannot be read",
        30: "no such session, or it has no diff",
        31: "a lock retains an object",
    },
)


def _keys(made: Plan) -> list[Key]:
    return list(dict.fromkeys(session.key for session in made.sessions))


def _disown(workspace: Workspace, name: str, as_json: bool) -> int:
    """Keep the local copies of a diff, or of all diffs, that another clone purged."""
    files = disown(workspace, name)
    if as_json:
        say_json("purge", {"exit": 0, "key": name, "disowned": files})
        return 0
    for file in files:
        say(f"kept: {file}")
    say(f"{name}: its tombstone does not count; commit .session-codec/manifest.jsonl")
    return 0


def _purge_text(name: str, repo: str, *, yes: bool, dry_run: bool, as_json: bool) -> int:
    """Erase the texts of a session from the tracked files."""
    workspace = find(absolute(repo)) if dry_run else workspace_of(repo)
    amendment = Amendment(private=True)
    made = plan_amendment(workspace, name, amendment)
    planned = [f"would erase its texts from {edit.path}" for edit in made.edits]
    planned = planned or ["the session has no texts"]
    key = made.pair.becomes.key
    if dry_run:
        if as_json:
            fields = {"exit": 0, "key": key, "would_erase": [edit.path for edit in made.edits]}
            say_json("purge", fields)
            return 0
        for line in planned:
            say(line)
        return 0
    if not _is_wanted(planned, yes):
        return _declined(as_json)
    made = amend(workspace, name, amendment).plan
    files = [edit.path for edit in made.edits]
    code = code_of(made.findings)
    if as_json:
        fields = {"exit": code, "key": key, "keys": [key], "erased": files}
        say_json("purge", {**fields, "findings": findings_json(made.findings)})
        return code
    tell_findings(made.findings)
    for file in files:
        say(f"erased: texts in {file}")
    say(f"{key}: its texts are erased; commit the files of session-codec")
    return code


def _is_wanted(planned: Iterable[str], yes: bool) -> bool:
    """Return True with --yes; else list what would be erased, and ask at the terminal.

    Raises:
        KeyboardInterrupt: the user interrupts the question or closes the terminal.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise Misuse("purge erases permanently; stdin is not a terminal, so pass --yes")
    for line in planned:
        tell(line)
    return confirm("Erase it permanently?")


def _declined(as_json: bool) -> int:
    if as_json:
        say_json("purge", {"exit": 0, "key": None, "keys": [], "erased": []})
    tell("nothing was purged")
    return 0


def _there(workspace: Workspace, settings: Settings) -> There:
    """Return the remote that was named, opened for erasing."""
    return There(
        workspace=workspace,
        reads=open_remote(settings, workspace),
        writes=open_remote(settings, workspace, writes=True),
        allow=settings.allow,
        progress=Stages(),
    )


def _not_looked_at(url: str) -> Finding:
    return Finding(
        code="remote",
        message="was not searched and may hold the diff",
        level="note",
        file=url,
        hint="Run the same command with --remote",
    )


def _say_plan(made: Plan, as_json: bool) -> None:
    keys = _keys(made)
    if as_json:
        files = [*made.files, *made.objects]
        say_json("purge", {"exit": 0, "key": keys[0] if keys else None, "would_erase": files})
        return
    for line in _planned(made):
        say(line)


def _planned(made: Plan) -> list[str]:
    """Return a line for each file and object that would be erased."""
    lines = [f"would erase it from {file}" for file in (*made.files, *made.objects)]
    return lines or ["it is not stored on this machine; the manifest would say that it was purged"]
