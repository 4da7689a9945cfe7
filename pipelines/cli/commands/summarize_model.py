"""The options of `summarize` for a model: which model, what may be sent, and the consent."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from codec.shown_text import counted
from codec.summaries.prompt import ANSWER_TOKENS, SCHEMA
from codec.summaries.summary_file import Statement, Summary
from pipelines.cli.commands.summarize_options import MOST_TOKENS, SECONDS
from pipelines.cli.declared import Misuse
from pipelines.cli.output import confirm, say, tell
from pipelines.outcomes.findings import Finding
from pipelines.report.percentages import loss_in_percent
from pipelines.report.period.document import Block, Cell, Code, Items, Section, Text
from pipelines.report.period.narrative import Step, most_tokens
from pipelines.system.models.base import KEY, Model
from pipelines.verbs.summarize import ClaimsPlan, apply_claims
from pipelines.workspace.user_settings import Settings

_PROGRAM = re.compile(r"(?P<program>claude|codex|llm)(?::(?P<model>\S+))?")


class Asked(NamedTuple):
    """The user's options for a model.

    Attributes:
        model: the model to ask.
        limit: the most tokens that may be sent and received.
        with_diffs: diffs may be sent.
        max_dropped: the per cent of claims that may be dropped; None for any.
        dry_run: send nothing.
        agreed: send without asking.
    """

    model: Model
    limit: int
    with_diffs: bool
    max_dropped: float | None
    dry_run: bool
    agreed: bool


def asked_of(settings: Settings, name: str, given: dict[str, Any]) -> Asked:
    """Return the user's options for a model.

    Raises:
        Misuse: the names exclude each other.
        NotFound: the program is not installed.
        Denied: a key would be sent without encryption.
    """
    if settings.model_consent not in (None, "on", "off"):
        raise Misuse("SESSION_CODEC_MODEL_CONSENT is neither on nor off")
    # Opened first, so that an invalid address is refused before anything is read.
    model = _open(
        settings, name, given["timeout"] or SECONDS, is_given=bool(given["model_endpoint"])
    )
    return Asked(
        model=model,
        limit=settings.model_max_tokens or MOST_TOKENS,
        with_diffs=given["with_diffs"],
        max_dropped=given["max_dropped"],
        dry_run=given["dry_run"],
        agreed=given["yes"] or settings.model_consent == "on",
    )


def agree(asked: Asked, step: Step) -> None:
    """Print what will be sent, and ask the user at the terminal, unless they agreed already.

    Raises:
        Misuse: the user did not agree, and there is no terminal.
        KeyboardInterrupt: the user does not agree.
    """
    waiting = list(step.unanswered())
    if not waiting:
        tell("note: nothing changed since the last answers; nothing is sent")
        return
    cut = sum(s.question.cut for s in waiting if s.question is not None)
    diffs = " and the beginnings of their diffs" if asked.with_diffs else ""
    tell(
        f"to {asked.model.place}: records of {counted(len(step.sessions), 'session')}{diffs} in"
        f" {counted(len(waiting), 'question')}, at most {most_tokens(step):,} tokens with the"
        f" answers; {counted(cut, 'record')} cut"
    )
    if asked.agreed:
        return
    if not sys.stdin.isatty():
        raise Misuse(
            "the records would leave this machine; stdin is not a terminal, so pass --yes, or set"
            ' consent = "on" below [model] in your settings'
        )
    if not confirm("Send them?"):
        raise KeyboardInterrupt


def answered(asked: Asked, plan: ClaimsPlan) -> tuple[Step | None, list[Finding]]:
    """Ask the open questions, with the user's consent; return the answers and findings."""
    if plan.step is None:
        tell("note: no session of the period may be sent")
        return None, []
    agree(asked, plan.step)
    step = apply_claims(plan, asked.model, asked.limit)
    dropped = dropped_finding(step.summaries(), asked.max_dropped) if step else None
    return step, [dropped] if dropped else []


def say_questions(step: Step) -> None:
    """Print the questions that would be sent."""
    waiting = list(step.unanswered())
    for each in waiting:
        if each.question is None:
            say(f"--- {each.period.name}: the claims of its parts, at most {each.tokens:,} tokens")
        else:
            cut = counted(each.question.cut, "record")
            say(f"--- {each.period.name}: {each.tokens:,} tokens, {cut} cut")
            say(each.question.text.removesuffix("\n"))
    tell(
        f"{counted(len(waiting), 'question')}, at most {most_tokens(step):,} tokens with the"
        " answers; nothing was sent"
    )


def dropped_finding(summaries: Iterable[Summary], most: float | None) -> Finding | None:
    """Return a finding if more claims were dropped than allowed."""
    share = dropped_share(summaries)
    if most is None or share <= most:
        return None
    return Finding(
        code="claims-dropped",
        message=f"{loss_in_percent(share)} of the model's claims were dropped; "
        f"at most {most:g} % are allowed",
        hint="Try another model",
    )


def dropped_share(summaries: Iterable[Summary]) -> float:
    """Return the percentage of claims that were dropped; 0 without claims."""
    dropped, made = 0, 0
    for summary in summaries:
        number = sum(summary.dropped.values())
        dropped, made = dropped + number, made + number + len(summary.claims)
    return 100 * dropped / made if made else 0.0


def sections_of(step: Step) -> list[Section]:
    """Return the sections of a page with the claims of a model and their origin."""
    summary = step.summary
    if summary is None:
        return []
    blocks: list[Block] = [Text(_about(summary, list(step.summaries())))]
    if summary.claims:
        blocks.insert(0, Items(tuple(map(_row, summary.claims))))
    return [Section("Summary by a model", tuple(blocks))]


def summary_json(step: Step | None) -> dict[str, Any] | None:
    """Return the summary of a period as JSON; None without a summary."""
    if step is None or step.summary is None:
        return None
    fields = step.summary._asdict()
    claims = [
        {"text": c.text, "sessions": [s._asdict() for s in c.cited]} for c in step.summary.claims
    ]
    share = round(dropped_share(step.summaries()), 1)
    return {**fields, "dropped_percent": share, "claims": claims}


def _open(settings: Settings, name: str, seconds: int, *, is_given: bool) -> Model:
    program = _PROGRAM.fullmatch(name)
    if program and not is_given:
        from pipelines.system.models.programs import Program

        return Program(program["program"], program["model"] or "", seconds=seconds, schema=SCHEMA)
    url = settings.model_endpoint
    if url is None:
        raise Misuse(f"--model {name}: unknown program (claude, codex or llm), and no --endpoint")
    try:
        parts = urlsplit(url)
        _ = parts.port  # checked when it is read
    except ValueError:
        raise Misuse(f"--endpoint: {url!r} is not an address") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise Misuse(f"--endpoint: {url!r} is not an http or https address")
    if "@" in parts.netloc:
        raise Misuse(f"--endpoint: the URL contains credentials. Pass the key as {KEY}")
    from pipelines.system.models.endpoint import Endpoint

    return Endpoint(
        url,
        name,
        key=os.environ.get(KEY, ""),
        seconds=seconds,
        answer_tokens=ANSWER_TOKENS,
        schema=SCHEMA,
    )


def _row(statement: Statement) -> tuple[Cell, ...]:
    cited: list[Cell] = []
    for session in statement.cited:
        cited += [Code(f"show {session.key}"), Code(session.digest)]
    return (statement.text, *cited)


def _about(summary: Summary, all_of_them: Sequence[Summary]) -> tuple[Cell, ...]:
    """Return the paragraph that states the origin of a summary."""
    model = summary.model
    if summary.answered and summary.answered != model:
        model += f" ({summary.answered})"
    tokens = f"{summary.sent:,} tokens sent"
    if summary.output_tokens is not None:
        tokens += f", {summary.output_tokens:,} answered"
    cost = "unknown" if summary.cost_usd is None else f"${summary.cost_usd:.4f}"
    kinds = ", ".join(f"{n:,} {kind}" for kind, n in summary.dropped.items())
    dropped = f"Dropped as not supported: {kinds}." if kinds else "No claim was dropped."
    share = dropped_share(all_of_them)
    return (
        f"By {model} on {summary.made[:10]} from {counted(summary.sessions, 'session')};"
        f" {tokens}; cost {cost}; input",
        Code(summary.input[:16]),
        f"({dropped} Share of all claims that were dropped: {loss_in_percent(share)})."
        " Each claim cites sessions by key and digest. Statements without keys, numbers,"
        " names, dates or quotations cannot be checked; read a session with",
        Code("session-codec show KEY"),
    )
