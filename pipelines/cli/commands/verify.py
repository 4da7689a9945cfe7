"""`session-codec verify`."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from codec.errors import CodecError
from codec.v2.context_view import DEFAULT_BUDGET
from pipelines.cli.declared import JSON, REPO, Option, Verb, absolute, number, percent
from pipelines.cli.options import TOKENIZER_OPTION
from pipelines.cli.output import Stages, say, tell, tell_findings
from pipelines.cli.remote_options import REMOTE_OPTIONS, open_remote, settings_of
from pipelines.cli.verify_output.json import json_of
from pipelines.cli.verify_output.text import text_of
from pipelines.errors import EXIT_CODES, PipelineError
from pipelines.remotes.base import Remote
from pipelines.settings.thresholds import REFERENCES_BUDGET, THRESHOLD
from pipelines.verification.report import Request, Require, Verdict
from pipelines.verification.report_cache import keep, read_from, recall, standing
from pipelines.workspace.location import find

FORMATS: Final = ("text", "json", "markdown", "junit", "sarif")


def run(
    repo: str,
    form: str,
    output: str | None,
    since: str | None,
    threshold: float | None,
    context_budget: int | None,
    references_budget: int | None,
    require: Require,
    full: bool,
    tokenizer: str,
    trust_repo_config: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Verify every hash and every line of REPO's workspace, and report how many tokens are saved.

    A diff that is missing locally is a problem only with --require. Threshold and budgets may be
    set in .session-codec/config.toml under [verify]; the command line takes precedence. --json is
    the same as --format json; pipelines/verify.schema.json describes it.

    With --since, only problems that are new since the merge base with REV are reported, by the
    settings of that commit; gate and budgets are judged as a whole. If GITHUB_STEP_SUMMARY is set,
    the summary gets the Markdown.

    Examples:
      session-codec verify
      session-codec verify --threshold 95 --json
      session-codec verify --since origin/main --format sarif -o verify.sarif
      session-codec verify --require remote --remote s3://bucket/project
    """
    began, start = datetime.now(UTC), time.perf_counter()
    gc.disable()  # the facts of a manifest are many and have no cycles
    with _told_where_people_look():
        request = Request(
            workspace=find(absolute(repo)),
            tokenizer=tokenizer,
            limits={
                "threshold": threshold,
                "context_budget": context_budget,
                "references_budget": references_budget,
            },
            require=require,
            since=since,
        )
        remote = None
        if require == "remote":
            settings = settings_of(request.workspace, given, trust_repo_config)
            remote = open_remote(settings, request.workspace)
        verdict = None if full else recall(request)
        if verdict is None:
            verdict = _verified(request, remote)

    _tell(verdict)
    _say(
        lambda form: _made(verdict, form, began=began, seconds=time.perf_counter() - start),
        "json" if as_json else form,
        output,
    )
    return verdict.exit_code


VERB: Final = Verb(
    run,
    (REPO,),
    (
        Option(
            "--format",
            "The format of stdout, or of the file of -o.",
            to="form",
            choices=FORMATS,
            default="text",
            metavar="FORMAT",
            shown=True,
        ),
        Option(
            "--output",
            "Write the format to FILE, and the text to stdout.",
            short="-o",
            metavar="FILE",
        ),
        Option(
            "--since",
            "Report only problems that are new since the merge base with REV, for example main.",
            metavar="REV",
        ),
        Option(
            "--threshold",
            "Percent that the baseline 'window' must save, even if it is small. [default: "
            f"{THRESHOLD:g}, for large windows only]",
            read=percent,
            metavar="N",
        ),
        Option(
            "--context-budget",
            f"Tokens that 'context' may cost. [default: {DEFAULT_BUDGET}, or the settings]",
            read=number,
            metavar="N",
        ),
        Option(
            "--references-budget",
            f"Tokens that the references may cost. [default: {REFERENCES_BUDGET}, or the settings]",
            read=number,
            metavar="N",
        ),
        Option(
            "--require",
            "Where every diff must be: anywhere, here, or here or on the remote.",
            choices=("none", "local", "remote"),
            default="none",
            shown=True,
        ),
        *REMOTE_OPTIONS,
        Option("--full", "Read everything, also files that were verified before.", flag=True),
        TOKENIZER_OPTION,
        JSON,
    ),
    exits={
        3: "files disagree, references are stale, or a limit is exceeded",
        12: "stored bytes are damaged",
        20: EXIT_CODES[20],
    },
)


def _say(made: Callable[[str], str], form: str, output: str | None) -> None:
    """A verdict on stdout; in the file if there is one, and then stdout has the text."""
    if output is None:
        say(made(form).removesuffix("\n"))
        return
    with open(absolute(output), "w", encoding="utf-8", newline="\n") as f:
        f.write(made(form))
    say(f"{made('text')}{form}: {output}")


@contextmanager
def _told_where_people_look() -> Iterator[None]:
    """What stops us is told to GitHub, too, where it runs us."""
    try:
        yield
    except (CodecError, PipelineError) as e:
        if os.environ.get("GITHUB_ACTIONS") == "true":
            from pipelines.cli.verify_output.github import annotation_of

            tell(annotation_of(e))
        if os.environ.get("GITHUB_STEP_SUMMARY"):
            from pipelines.cli.verify_output.markdown import markdown_of_error

            _add_to_summary(markdown_of_error(e))
        raise


def _add_to_summary(text: str) -> None:
    with open(os.environ["GITHUB_STEP_SUMMARY"], "a", encoding="utf-8", newline="\n") as f:
        f.write(text)


def _verified(request: Request, remote: Remote | None) -> Verdict:
    """A verdict on what is read now."""
    from pipelines.worker.client import Worker

    with Worker(request.tokenizer) as worker:
        from pipelines.verbs.verify import verify  # beside the worker, which takes longer to start

        was = standing(request, read_from(request.workspace))
        verdict = verify(request, worker, Stages(), remote)
    keep(request, was, verdict)
    return verdict


def _made(verdict: Verdict, form: str, *, began: datetime, seconds: float) -> str:
    """A verdict in one of the formats; what only one of them needs is not imported for another."""
    if form == "junit":
        import platform

        from pipelines.cli.verify_output.junit import junit_of

        return junit_of(verdict, host=platform.node(), began=began, seconds=seconds)
    if form == "sarif":
        from importlib.metadata import version

        from pipelines.cli.verify_output.sarif import sarif_of

        return sarif_of(verdict, version=version("session-codec"))
    if form == "markdown":
        from pipelines.cli.verify_output.markdown import markdown_of

        return markdown_of(verdict)
    return json_of(verdict) if form == "json" else text_of(verdict)


def _tell(verdict: Verdict) -> None:
    """Findings, for people on stderr, and for GitHub where it runs us."""
    tell_findings(verdict.findings)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        from pipelines.cli.verify_output.github import annotations_of

        for line in annotations_of(verdict.findings, verdict.root):
            tell(line)
    if os.environ.get("GITHUB_STEP_SUMMARY"):
        from pipelines.cli.verify_output.markdown import markdown_of

        _add_to_summary(markdown_of(verdict))
