"""Find and read sessions in Markdown: those of SpecStory and of aider.

1. They are in the repository: `.specstory/history/*.md` with one session in a file, and
   `.aider.chat.history.md` with one chat after another. Links are reported and not followed,
   because a clone may contain them.
2. SpecStory names the agent's session, which its transcript or a hook may have recorded already: it
   is the same session. Of several files about one session, the longest is read.
3. Times of aider have no zone: this machine's is used, and a note reports it.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import IO, Final

from codec.agents.aider_history import STARTED, read_aider
from codec.agents.specstory_markdown import read_specstory, specstory_head
from codec.agents.transcript_events import Event
from pipelines.importing.agents import Agent, Reading, Search, Source
from pipelines.importing.lines import (
    damaged,
    files_below,
    lines,
    linked,
    opened,
    read_errors,
    unreadable,
)
from pipelines.outcomes.findings import Finding

_HISTORY: Final = os.path.join(".specstory", "history")
_SPECSTORY: Final = re.compile(r".+\.md")
_AIDER_NAME: Final = ".aider.chat.history.md"
_AIDER: Final = re.compile(re.escape(_AIDER_NAME))
_HEAD_LINES: Final = 200
_NAMED: Final = 16


def specstory_agent() -> Agent:
    """Return the description of SpecStory."""
    return Agent(
        name="specstory",
        program="specstory",
        folders=lambda worktrees: [os.path.join(top, _HISTORY) for top in worktrees],
        find=_find_specstory,
        events=lambda source, reading: [
            read_specstory(_texts(source, reading.findings), source.time)
        ],
    )


def aider_agent() -> Agent:
    """Return the description of aider."""
    return Agent(
        name="aider",
        program="aider",
        folders=lambda tops: [os.path.join(top, _AIDER_NAME) for top in tops],
        find=_find_aider,
        events=_aider_events,
    )


def _find_specstory(places: list[str]) -> Search:
    findings: list[Finding] = []
    found: dict[str, tuple[int, Source]] = {}
    for path in _paths(places, _SPECSTORY, findings):
        try:
            with opened(path) as f:
                size = os.fstat(f.fileno()).st_size
                head = specstory_head(_decoded(line) for line in islice(lines(f), _HEAD_LINES))
        except read_errors() as e:
            findings.append(unreadable(path, e))
            continue
        if head is None or not head.time:
            if os.path.dirname(path).endswith(_HISTORY) and size:
                findings.append(unreadable(path, OSError("no SpecStory heading states a time")))
            continue
        name = head.session_id or _name("specstory", str(head.time), head.prompt)
        source = Source(
            agent="specstory",
            session_id=name,
            paths=(path,),
            folder=_folder_above(path),
            time=head.time,
            is_text=True,
            has_times=head.has_times,
        )
        if name not in found or found[name][0] < size:
            found[name] = (size, source)
    return Search([source for _, source in found.values()], findings)


def _folder_above(path: str) -> str:
    """Return the folder that contains SpecStory's history folder; empty for a file elsewhere."""
    folder, history = os.path.dirname(path), f"{os.sep}{_HISTORY}"
    return folder.removesuffix(history) if folder.endswith(history) else ""


def _find_aider(places: list[str]) -> Search:
    findings: list[Finding] = []
    sources: list[Source] = []
    for path in _paths(places, _AIDER, findings):
        try:
            with opened(path) as f:
                found = list(_chats(path, f, findings))
                is_history = bool(found) or not os.fstat(f.fileno()).st_size
        except read_errors() as e:
            findings.append(unreadable(path, e))
            continue
        sources += found
        if found:
            findings.append(_local(path))
        elif not is_history and _AIDER.fullmatch(os.path.basename(path)):
            findings.append(unreadable(path, OSError("no line states when a chat started")))
    return Search(sources, findings)


def _chats(path: str, f: IO[bytes], findings: list[Finding]) -> Iterator[Source]:
    """Yield the chats in a history; a chat is identified by its time and its first prompt."""
    is_own = _AIDER.fullmatch(os.path.basename(path)) is not None
    started: tuple[str, tuple[int, int]] | None = None
    at = 0
    for number, line in enumerate(lines(f)):
        text = _decoded(line).rstrip()
        if m := STARTED.fullmatch(text):
            started = (m["time"], (at, number))
        elif started is not None and text.startswith("#### "):
            moment = _moment(started[0])
            if moment:
                yield Source(
                    agent="aider",
                    session_id=_name("aider", started[0], text),
                    paths=(path,),
                    folder=os.path.dirname(path) if is_own else "",
                    time=moment,
                    is_shared=True,
                    start=started[1],
                    has_times=False,
                )
            else:
                findings.append(damaged(path, "without a valid time", [started[1][1] + 1]))
            started = None
        at = f.tell()


def _moment(text: str) -> int:
    """Return a local time in milliseconds since 1970; 0 if there is no such time."""
    try:
        return max(int(time.mktime(time.strptime(text, "%Y-%m-%d %H:%M:%S"))) * 1000, 0)
    except (ValueError, OverflowError):
        return 0


def _aider_events(source: Source, reading: Reading) -> list[Iterator[Event]]:
    def chat() -> Iterator[str]:
        texts = _texts(source, reading.findings)
        next(texts, "")  # the line that starts it
        for text in texts:
            if STARTED.fullmatch(text.rstrip()):
                return
            yield text

    return [read_aider(chat(), source.time, source.folder)]


def _texts(source: Source, findings: list[Finding]) -> Iterator[str]:
    """Yield the lines of a session; text that cannot be decoded becomes a finding."""
    path = source.paths[0]
    problems: dict[str, list[int]] = {}
    try:
        with opened(path) as f:
            offset, before = source.start
            f.seek(offset)
            for number, line in enumerate(lines(f), before + 1):
                if line is None:
                    problems.setdefault("too long", []).append(number)
                    continue
                text = _decoded(line)
                if not text.isascii() and max(text) >= "\udc80" and _is_broken(text):
                    problems.setdefault("not UTF-8", []).append(number)
                yield text
    except read_errors() as e:
        findings.append(unreadable(path, e))
    findings += [damaged(path, kind, numbers) for kind, numbers in problems.items()]


def _decoded(line: bytes | None) -> str:
    return line.decode(errors="surrogateescape") if line is not None else ""


def _is_broken(text: str) -> bool:
    return any("\udc80" <= c <= "\udcff" for c in text)


def _name(agent: str, *parts: str) -> str:
    """Return the name for a session without one."""
    data = "\n".join(parts).encode(errors="surrogateescape")
    return f"{agent}-{hashlib.sha256(data).hexdigest()[:_NAMED]}"


def _paths(places: Sequence[str], name: re.Pattern[str], findings: list[Finding]) -> Iterator[str]:
    """Yield the files in some places, each once; links in a repository are not followed."""
    seen: set[str] = set()
    for place in places:
        own = [place] if os.path.basename(place) == _AIDER_NAME else []
        if place.endswith(_HISTORY):
            own = [place, os.path.dirname(place)]
        if any(map(os.path.islink, own)):
            findings.append(linked(place))
            continue
        for path in files_below(place, name, findings):
            real = os.path.realpath(path)
            if real not in seen:
                seen.add(real)
                yield path


def _local(path: str) -> Finding:
    return Finding(
        code="transcript-local-time",
        message=f"its times have no zone and are read in this machine's zone, {time.tzname[0]}",
        level="note",
        file=path,
    )
