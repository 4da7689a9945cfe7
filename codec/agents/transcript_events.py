"""The events of a session, in one form for all agents.

Readers of transcripts give these events; `told_between` sums up a part of them. Times are
milliseconds since 1970, 0 where a transcript has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

#: A pause in which nothing is written and no command runs does not count as work if it is longer.
PAUSE_LIMIT: Final = 5 * 60_000
_MINUTE: Final = 60_000


class Prompt(NamedTuple):
    """A prompt, without the text that the agent added.

    Attributes:
        time: when.
        text: empty for one that is not a task, such as `/compact`.
        fallback: the name of a slash command that was given no arguments.
    """

    time: int
    text: str
    fallback: str = ""


class Answer(NamedTuple):
    """A model answered.

    Attributes:
        time: when.
        id: the agent's name of the answer; one answer may be written several times.
        model: that answered, empty if unknown.
        tokens: read and written; tokens from a cache are left out; None if unknown.
    """

    time: int
    id: str
    model: str = ""
    tokens: int | None = None


class Command(NamedTuple):
    """A command that an agent ran.

    Attributes:
        began, ended: when; the end is 0 if the transcript does not have it.
        text: the command.
        output: what it printed.
        commits: hashes of commits that the agent noted itself, whole or abbreviated.
    """

    began: int
    ended: int
    text: str
    output: str = ""
    commits: tuple[str, ...] = ()


class Transcript(NamedTuple):
    """A transcript, read.

    Attributes:
        prompts, answers, commands: in the order of the transcript.
        times: of all lines, in their order.
    """

    prompts: tuple[Prompt, ...] = ()
    answers: tuple[Answer, ...] = ()
    commands: tuple[Command, ...] = ()
    times: tuple[int, ...] = ()


class Told(NamedTuple):
    """The facts that a transcript states about a part of a session; empty or None if unknown.

    Attributes:
        prompt: the first task.
        model: that answered last.
        tokens: spent.
        work: milliseconds of work.
        last: the time of the last line.
    """

    prompt: str = ""
    model: str = ""
    tokens: int | None = None
    work: int | None = None
    last: int = 0


def told_between(main: Transcript, helpers: Iterable[Transcript], since: int, until: int) -> Told:
    """Sum up the events of a part of a session.

    Args:
        main: the transcript of the session.
        helpers: those of its sub-agents: their tokens count, their prompts are not a person's.
        since: the part begins here; lines without a time belong to every part.
        until: it ends here.
    """

    def is_within(time: int) -> bool:
        return time == 0 or since <= time <= until

    prompts = [p for p in main.prompts if is_within(p.time)]
    texts = (p.text for p in prompts if p.text)
    names = (p.fallback for p in prompts if p.fallback)
    answers = [a for a in main.answers if is_within(a.time)]
    spent = _spent(answers)
    for helper in helpers:
        more = _spent([a for a in helper.answers if is_within(a.time)])
        spent = spent if more is None else (spent or 0) + more
    times = [t for t in main.times if t and is_within(t)]
    return Told(
        prompt=next(texts, "") or next(names, ""),
        model=next((a.model for a in reversed(answers) if a.model), ""),
        tokens=spent,
        work=_work(times, main.commands) if times else None,
        last=max(times, default=0),
    )


def minutes(work: int) -> int:
    """Return milliseconds as minutes."""
    return round(work / _MINUTE)


def _spent(answers: Iterable[Answer]) -> int | None:
    """Return the tokens of answers, each counted once, by the highest figure that it was given."""
    spent: dict[str, int] = {}
    for answer in answers:
        if answer.tokens is not None:
            name = answer.id or f"#{len(spent)}"
            spent[name] = max(answer.tokens, spent.get(name, 0))
    return sum(spent.values()) if spent else None


def _work(times: Sequence[int], commands: Sequence[Command]) -> int:
    """Return the time in which something happened: no long pauses, but long commands."""
    ordered = sorted(times)
    work = 0
    for before, after in pairwise(ordered):
        running = any(c.began <= before and after <= c.ended for c in commands)
        if after - before <= PAUSE_LIMIT or running:
            work += after - before
    return work
