"""`session-codec summarize`."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, Any, Final, Literal

from codec.periods import PERIOD_FORMS, Period, read_period
from codec.tokens.tokenizers import DEFAULT
from pipelines.cli.commands.spooled import workspace_of
from pipelines.cli.commands.summarize_options import MODEL_OPTIONS, SETTINGS, check_alone
from pipelines.cli.declared import JSON, REPO, Option, Verb
from pipelines.cli.options import ALLOW_SECRET, TOKENIZER_OPTION
from pipelines.cli.output import Stages, code_of, findings_json, say_json, tell, tell_findings
from pipelines.outcomes.errors import EXIT_CODES
from pipelines.outcomes.findings import Finding
from pipelines.report.percentages import loss_in_percent
from pipelines.report.period.content import Content
from pipelines.report.period.document import Section, document_of, headline
from pipelines.system.worker.tokenizer import load
from pipelines.verbs.summarize import Request, plan_claims, summarize
from pipelines.workspace.user_settings import ignored_findings, read_settings

if TYPE_CHECKING:
    from pipelines.report.period.narrative import Step

Format = Literal["markdown", "json", "html"]
FORMATS: Final = ("markdown", "json", "html")


def run(
    repo: str,
    period: Period,
    form: Format,
    allow: tuple[str, ...],
    tokenizer: str,
    model: str | None,
    as_json: bool,
    **given: Any,
) -> int:
    """Report what was done in a period: sessions, results, files, decisions, tokens.

    The figures are computed as in 'query'. Sessions whose texts were removed on purpose, and those
    that change a path listed in [private] paths in the settings, are counted but not described.

    With --model, records of the other sessions are sent to a model, which returns claims; a claim
    is dropped unless its numbers, names, dates and quotations are in the sessions that it cites.
    Claims that pass are written to .session-codec/summaries; the same question is not sent again.

    Examples:
      session-codec summarize --period 2025-Q4
      session-codec summarize --period 2025-W45 -o week.md
      session-codec summarize --period 2025-11 --format html -o november.html
      session-codec summarize --period 2025-11-03..2025-11-20 --format json
      session-codec summarize --period 2025-11 --model claude --dry-run
      session-codec summarize --period 2025-Q4 --model llama3.3 --endpoint http://127.0.0.1:11434/v1
    """
    gc.disable()  # the facts of a manifest are many and have no cycles
    workspace = workspace_of(repo)
    settings = read_settings(workspace, {"allow": allow, **{k: given[k] for k in SETTINGS}})
    asked = None
    if model is None:
        check_alone(given)
    else:
        from pipelines.cli.commands.summarize_model import asked_of

        asked = asked_of(settings, model, given)
    request = Request(
        workspace=workspace,
        period=period,
        tokenizer=tokenizer,
        private_paths=settings.private_paths,
        allow=settings.allow,
    )
    report = summarize(request, load, Stages())
    findings = [*report.findings, *ignored_findings(settings, "model")]
    step = None
    if asked is not None:
        from pipelines.cli.commands.summarize_model import answered, say_questions

        plan = plan_claims(
            request, report.read, asked.model.name, load(DEFAULT), with_diffs=asked.with_diffs
        )
        if plan.step is not None and asked.dry_run:
            say_questions(plan.step)
            tell_findings(findings)
            return code_of(findings)
        step, more = answered(asked, plan)
        findings += more
    code = code_of(findings)
    _print(report.content, step, "json" if as_json else form, findings)
    return code


def _print(content: Content, step: Step | None, form: Format, findings: list[Finding]) -> None:
    summary: dict[str, Any] | None = None
    sections: list[Section] = []
    if step is not None:
        from pipelines.cli.commands.summarize_model import dropped_share, sections_of, summary_json

        summary, sections = summary_json(step), sections_of(step)
    if form == "json":
        from pipelines.report.period.as_json import report_json

        fields = {**report_json(content), "summary": summary}
        shown = findings_json(findings)
        say_json("summarize", {"exit": code_of(findings), **fields, "findings": shown})
        return
    tell_findings(findings)
    document = document_of(content, sections)
    if form == "html":
        from pipelines.report.period.page import page

        sys.stdout.write(page(document))
    else:
        from pipelines.report.period.markdown import markdown

        sys.stdout.write(markdown(document))
    tell(headline(content))
    if step is not None:
        tell(f"claims dropped: {loss_in_percent(dropped_share(step.summaries()))}")


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
        *MODEL_OPTIONS,
        ALLOW_SECRET,
        TOKENIZER_OPTION,
        JSON,
    ),
    exits={
        3: "lines that cannot be read were left out, a text seemed to contain a secret, "
        "or too many "
        "claims were dropped",
        10: "the answer of the model is not in the expected format",
        20: EXIT_CODES[20],
        22: "more tokens are needed than allowed, or a question seems to contain a secret",
        30: "the model's program is not installed, or the endpoint does not have the model",
        31: "the model denies access",
        32: "the model did not answer completely in time",
    },
)
