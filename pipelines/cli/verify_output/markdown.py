"""The result of a verification as Markdown for a job's summary: less than 1 MiB."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from codec.shown_text import counted, shown
from pipelines.cli.attribution_table import attribution_rows, attribution_sentences
from pipelines.cli.output import visible
from pipelines.cli.token_table import baseline_rows, gate_sentence
from pipelines.outcomes.findings import Finding
from pipelines.verification.report import Check, Verdict

#: GitHub accepts 1 MiB for a step; the text above the findings is far smaller than the reserve.
LIMIT: Final = 900_000
_CELL: Final = 600
#: Characters that Markdown, HTML or a code host would interpret.
_SPECIAL: Final = re.compile(r"[\\`*_{}\[\]<>#|~&@$]|:(?=//)")
_VERDICTS: Final = {
    0: "passed",
    3: "found something to look at",
    12: "found damage",
}


def markdown_of(verdict: Verdict) -> str:
    """Return a verdict as a page, with the number of findings that do not fit."""
    checks = list(verdict.checks())
    lines = [
        f"## session-codec verify: {_VERDICTS[verdict.exit_code]}",
        "",
        f"{counted(verdict.sessions, 'session')}; diffs: {verdict.diffs[0]:,} intact, "
        f"{verdict.diffs[1]:,} missing locally, {verdict.diffs[2]:,} damaged.",
    ]
    if verdict.since:
        lines.append(
            f"Reported: problems introduced since `{verdict.since[:12]}`;"
            " gate and budgets cover all."
        )
    if verdict.tokens is not None:
        lines += ["", gate_sentence(verdict.tokens).capitalize() + ".", ""]
        lines += _table(baseline_rows(verdict.tokens), "lrrrl")
        lines += ["", f"Tokens by {verdict.tokens.tokenizer}; `words` in words."]
    if verdict.attribution is not None:
        lines += ["", *map(_text, attribution_sentences(verdict.attribution)), ""]
        lines += _table(attribution_rows(verdict.attribution), "lrrl")
    lines += ["", *_table([("check", "result", "what holds"), *map(_check, checks)], "lll")]
    text = "".join(f"{line}\n" for line in lines)
    return text + _findings(verdict.findings, LIMIT - len(text.encode()))


def markdown_of_error(error: Exception) -> str:
    """Return the page for an error that stopped `verify`."""
    return f"## session-codec verify: could not run\n\n{_text(str(error))}\n"


def _check(check: Check) -> tuple[str, ...]:
    count = sum(f.level == "finding" for f in check.findings)
    result = "passed" if not count else f"**{count:,} found**"
    if not count and check.skipped:
        result = f"not judged: {check.skipped}"
    return f"`{check.name}`", result, check.title


def _findings(findings: Sequence[Finding], room: int) -> str:
    """Return findings, then notes, as a table of at most the given number of bytes."""
    if not findings:
        return ""
    rows = ["", "| | where | what | the way out |", "| --- | --- | --- | --- |"]
    used = sum(len(row) + 1 for row in rows)
    ordered = [f for level in ("finding", "note") for f in findings if f.level == level]
    shown = 0
    for finding in ordered:
        row = _row(finding)
        size = len(row.encode()) + 1
        if used + size > room:
            break
        rows.append(row)
        used += size
        shown += 1
    if shown < len(ordered):
        rows += ["", f"{len(ordered) - shown:,} more are not shown; `--format json` has them all."]
    return "".join(f"{row}\n" for row in rows)


def _row(finding: Finding) -> str:
    where = f"{finding.file or ''}:{finding.line}" if finding.line else finding.file or ""
    cells = (finding.level, _text(where), _text(finding.message), _text(finding.hint or ""))
    return f"| {' | '.join(cells)} |"


def _text(text: str) -> str:
    """Return a text escaped for a table cell."""
    if len(text) > _CELL:
        text = text[:_CELL] + "…"
    text = visible(shown(text)).replace("\n", " ").encode(errors="backslashreplace").decode()
    return _SPECIAL.sub(lambda m: f"&#{ord(m[0])};", text)


def _table(rows: Iterable[Sequence[str]], align: str) -> list[str]:
    head, *body = (f"| {' | '.join(row)} |" for row in rows)
    rules = {"l": "---", "r": "---:"}
    return [head, f"| {' | '.join(rules[a] for a in align)} |", *body]
