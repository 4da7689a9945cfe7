"""`session-codec summarize`."""

from __future__ import annotations

import gc
import sys
from typing import Final, Literal

from codec.periods import PERIOD_FORMS, Period, read_period
from pipelines.cli.commands.spooled import workspace_of
from pipelines.cli.declared import JSON, REPO, Option, Verb
from pipelines.cli.options import ALLOW_SECRET, TOKENIZER_OPTION
from pipelines.cli.output import Stages, findings_json, say_json, tell, tell_findings
from pipelines.outcomes.errors import EXIT_CODES, FINDINGS
from pipelines.summary.document import document_of, headline
from pipelines.verbs.summarize import Report, Request, summarize
from pipelines.worker.tokenizer import load
from pipelines.workspace.user_settings import read_settings

Format = Literal["markdown", "json", "html"]
FORMATS: Final = ("markdown", "json", "html")


def run(
    repo: str,
    period: Period,
    form: Format,
    allow: tuple[str, ...],
    tokenizer: str,
    as_json: bool,
) -> int:
    """Report what was done in a period: sessions, results, files, decisions, tokens.

    The figures are those of 'query'. Sessions whose texts were removed on purpose, and those that
    touch a path of [private] paths in the settings, are counted and not described.

    Examples:
      session-codec summarize --period 2025-Q4
      session-codec summarize --period 2025-W45 -o week.md
      session-codec summarize --period 2025-11 --format html -o november.html
      session-codec summarize --period 2025-11-03..2025-11-20 --format json
    """
    gc.disable()  # the facts of a manifest are many and have no cycles
    workspace = workspace_of(repo)
    settings = read_settings(workspace, {"allow": allow})
    request = Request(
        workspace=workspace,
        period=period,
        tokenizer=tokenizer,
        private_paths=settings.private_paths,
        allow=settings.allow,
    )
    report = summarize(request, load, Stages())
    code = FINDINGS if any(f.level == "finding" for f in report.findings) else 0
    _print(report, "json" if as_json else form, code)
    return code


def _print(report: Report, form: Format, code: int) -> None:
    if form == "json":
        from pipelines.summary.as_json import report_json

        findings = findings_json(report.findings)
        say_json("summarize", {"exit": code, **report_json(report.content), "findings": findings})
        return
    tell_findings(report.findings)
    document = document_of(report.content)
    if form == "html":
        from pipelines.summary.page import page

        sys.stdout.write(page(document))
    else:
        from pipelines.summary.markdown import markdown

        sys.stdout.write(markdown(document))
    tell(headline(report.content))


VERB: Final = Verb(
    run,
    (REPO,),
    (
        Option(
            "--period",
            f"The period: {PERIOD_FORMS}.",
            read=read_period,
            metavar="PERIOD",
            required=True,
        ),
        Option(
            "--format",
            "How to write the report.",
            to="form",
            choices=FORMATS,
            default="markdown",
            shown=True,
        ),
        ALLOW_SECRET,
        TOKENIZER_OPTION,
        JSON,
    ),
    exits={
        3: "lines that cannot be read were left out, or a text seemed to hold a secret",
        20: EXIT_CODES[20],
    },
)
