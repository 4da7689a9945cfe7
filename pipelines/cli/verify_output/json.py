"""The result of a verification as JSON, which `pipelines/verify.schema.json` describes."""

from __future__ import annotations

from typing import Any

from pipelines.cli.attribution_table import attribution_json
from pipelines.cli.output import findings_json, json_document
from pipelines.cli.token_table import tokens_json
from pipelines.verification.report import Check, Verdict

_COUNTED = ("intact", "absent", "damaged")


def json_of(verdict: Verdict) -> str:
    """Return the verdict as one JSON document."""
    return json_document("verify", _fields(verdict))


def _fields(verdict: Verdict) -> dict[str, Any]:
    return {
        "exit": verdict.exit_code,
        "since": verdict.since,
        "kept": None,  # for readers of an earlier version, which could repeat a verdict
        "sessions": verdict.sessions,
        "versions": verdict.versions,
        "diffs": dict(zip(_COUNTED, verdict.diffs, strict=True)),
        "layouts": dict(zip(_COUNTED, verdict.layouts, strict=True)),
        "absent": list(verdict.absent),
        "in_git": verdict.in_git,
        "checks": list(map(_check, verdict.checks())),
        "findings": findings_json(verdict.findings),
        "tokens": tokens_json(verdict.tokens) if verdict.tokens else None,
        "attribution": attribution_json(verdict.attribution) if verdict.attribution else None,
    }


def _check(check: Check) -> dict[str, Any]:
    result = "failed"
    if check.passed:
        result = "skipped" if check.skipped else "passed"
    return {
        "name": check.name,
        "title": check.title,
        "result": result,
        "findings": sum(f.level == "finding" for f in check.findings),
        "notes": sum(f.level == "note" for f in check.findings),
    }
