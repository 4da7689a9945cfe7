"""The events of a session, in one form for all agents.

1. A reader of an agent's format yields events; `transcript_of` collects them. Hooks and `import`
   use only these events, so a new agent needs a reader and nothing else.
2. Events are yielded as they are found, not by time. Only the edits of one file must be in the
   order in which they were made.
3. Times are milliseconds since 1970, 0 where a transcript has none.
4. A record of an unknown type becomes an `Unknown`; it is never dropped silently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Final, NamedTuple

from codec.agents.edit_events import Edit
from codec.agents.prompts import task_in

#: A longer pause without any line or running command does not count as work.
PAUSE_LIMIT: Final = 5 * 60_000
#: The characters of a command's output that are kept: its beginning and its end.
OUTPUT_LIMIT: Final = 8192
_MINUTE: Final = 60_000


class Line(NamedTuple):
    """A line of the transcript, which shows that the agent was at work."""

    time: int


class Place(NamedTuple):
    """The place in which an agent works, as far as its transcript states it.

    Attributes:
        time: the time from which it works there.
        folder: absolute path of the current folder.
        branch: the branch of git.
        commit: HEAD.
        remote: URL of the repository.
    """

    time: int
    folder: str
    branch: str = ""
    commit: str = ""
    remote: str = ""


class Prompt(NamedTuple):
    """A prompt, without the text that the agent added.

    Attributes:
        time: the time of the prompt.
        text: its words (`prompts.words_of`); empty if it is not a task, such as `/compact`.
        fallback: the name of a slash command that was given no arguments.
    """

    time: int
    text: str
    fallback: str = ""


class Usage(NamedTuple):
    """Tokens by class; the four do not overlap.

    Attributes:
        input: tokens that were read, neither from a cache nor into one.
        output: tokens that were written, reasoning included.
        cache_write: tokens that were read and written into a cache.
        cache_read: tokens that were read from a cache.
    """

    input: int = 0
    output: int = 0
    cache_write: int = 0
    cache_read: int = 0

    @property
    def spent(self) -> int:
        """Return the tokens that were read and written, without those read from a cache."""
        return self.input + self.output + self.cache_write

    def plus(self, other: Usage) -> Usage:
        """Return the sum of two usages."""
        return Usage(*(a + b for a, b in zip(self, other, strict=True)))


class Answer(NamedTuple):
    """An answer of a model.

    Attributes:
        time: the time of the answer.
        id: the agent's id of the answer; one answer may be written several times.
        model: the model that answered; empty if unknown.
        usage: tokens; None if unknown.
    """

    time: int
    id: str
    model: str = ""
    usage: Usage | None = None


class Command(NamedTuple):
    """A command that an agent ran.

    Attributes:
        began, ended: the times; the end is 0 if the transcript does not have it.
        text: the command.
        output: what it printed; of a long output the beginning and the end.
        commits: hashes of the commits that the agent recorded itself, whole or abbreviated.
        exit_code: None if unknown.
    """

    began: int
    ended: int
    text: str
    output: str = ""
    commits: tuple[str, ...] = ()
    exit_code: int | None = None


class Compaction(NamedTuple):
    """The agent summarized the conversation so far."""

    time: int


class Helper(NamedTuple):
    """The start of a sub-agent; `id` is the id that the agent gave it."""

    time: int
    id: str


class Unknown(NamedTuple):
    """A record of a type that the reader does not know."""

    name: str


Event = Line | Place | Prompt | Answer | Command | Edit | Compaction | Helper | Unknown


class Transcript(NamedTuple):
    """The collected events of a transcript.

    Attributes:
        prompts, answers, commands, places: in the order of the transcript.
        times: the times of all lines, in their order.
        compactions: how often the agent summarized the conversation.
        helpers: the ids of sub-agents.
        unknown: records of unknown types, counted by name.
    """

    prompts: tuple[Prompt, ...] = ()
    answers: tuple[Answer, ...] = ()
    commands: tuple[Command, ...] = ()
    times: tuple[int, ...] = ()
    places: tuple[Place, ...] = ()
    compactions: int = 0
    helpers: tuple[str, ...] = ()
    unknown: Mapping[str, int] = MappingProxyType({})


class PartFacts(NamedTuple):
    """The facts that a transcript states about a part of a session; empty or None if unknown.

    Attributes:
        prompt: the first task.
        model: the model that answered last.
        usage: tokens by class.
        work: the time of work, in milliseconds.
        first, last: the times of the first and the last line.
    """

    prompt: str = ""
    model: str = ""
    usage: Usage | None = None
    work: int | None = None
    first: int = 0
    last: int = 0

    @property
    def tokens(self) -> int | None:
        """Return the tokens that were spent; None if unknown."""
        return self.usage.spent if self.usage is not None else None


def transcript_of(
    events: Iterable[Event], take_edit: Callable[[Edit], object] = lambda _: None
) -> Transcript:
    """Collect the events of a transcript.

    Args:
        events: the events of one reader.
        take_edit: is called with each edit, in order; edits hold whole files and are not kept.
    """
    prompts: list[Prompt] = []
    answers: list[Answer] = []
    commands: list[Command] = []
    places: list[Place] = []
    times: list[int] = []
    helpers: dict[str, None] = {}
    unknown: dict[str, int] = {}
    compactions = 0
    for event in events:
        match event:
            case Line():
                times.append(event.time)
            case Answer():
                answers.append(event)
            case Command():
                commands.append(event)
            case Edit():
                take_edit(event)
            case Prompt():
                prompts.append(event)
            case Place():
                places.append(event)
            case Helper():
                helpers[event.id] = None
            case Compaction():
                compactions += 1
            case Unknown():
                unknown[event.name] = unknown.get(event.name, 0) + 1
    return Transcript(
        tuple(prompts), tuple(answers), tuple(commands), tuple(times), tuple(places),
        compactions, tuple(helpers), unknown,
    )  # fmt: skip


def facts_between(
    main: Transcript, helpers: Iterable[Transcript], since: int, until: int
) -> PartFacts:
    """Sum up the events of a part of a session.

    Args:
        main: the transcript of the session.
        helpers: the transcripts of its sub-agents: their tokens count, their prompts do not.
        since: the beginning of the part; lines without a time belong to every part.
        until: the end of the part.
    """

    def is_within(time: int) -> bool:
        return time == 0 or since <= time <= until

    prompts = [p for p in main.prompts if is_within(p.time)]
    texts = (p.text for p in prompts if p.text)
    names = (p.fallback for p in prompts if p.fallback)
    answers = [a for a in main.answers if is_within(a.time)]
    more = [a for helper in helpers for a in helper.answers if is_within(a.time)]
    times = [t for t in main.times if t and is_within(t)]
    return PartFacts(
        prompt=task_in(next(texts, "")) or next(names, ""),
        model=next((a.model for a in reversed(answers) if a.model), ""),
        usage=usage_of([*answers, *more]),
        work=_work(times, main.commands) if times else None,
        first=min(times, default=0),
        last=max(times, default=0),
    )


def minutes(work: int) -> int:
    """Return the minutes in some milliseconds, rounded."""
    return round(work / _MINUTE)


def output_head(text: str) -> str:
    """Return the part of a command's output that an event keeps."""
    if len(text) <= OUTPUT_LIMIT:
        return text
    half = OUTPUT_LIMIT // 2
    return f"{text[:half]}\n{text[-half:]}"


def usage_of(answers: Iterable[Answer]) -> Usage | None:
    """Return the tokens of answers; a repeated answer counts once, with its highest usage."""
    spent: dict[str, Usage] = {}
    for answer in answers:
        if answer.usage is not None:
            name = answer.id or f"#{len(spent)}"
            spent[name] = max(answer.usage, spent.get(name, answer.usage), key=sum)
    total = Usage()
    for usage in spent.values():
        total = total.plus(usage)
    return total if spent else None


def _work(times: Iterable[int], commands: Iterable[Command]) -> int:
    """Return the milliseconds of work: long pauses do not count, long commands do."""
    long = [c for c in commands if c.ended - c.began > PAUSE_LIMIT]
    work = 0
    for before, after in pairwise(sorted(times)):
        running = after - before > PAUSE_LIMIT and any(
            c.began <= before and after <= c.ended for c in long
        )
        if after - before <= PAUSE_LIMIT or running:
            work += after - before
    return work
