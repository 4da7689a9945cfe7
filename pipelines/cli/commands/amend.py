"""`session-codec amend`."""

from __future__ import annotations

import sys
from typing import Final, cast

import click

from codec.manifest.session_fields import encode_session
from codec.records import STATUSES, Status
from codec.v2.progress_log import encode_reference, reference_of
from pipelines.cli import options
from pipelines.cli.commands.spooled import workspace_of
from pipelines.cli.declared import absolute, text_of
from pipelines.cli.output import findings_json, say, say_json, tell, tell_findings, visible
from pipelines.errors import FINDINGS
from pipelines.verbs.amend import Amendment, Plan, amend, plan
from pipelines.workspace.location import find

_FIGURES: Final = ("lines_added", "lines_removed", "commits", "duration_min", "tokens_used")


def _number(_ctx: object, _param: object, value: str | None) -> int | str | None:
    if value is None or value == "unknown":
        return value
    if not (value.isascii() and value.isdecimal() and len(value) < 16):
        raise click.BadParameter(f"{value!r}: give a whole number below 10^15, or 'unknown'")
    return int(value)


def _figure(name: str, what: str) -> options.Decorator:
    flag = f"--{name.replace('_', '-')}"
    return click.option(flag, name, callback=_number, metavar="N", help=f"{what}, or 'unknown'.")


@click.command()
@click.argument("name", metavar="KEY")
@options.repo
@click.option("--agent", metavar="NAME", help="Who did it.")
@click.option("--task", metavar="TEXT", help="A slug; a sentence is the title as well.")
@click.option("--title", metavar="TEXT", help="The task in a sentence.")
@click.option("--status", type=click.Choice(sorted(STATUSES)), help="How it ended.")
@click.option("--remark", metavar="TEXT", help="The status beyond its word.")
@click.option("--notes", metavar="TEXT", help="What the next agent should know.")
@_figure("lines_added", "Lines added")
@_figure("lines_removed", "Lines removed")
@_figure("commits", "Commits")
@_figure("duration_min", "Minutes of work")
@_figure("tokens_used", "Tokens that the agent spent")
@click.option("--private", is_flag=True, help="Remove task, title, remark and notes.")
@click.option("--dry-run", is_flag=True, help="Show the entry; write nothing.")
@options.as_json
def command(
    name: str, repo: str, private: bool, dry_run: bool, as_json: bool, **given: object
) -> int:
    """Change what is recorded of the session KEY, and rewrite its rows.

    The manifest gets one more fact, and what was recorded before stays in it. Clones that amend one
    session differently come to one result once they merge. An empty text is removed.

    --private removes the texts from the tracked files, and no merge, repair or restore brings them
    back. Exit 3 where they remain: in git's history, in the v1 log and its stored versions, in
    snapshots on a remote.

    \b
    Examples:
      session-codec amend latest --status FAIL --notes "The release was taken back"
      session-codec amend 2025-11-06T14:30:00Z --commits unknown --lines-added 12
      session-codec amend 2025-11-06T14:30:00Z --private
    """
    texts = {n: text_of(v) for n, v in given.items() if n not in _FIGURES and isinstance(v, str)}
    figures = {n: given[n] for n in _FIGURES if given[n] is not None}
    if private and any(n in texts for n in ("task", "title", "remark", "notes")):
        raise click.UsageError("--private removes the texts: name none of them")
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


def _say(made: Plan, *, dry_run: bool, as_json: bool) -> int:
    session = made.pair.becomes
    code = FINDINGS if any(f.level == "finding" for f in made.findings) else 0
    changed = bool(made.edits)
    if as_json:
        fields = {"session": encode_session(session), "changed": changed, "exit": code}
        say_json("amend", {**fields, "findings": findings_json(made.findings)})
        return code
    if dry_run:
        text = encode_reference(reference_of(session)).rstrip("\n") + "\n"
        sys.stdout.write(visible(text) if sys.stdout.isatty() else text)
    else:
        say(session.key)
    if not changed:
        tell("note: the session is so already; nothing is written")
    tell_findings(made.findings)
    return code
