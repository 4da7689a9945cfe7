"""`session-codec amend`."""

from __future__ import annotations

import sys
from typing import Final, cast

from codec.manifest.session_fields import encode_session
from codec.records import STATUSES, Status
from codec.v2.progress_log import encode_reference, reference_of
from pipelines.cli.commands.spooled import workspace_of
from pipelines.cli.declared import (
    JSON,
    REPO,
    Argument,
    Misuse,
    Option,
    Verb,
    absolute,
    between,
    text_of,
)
from pipelines.cli.output import code_of, findings_json, say, say_json, tell, tell_findings, visible
from pipelines.outcomes.errors import EXIT_CODES
from pipelines.verbs.amend import Amendment, Plan, amend, plan
from pipelines.workspace.location import find

_FIGURES: Final = {
    "lines_added": "Lines added",
    "lines_removed": "Lines removed",
    "commits": "Commits",
    "duration_min": "Minutes of work",
    "tokens_used": "Tokens that the agent used",
}


def _figure(text: str) -> int | str:
    return text if text == "unknown" else between(0, 10**15 - 1)(text)


def run(name: str, repo: str, private: bool, dry_run: bool, as_json: bool, **given: object) -> int:
    """Correct the record of the session KEY, and rewrite its rows.

    The manifest gets one more fact; earlier facts stay in it. If clones amend the same session
    differently, they agree on one result after a merge. An empty text removes the field.

    --private removes the texts from the tracked files; no merge, repair or restore brings them
    back. Texts may remain in git's history, in the v1 log and its stored versions, and in remote
    snapshots.

    Examples:
      session-codec amend latest --status FAIL --notes "The release was rolled back"
      session-codec amend 2025-11-06T14:30:00Z --commits unknown --lines-added 12
      session-codec amend 2025-11-06T14:30:00Z --private
    """
    texts = {n: text_of(v) for n, v in given.items() if n not in _FIGURES and isinstance(v, str)}
    figures = {n: given[n] for n in _FIGURES if given[n] is not None}
    if private and any(n in texts for n in ("task", "title", "remark", "notes")):
        raise Misuse("--private removes the texts; drop --task, --title, --remark and --notes")
    amendment = Amendment(
        agent=texts.get("agent"),
        task=texts.get("task"),
        title=texts.get("title"),
        status=cast(Status | None, texts.get("status")),
        remark=texts.get("remark"),
        notes=texts.get("notes"),
        figures={n: v if isinstance(v, int) else None for n, v in figures.items()},
        private=private,
    )
    workspace = find(absolute(repo)) if dry_run else workspace_of(repo)
    if dry_run:
        made = plan(workspace, name, amendment)
    else:
        result = amend(workspace, name, amendment)
        made = result.plan
        if result.recovered:
            tell(f"completed a '{result.recovered}' that was stopped half-way")
    return _say(made, dry_run=dry_run, as_json=as_json)


VERB: Final = Verb(
    run,
    (Argument("name", "KEY"), REPO),
    (
        Option("--agent", "Who did it.", metavar="NAME"),
        Option("--task", "A slug, or a sentence, which becomes the title as well.", metavar="TEXT"),
        Option("--title", "The task in a sentence.", metavar="TEXT"),
        Option("--status", "The status.", choices=tuple(sorted(STATUSES)), metavar="WORD"),
        Option("--remark", "The remark that follows the status word.", metavar="TEXT"),
        Option("--notes", "What the next agent should know.", metavar="TEXT"),
        *(
            Option(
                f"--{name.replace('_', '-')}", f"{what}, or 'unknown'.", read=_figure, metavar="N"
            )
            for name, what in _FIGURES.items()
        ),
        Option("--private", "Remove task, title, remark and notes.", flag=True),
        Option("--dry-run", "Print the entry; write nothing.", flag=True),
        JSON,
    ),
    exits={
        3: "texts remain in a place that amend does not change",
        20: EXIT_CODES[20],
        30: "no such session",
    },
)


def _say(made: Plan, *, dry_run: bool, as_json: bool) -> int:
    session = made.pair.becomes
    code = code_of(made.findings)
    changed = bool(made.edits)
    if as_json:
        fields = {"session": encode_session(session), "changed": changed, "exit": code}
        findings = findings_json((*made.replaced, *made.findings))
        say_json("amend", {**fields, "findings": findings})
        return code
    if dry_run:
        text = encode_reference(reference_of(session)).rstrip("\n") + "\n"
        sys.stdout.write(visible(text) if sys.stdout.isatty() else text)
    else:
        say(session.key)
    if not changed:
        tell("note: the session already has these values; nothing is written")
    tell_findings((*made.replaced, *made.findings))
    return code
