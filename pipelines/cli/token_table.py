"""Show a token report as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipelines.cli.output import table
from pipelines.report.percentages import in_percent, rounded_down
from pipelines.report.token_savings import JUDGED_FROM, WINDOW, TokenReport


def token_lines(report: TokenReport) -> Iterator[str]:
    """Return the baselines as a table, then a sentence about the gate."""
    yield f"tokens by {report.tokenizer}; 'words' in words"
    for line in table(baseline_rows(report), frozenset({1, 2, 3})):
        yield f"  {line}"
    yield gate_sentence(report)
    for over in report.over_budget:
        yield f"over budget: {over}"


def baseline_rows(report: TokenReport) -> list[tuple[str, ...]]:
    """Return a header and one row for each baseline."""
    return [
        ("baseline", "before", "after", "saved", "what is compared"),
        *(
            (b.name, f"{b.before:,}", f"{b.after:,}", in_percent(b.reduction), b.what)
            for b in report.baselines
        ),
    ]


def gate_sentence(report: TokenReport) -> str:
    """Return a sentence: whether the gate is met, or why it is not judged."""
    window, limits = report.baselines[0], report.limits
    if not report.judged:
        return (
            f"gate: not judged: the last {WINDOW} sessions are small ({window.before:,} tokens, "
            f"less than {JUDGED_FROM} times the context budget of {limits.context:,}); "
            f"pass --threshold to judge it; context {report.context:,} of {limits.context:,} "
            f"tokens, references {report.references:,} of {limits.references:,}"
        )
    verdict = "met" if report.gate_met else "NOT met"
    saved = in_percent(window.reduction)
    return f"gate: {verdict}: window saves {saved}, threshold {limits.threshold:g} %"


def tokens_json(report: TokenReport) -> dict[str, Any]:
    """Return a token report as JSON."""
    return {
        "tokenizer": report.tokenizer,
        "baselines": [
            {
                "name": b.name,
                "unit": "words" if b.name == "words" else "tokens",
                "before": b.before,
                "after": b.after,
                "reduction_percent": rounded_down(b.reduction, 2),
                "what": b.what,
            }
            for b in report.baselines
        ],
        "context": report.context,
        "references": report.references,
        "gate": {
            "baseline": "window",
            "judged": report.judged,
            "estimated_sessions": report.estimated,
            "met": report.gate_met if report.judged else None,
            "threshold_percent": report.limits.threshold,
            "context_budget": report.limits.context,
            "references_budget": report.limits.references,
            "over_budget": list(report.over_budget),
        },
    }
