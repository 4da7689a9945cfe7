"""`session-codec report`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from codec.errors import IntegrityError
from codec.shown_text import counted
from codec.tokens.tokenizers import counter
from pipelines.cli.declared import JSON, REPO, Misuse, Option, Verb, absolute
from pipelines.cli.filters import SINCE, UNTIL
from pipelines.cli.options import ALLOW_SECRET, TOKENIZER_OPTION, TRUST_REPO_CONFIG
from pipelines.cli.output import Stages, code_of, findings_json, say, say_json, tell, tell_findings
from pipelines.cli.token_table import tokens_json
from pipelines.outcomes.errors import EXIT_CODES, exit_code
from pipelines.verbs.report import Request, Result, apply, plan
from pipelines.workspace.location import find
from pipelines.workspace.user_settings import ignored_findings, read_settings


def run(
    repo: str,
    output: str,
    with_diffs: bool,
    allow: tuple[str, ...],
    trust_repo_config: bool,
    tokenizer: str,
    as_json: bool,
    **given: Any,
) -> int:
    """Write a report on REPO's workspace: one HTML file.

    The file is self-contained and makes no network requests. It shows tokens saved, sessions over
    time, tasks, archives, and every session with its reference entry. It replaces an earlier
    report, but no other file. --with-diffs leaves out diffs that seem to contain a secret.

    Examples:
      session-codec report
      session-codec report ~/src/app -o app.html --since 2025-11
      session-codec report --with-diffs
      session-codec report -o - | gzip > report.html.gz
    """
    if output == "-" and as_json:
        raise Misuse("-o - and --json exclude each other: both write to stdout")
    workspace = find(absolute(repo))
    settings = read_settings(workspace, {"allow": allow}, trust_repository=trust_repo_config)
    request = Request(
        workspace=workspace,
        output=None if output == "-" else absolute(output),
        with_diffs=with_diffs,
        allow=settings.allow,
        **given,
    )
    progress = Stages()
    result = apply(plan(request, counter(tokenizer), progress), progress, sys.stdout.buffer.write)
    findings = list(result.plan.findings)
    if with_diffs:
        findings += ignored_findings(settings, "secrets")
    damaged = result.plan.diffs is not None and result.plan.diffs.damaged
    code = exit_code(IntegrityError("")) if damaged else code_of(findings)
    if as_json:
        say_json("report", {"exit": code, **_json(result), "findings": findings_json(findings)})
        return code
    tell_findings(findings)
    _say(result)
    return code


VERB: Final = Verb(
    run,
    (REPO,),
    (
        Option(
            "--output",
            "Write the report to FILE; '-' is stdout.",
            short="-o",
            default="report.html",
            metavar="FILE",
            shown=True,
        ),
        SINCE,
        UNTIL,
        Option(
            "--with-diffs",
            "Include the diffs, except those that seem to contain a secret.",
            flag=True,
        ),
        Option("--force", "Overwrite FILE even if it is not a report.", flag=True),
        ALLOW_SECRET,
        TRUST_REPO_CONFIG,
        TOKENIZER_OPTION,
        JSON,
    ),
    exits={
        3: "a diff was left out: it seems to contain a secret",
        12: "a diff is damaged",
        20: EXIT_CODES[20],
        22: "FILE is not a report; --force overwrites it",
    },
)


def _say(result: Result) -> None:
    made = result.plan
    # The report itself may be written to stdout.
    say_it: Callable[[str], None] = say if made.request.output else tell
    name = made.request.output or "stdout"
    say_it(f"{name}: {counted(len(made.page.sessions), 'session')}, {result.size:,} bytes")
    if made.diffs is not None:
        left = [
            f"{len(keys):,} {why}"
            for keys, why in (
                (made.diffs.absent, "not stored here"),
                (made.diffs.held, "with a possible secret"),
                (made.diffs.damaged, "damaged"),
            )
            if keys
        ]
        more = f"; left out: {', '.join(left)}" if left else ""
        say_it(f"  diffs: {len(made.diffs.texts):,}{more}")
        tell("The report holds diffs: who gets the file can read them")


def _json(result: Result) -> dict[str, Any]:
    made = result.plan
    diffs = made.diffs
    return {
        "output": made.request.output,
        "bytes": result.size,
        "sessions": len(made.page.sessions),
        "sessions_in_all": made.page.every,
        "diffs": None
        if diffs is None
        else {
            "embedded": len(diffs.texts),
            "absent": list(diffs.absent),
            "held": list(diffs.held),
            "damaged": list(diffs.damaged),
        },
        "tokens": tokens_json(made.page.tokens) if made.page.tokens else None,
        "uncounted": made.page.uncounted,
    }
