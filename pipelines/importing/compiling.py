"""Compile the events of a transcript into the facts of a session, part by part.

Hooks and `import` share the events and `facts_between`; this module follows the edits as well.
Streams of sub-agents are read together with that of their session, in order of time, because they
edit the same files.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

from codec.agents.edit_events import Edit, State
from codec.agents.file_states import FileStates, Find, States, after_edit, could_precede
from codec.agents.transcript_events import (
    Command,
    Event,
    PartFacts,
    Place,
    Transcript,
    facts_between,
    transcript_of,
)
from pipelines.importing.objects import Objects
from pipelines.importing.parts import Part


class Compiled(NamedTuple):
    """The facts that a transcript states about a part of a session.

    Attributes:
        part: the part.
        figures: its figures, with the task and the model.
        commands: the commands of the session and its sub-agents.
        files: the states of edited files, by path.
        places: the folders in which the session worked.
        helpers: the number of its sub-agents.
        compactions: how often the agent summarized the conversation.
    """

    part: Part
    figures: PartFacts
    commands: tuple[Command, ...]
    files: Mapping[str, FileStates]
    places: tuple[Place, ...]
    helpers: int = 0
    compactions: int = 0

    @property
    def is_empty(self) -> bool:
        """Return True if there was no prompt, and nothing was done."""
        stated = self.figures
        return not (stated.prompt or stated.usage or self.files or self.commands)


class Read(NamedTuple):
    """A transcript that was read: its parts, and records of unknown types by name."""

    parts: list[Compiled]
    unknown: Mapping[str, int]


def compile_session(streams: Sequence[Iterator[Event]], parts: Sequence[Part], find: Find) -> Read:
    """Return the compiled parts of a session.

    Args:
        streams: the streams of the session, and of each sub-agent.
        parts: the parts of the session, in order.
        find: finds the state before an edit that the transcript does not have.
    """
    states = [States(find) for _ in parts]

    def take(edit: Edit) -> None:
        inside = (n for n, p in enumerate(parts) if p.since <= edit.time <= p.until)
        states[next(inside, 0)].take(edit)

    main, *helpers = _transcripts(streams, take)
    commands = tuple(c for t in (main, *helpers) for c in t.commands)
    times = tuple(time for t in (main, *helpers) for time in t.times)
    whole = main._replace(times=times, commands=commands)
    unknown: dict[str, int] = {}
    for transcript in (main, *helpers):
        for name, count in transcript.unknown.items():
            unknown[name] = unknown.get(name, 0) + count
    compiled = [
        Compiled(
            part=part,
            figures=facts_between(whole, helpers, part.since, part.until),
            commands=tuple(c for c in commands if part.since <= c.began <= part.until),
            files=found.files,
            places=main.places,
            helpers=max(len(helpers), len(main.helpers)),
            compactions=main.compactions,
        )
        for part, found in zip(parts, states, strict=True)
    ]
    return Read(compiled, unknown)


def _transcripts(
    streams: Sequence[Iterator[Event]], take: Callable[[Edit], object]
) -> list[Transcript]:
    """Return the transcripts of streams that are read together, in order of time."""
    if len(streams) == 1:
        return [transcript_of(streams[0], take)]
    kept: list[list[Event]] = [[] for _ in streams]
    timed = (_timed(number, stream) for number, stream in enumerate(streams))
    for _, number, event in heapq.merge(*timed, key=itemgetter(0)):
        if isinstance(event, Edit):
            take(event)
        else:
            kept[number].append(event)
    return [transcript_of(events) for events in kept]


def _timed(number: int, events: Iterator[Event]) -> Iterator[tuple[int, int, Event]]:
    """Yield the events of a stream with times that do not decrease."""
    latest = 0
    for event in events:
        latest = max(latest, getattr(event, "time", 0))
        yield latest, number, event


def finder(objects: Objects | None, relative: Callable[[str], str | None]) -> Find:
    """Return a function that finds the state before an edit among a file's versions in git.

    A version is used if the edit proves it, by the place of its lines or by a state after it that
    git has as well, and if it is the only such version.

    Args:
        objects: the objects of the repository.
        relative: returns the path of a file in the repository.
    """
    if objects is None:
        return lambda path, edit: None

    def find(path: str, edit: Edit) -> State | None:
        name = relative(path) if edit.steps else None
        if name is None:
            return None
        fit = [data for data in objects.versions(name) if _precedes(objects, edit, data)]
        return State(fit[0]) if len(fit) == 1 else None

    return find


def _precedes(objects: Objects, edit: Edit, data: bytes) -> bool:
    if could_precede(edit, data):
        return True
    after = after_edit(edit, State(data))[0]
    return after is not None and bool(objects.has([objects.name_of(after.data or b"")]))
