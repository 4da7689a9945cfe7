"""Ask a model for a summary: which questions, in which order, and what is stored.

1. For a month, a week or a range of days, the model reads the lines of the sessions. For a quarter,
   it reads the claims of its months, for a year those of its quarters; a period in which only one
   part has sessions is treated like any other. Every claim is checked against the sessions
   themselves.
2. The plan only reads. It counts everything that may be sent first; a plan above the limit sends
   nothing.
3. An answer is checked and written before the next question is sent. So an answered question is
   never asked again: if a later one fails, the next run continues there. Nothing is retried.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from codec.kinds import Key
from codec.periods import Period
from codec.records import Session
from codec.shown_text import one_line
from codec.summaries.claims import Claim, Fault, check_claims
from codec.summaries.evidence import SESSION_WORDS, Figures, metric_figures
from codec.summaries.prompt import (
    ANSWER_TOKENS,
    INSTRUCTIONS,
    MOST_CLAIMS,
    Question,
    decode_answer,
    question_about,
    question_about_claims,
)
from codec.summaries.summary_file import (
    Cited,
    Statement,
    Summary,
    digest_of,
    input_hash,
)
from pipelines.outcomes.errors import Refused, Unavailable
from pipelines.report.period.content import Figures as Counts
from pipelines.report.period.content import figures_of
from pipelines.system.models.base import Answer, Model

#: The most keys of a claim that are repeated in the question about a longer period.
_MOST_KEYS: Final = 8
#: The most tokens of the claims of a part: the longest texts, with as many keys.
_PART_TOKENS: Final = 6000
_STATUS_WORDS: Final = {
    "PASS": "pass passed passing succeeded successful",
    "PARTIAL": "partial partially",
    "FAIL": "fail failed failing failure failures",
    "UNKNOWN": "unknown",
}


class Material(NamedTuple):
    """The input of a summary by a model.

    Attributes:
        sessions: the sessions that may be sent, oldest first, without secrets.
        identities: their identities, by key.
        stored: returns the stored summary of a period.
        model: the name of the model.
        count: counts tokens.
        diffs: returns the diff of a session, without secrets; empty for none.
    """

    sessions: Sequence[Session]
    identities: Mapping[str, str]
    stored: Callable[[Period], Summary | None]
    model: str
    count: Callable[[str], int]
    diffs: Callable[[Session], str]


class Step(NamedTuple):
    """One period of a plan: its question, or its known summary.

    Attributes:
        period: the days.
        sessions: the sessions of the period, by key.
        parts: the periods whose claims are read.
        question: the question; None while a part has no answer.
        tokens: the tokens of the question; its maximum while a part has no answer.
        summary: the stored summary, if nothing that it depends on changed.
    """

    period: Period
    sessions: Mapping[Key, Session]
    parts: tuple[Step, ...]
    question: Question | None
    tokens: int
    summary: Summary | None

    def unanswered(self) -> Iterator[Step]:
        """Yield the steps to ask, in order; this one last."""
        for part in self.parts:
            yield from part.unanswered()
        if self.summary is None:
            yield self

    def summaries(self) -> Iterator[Summary]:
        """Yield the known summaries, this step's last."""
        for part in self.parts:
            yield from part.summaries()
        if self.summary is not None:
            yield self.summary


def plan(material: Material, period: Period) -> Step | None:
    """Return the plan for a period; None if no session of it may be sent."""
    inside = {s.key: s for s in material.sessions if period.contains(s.key)}
    if not inside:
        return None
    made = (plan(material, part) for part in period.parts())
    parts = tuple(step for step in made if step is not None)
    return _step(material, period, inside, parts)


def most_tokens(step: Step) -> int:
    """Return the most tokens that a plan can send and receive."""
    return sum(s.tokens + ANSWER_TOKENS for s in step.unanswered())


def answered(
    material: Material,
    step: Step,
    model: Model,
    limit: int,
    check: Callable[[str], None],
    keep: Callable[[Summary], Summary],
    now: Callable[[], str],
) -> Step:
    """Return a plan with all answers; each is stored before the next question is sent.

    Args:
        material: the material that the plan was made from.
        step: the plan.
        model: the model to ask.
        limit: the most tokens to send and receive.
        check: raises an error if a question must not be sent.
        keep: writes a summary, and returns it as written.
        now: returns the current time.

    Raises:
        Refused: the plan is above the limit; nothing was sent.
        FormatError, StorageError: a question got no valid answer.
    """
    if (most := most_tokens(step)) > limit:
        raise Refused(
            f"{step.period.name}: up to {most:,} tokens are needed, but only {limit:,} are allowed;"
            " nothing was sent",
            hint="Allow more with --max-tokens, or summarise its months one by one",
        )
    for question in (s.question for s in step.unanswered() if s.question is not None):
        check(question.text)

    left = limit

    def complete(step: Step) -> Step:
        nonlocal left
        parts = tuple(map(complete, step.parts))
        step = _step(material, step.period, step.sessions, parts)
        if step.summary is not None:
            return step
        if step.question is None:
            raise Unavailable(f"{step.period.name}: a part of it has no answer")
        if (most := step.tokens + ANSWER_TOKENS) > left:
            raise Refused(
                f"{step.period.name}: up to {most:,} tokens are needed, but only {left:,} are left"
            )
        left -= most
        check(step.question.text)
        answer = model.ask(step.question.text)
        return step._replace(summary=keep(_summary(material, step, answer, now())))

    return complete(step)


def figures_for_claims(sessions: Sequence[Session]) -> Figures:
    """Return the figures that a claim may state, each with the words that may be next to it."""
    counts: Counts = figures_of(sessions)
    found: dict[Decimal, frozenset[str]] = {}

    def add(value: float | Decimal | None, words: str | frozenset[str]) -> None:
        if value is not None:
            number = Decimal(str(value)).normalize()
            more = frozenset(words.split()) if isinstance(words, str) else words
            found[number] = found.get(number, frozenset()) | more

    add(counts.sessions, SESSION_WORDS)
    for status, number in counts.statuses:
        add(number, _STATUS_WORDS[status])
    for _, number in counts.agents:
        add(number, SESSION_WORDS)
    add(len(counts.agents), "agent agents model models")
    sums = (counts.lines_added, counts.lines_removed, counts.commits, counts.duration_min)
    for place, total in enumerate((*sums, counts.tokens_used)):
        for value, words in metric_figures(place, total) if total is not None else ():
            add(value, words)
    if counts.pass_rate is not None:
        add(counts.pass_rate, "%")
        add(round(counts.pass_rate), "%")
    return found


def _step(
    material: Material,
    period: Period,
    sessions: Mapping[Key, Session],
    parts: tuple[Step, ...],
) -> Step:
    question: Question | None = None
    if not parts:
        question = question_about(
            period.name, list(sessions.values()), material.count, material.diffs
        )
    elif all(part.summary is not None for part in parts):
        claims = [
            Claim(claim.text, tuple(s.key for s in claim.cited[:_MOST_KEYS]))
            for part in parts
            if part.summary is not None
            for claim in part.summary.claims[:MOST_CLAIMS]
        ]
        question = question_about_claims(period.name, claims)
    if question is None:
        tokens = material.count(INSTRUCTIONS) + len(parts) * _PART_TOKENS
        return Step(period, sessions, parts, None, tokens, None)
    tokens = material.count(question.text)
    stored = material.stored(period)
    digest = _input(material, question, sessions)
    summary = stored if stored is not None and stored.input == digest else None
    return Step(period, sessions, parts, question, tokens, summary)


def _input(material: Material, question: Question, sessions: Mapping[Key, Session]) -> str:
    digests = [digest_of(material.identities[key]) for key in sessions]
    return input_hash(material.model, question.text, digests)


def _summary(material: Material, step: Step, answer: Answer, now: str) -> Summary:
    """Return the summary to store for an answer."""
    question = step.question
    if question is None:
        raise ValueError("the step has no question to answer")
    result = check_claims(
        decode_answer(answer.text), step.sessions, figures_for_claims(list(step.sessions.values()))
    )
    dropped: Counter[Fault] = Counter(fault for _, fault, _ in result.dropped)
    return Summary(
        period=step.period.name,
        input=_input(material, question, step.sessions),
        model=material.model,
        answered=one_line(answer.model, 100),
        made=now,
        sessions=len(step.sessions),
        cut=question.cut,
        sent=step.tokens,
        input_tokens=answer.input_tokens,
        output_tokens=answer.output_tokens,
        cost_usd=answer.cost_usd,
        dropped=dict(sorted(dropped.items())),
        claims=tuple(_statement(material, claim) for claim in result.kept),
    )


def _statement(material: Material, claim: Claim) -> Statement:
    cited = (Cited(key, digest_of(material.identities[key])) for key in claim.keys)
    return Statement(claim.text, tuple(cited))
