"""`session-codec verify`."""

from __future__ import annotations

import gc
import time
from datetime import UTC, datetime
from typing import Any, Final

from codec.v2.context_view import DEFAULT_BUDGET
from pipelines.cli.declared import JSON, REPO, Misuse, Option, Verb, absolute, number, percent
from pipelines.cli.options import TOKENIZER_OPTION
from pipelines.cli.output import Stages
from pipelines.cli.remote_options import REMOTE_OPTIONS, open_remote, settings_of
from pipelines.cli.verify_output.publish import (
    errors_on_github,
    in_format,
    say_verdict,
    tell_verdict,
)
from pipelines.outcomes.errors import EXIT_CODES
from pipelines.remotes.base import Remote
from pipelines.verification.report import Request, Require, Verdict
from pipelines.workspace.location import find
from pipelines.workspace.thresholds import REFERENCES_BUDGET, THRESHOLD

_LIMITS: Final = ("threshold", "context_budget", "references_budget")
FORMATS: Final = ("text", "json", "markdown", "junit", "sarif")


def run(
    repo: str,
    form: str,
    output: str | None,
    since: str | None,
    require: Require,
    full: bool,
    attribution: bool,
    tokenizer: str,
    trust_repo_config: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Verify every hash and every line of REPO's workspace, and report how many tokens are saved.

    A diff that is missing locally is a problem only with --require. Threshold and budgets may be
    set in .session-codec/config.toml under [verify]; the command line takes precedence. --json is
    the same as --format json; pipelines/verify.schema.json describes it.

    With --since, only problems introduced since the merge base with REV are reported, using the
    settings of that commit; gate and budgets apply to the whole workspace. If GITHUB_STEP_SUMMARY
    is set, the Markdown is appended to that file.

    --attribution counts the tracked files with a known session, by the grade of the evidence (see
    'why'). It changes neither a check nor the exit code.

    Examples:
      session-codec verify
      session-codec verify --attribution
      session-codec verify --threshold 95 --json
      session-codec verify --since origin/main --format sarif -o verify.sarif
      session-codec verify --require remote --remote s3://bucket/project
    """
    if given["remote"] and require != "remote":
        raise Misuse("--remote needs --require remote")
    began, start = datetime.now(UTC), time.perf_counter()
    gc.disable()  # the facts of a manifest are many and have no cycles
    with errors_on_github():
        request = Request(
            workspace=find(absolute(repo)),
            tokenizer=tokenizer,
            limits={name: given.pop(name) for name in _LIMITS},
            require=require,
            since=since,
            attribution=attribution,
        )
        remote = None
        if require == "remote":
            settings = settings_of(request.workspace, given, trust_repo_config)
            remote = open_remote(settings, request.workspace)
        verdict = _verdict(request, remote)
    tell_verdict(verdict)
    say_verdict(
        lambda form: in_format(verdict, form, began=began, seconds=time.perf_counter() - start),
        "json" if as_json else form,
        output,
    )
    return verdict.exit_code


def _verdict(request: Request, remote: Remote | None) -> Verdict:
    from pipelines.system.worker.client import Worker

    with Worker(request.tokenizer) as worker:
        from pipelines.verbs.verify import verify  # while the worker starts

        return verify(request, worker, Stages(), remote)


VERB: Final = Verb(
    run,
    (REPO,),
    (
        Option(
            "--format",
            "The format of stdout, or of the file given with -o.",
            to="form",
            choices=FORMATS,
            default="text",
            metavar="FORMAT",
            shown=True,
        ),
        Option(
            "--output",
            "Write the output in --format to FILE, and the text to stdout.",
            short="-o",
            metavar="FILE",
        ),
        Option(
            "--since",
            "Report only problems introduced since the merge base with REV, for example main.",
            metavar="REV",
        ),
        Option(
            "--threshold",
            "Per cent that the baseline 'window' must save; judged even for a small "
            "window. [default: "
            f"{THRESHOLD:g}, for large windows only]",
            read=percent,
            metavar="N",
        ),
        Option(
            "--context-budget",
            f"The most tokens that 'context' may cost. [default: {DEFAULT_BUDGET}, or the "
            f"settings]",
            read=number,
            metavar="N",
        ),
        Option(
            "--references-budget",
            f"The most tokens that the references may cost. [default: "
            f"{REFERENCES_BUDGET}, or the settings]",
            read=number,
            metavar="N",
        ),
        Option(
            "--require",
            "Report each diff that is missing locally ('local'), or both locally and on the "
            "remote ('remote').",
            choices=("none", "local", "remote"),
            default="none",
            shown=True,
        ),
        Option(
            "--attribution",
            "Count the tracked files with a known session, by grade of evidence.",
            flag=True,
        ),
        *REMOTE_OPTIONS,
        Option(
            "--full",
            "No effect, because everything is always read; kept for older jobs.",
            flag=True,
        ),
        TOKENIZER_OPTION,
        JSON,
    ),
    exits={
        3: "files disagree, references are stale, or a limit is exceeded",
        12: "stored bytes are damaged",
        20: EXIT_CODES[20],
    },
)
