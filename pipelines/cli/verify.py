"""`session-codec verify`."""

from __future__ import annotations

import gc
from typing import Any

import click

from codec.context_view import DEFAULT_BUDGET
from codec.errors import IntegrityError
from pipelines.baselines import REFERENCES_BUDGET, THRESHOLD, Limits
from pipelines.cli import options
from pipelines.cli.declared import absolute
from pipelines.cli.output import Stages, findings_json, say, say_json, tell_findings
from pipelines.cli.tokens_shown import say_tokens, tokens_json
from pipelines.errors import FINDINGS, exit_code
from pipelines.verify import Require, Result, verify
from pipelines.worker import Worker
from pipelines.workspace import find


@click.command()
@options.repo
@click.option(
    "--threshold",
    type=float,
    default=THRESHOLD,
    show_default=True,
    help="Per cent that 'window' must save.",
)
@click.option(
    "--context-budget",
    type=int,
    default=DEFAULT_BUDGET,
    show_default=True,
    help="Tokens that 'context' may cost.",
)
@click.option(
    "--references-budget",
    type=int,
    default=REFERENCES_BUDGET,
    show_default=True,
    help="Tokens that the references may cost.",
)
@click.option(
    "--require",
    type=click.Choice(["none", "local"]),
    default="none",
    show_default=True,
    help="Where diffs must be; 'none' takes a diff that is absent here as no fault.",
)
@options.tokenizer
@options.as_json
def command(
    repo: str,
    threshold: float,
    context_budget: int,
    references_budget: int,
    require: Require,
    tokenizer: str,
    as_json: bool,
) -> int:
    """Check every hash of REPO's workspace, and report how many tokens are saved.

    Exit 12 where something stored is damaged; 3 where the reduction or a budget is not met, or
    the files do not agree. A diff that is absent here is no fault unless --require says so.

    \b
    Examples:
      session-codec verify
      session-codec verify --threshold 95 --json
      session-codec verify --require local
    """
    workspace = find(absolute(repo))
    gc.disable()  # the facts of a manifest are many and have no cycles
    with Worker(tokenizer) as worker:
        result = verify(
            workspace,
            tokenizer=tokenizer,
            count=worker.count_text,
            limits=Limits(
                threshold=threshold, context=context_budget, references=references_budget
            ),
            require=require,
            progress=Stages(),
        )
    code = 0
    if result.integrity.damaged:
        code = exit_code(IntegrityError(""))
    elif result.has_findings:
        code = FINDINGS
    if as_json:
        say_json("verify", _json(result, code))
    else:
        _say(result)
    return code


def _say(result: Result) -> None:
    integrity = result.integrity
    tell_findings(integrity.findings)
    say(f"sessions: {result.sessions:,}; versions of v1 logs: {result.versions:,}")
    for name, counts in (("diffs", integrity.diffs), ("layouts", integrity.layouts)):
        intact, absent, damaged = counts
        say(f"{name}: {intact:,} intact, {absent:,} absent here, {damaged:,} damaged")
    if integrity.in_git:
        say(f"  of those absent, git has the commits of {integrity.in_git:,}, and makes them again")
    if integrity.absent and result.require == "local":
        say(f"required here and absent: {', '.join(integrity.absent[:5])}")
    if result.uncounted:
        say(f"tokens: {result.uncounted}")
    if result.tokens is not None:
        say()
        say_tokens(result.tokens)


def _json(result: Result, code: int) -> dict[str, Any]:
    integrity = result.integrity
    names = ("intact", "absent", "damaged")
    return {
        "exit": code,
        "sessions": result.sessions,
        "versions": result.versions,
        "diffs": dict(zip(names, integrity.diffs, strict=True)),
        "layouts": dict(zip(names, integrity.layouts, strict=True)),
        "absent": list(integrity.absent),
        "in_git": integrity.in_git,
        "findings": findings_json(integrity.findings),
        "tokens": tokens_json(result.tokens) if result.tokens else None,
    }
