"""Group sessions: tasks that were repeated or reverted, and related work.

A group is what most sessions have in common: a word of their tasks or a folder of their files. The
next group is formed from the remaining sessions, so a session is in one group at most.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import Final, NamedTuple

from codec.kinds import Key
from codec.records import Session
from pipelines.report.period.texts import Listing

MOST_GROUPS: Final = 8
_FEWEST: Final = 3
_REVERTED = re.compile(
    r"(?<![a-z])(?:revert(?:s|ed|ing)?|roll(?:ed|ing)?[- ]?back|back(?:ed|ing)?[- ]out|undo|undid)"
    r"(?![a-z])",
    re.I,
)
#: Each text that the pattern finds has one of them.
_SIGNS: Final = ("revert", "roll", "back", "undo", "undid")
#: Words about the kind of work, not its subject.
_VERBS: Final = frozenset(
    re.findall(
        r"\w+",
        """
    add and bug build change chore clean cleanup code create do docs feat feature finish fix fixed
    for from implement improve in into make more move new of on or part refactor remove rename
    session some support task test tests the to try update use with work
""",
    )
)


class Repeated(NamedTuple):
    """A task with several sessions: its name, and their statuses and keys, oldest first."""

    task: str
    statuses: tuple[str, ...]
    keys: tuple[Key, ...]


class Group(NamedTuple):
    """Sessions with a common word in their tasks (`wording`) or a common folder (`path`)."""

    name: str
    by: str
    keys: tuple[Key, ...]


def repeated(sessions: Sequence[Session], most: int) -> Listing[Repeated]:
    """Return the tasks that several sessions worked on, those with the most sessions first.

    Args:
        sessions: the sessions, oldest first.
        most: the number of tasks to list.
    """
    counts = Counter([session.task for session in sessions])
    several = sorted((-count, task) for task, count in counts.items() if count > 1)
    members: dict[str, list[Session]] = {task: [] for _, task in several[:most]}
    for session in sessions:
        if session.task in members:
            members[session.task].append(session)
    rows = (
        Repeated(task, tuple(s.status for s in found), tuple(s.key for s in found))
        for task, found in members.items()
    )
    return Listing(tuple(rows), len(several))


def reverted(sessions: Sequence[Session]) -> list[Session]:
    """Return the sessions whose task or title names a revert."""
    texts = [f"{session.task} {session.title}" for session in sessions]
    together = "\n".join(texts).lower()
    if not any(sign in together for sign in _SIGNS):
        return []
    return [s for s, text in zip(sessions, texts, strict=True) if _REVERTED.search(text)]


def groups(sessions: Sequence[Session], folders: Mapping[Key, Iterable[str]]) -> list[Group]:
    """Return groups of related sessions, the largest first.

    Args:
        sessions: the sessions, oldest first.
        folders: the folders of the files of each session, by its key.
    """
    words: defaultdict[str, list[int]] = defaultdict(list)
    for place, session in enumerate(sessions):
        for word in set(session.task.split("-")):
            words[word].append(place)
    members = {(True, word): places for word, places in words.items() if _is_subject(word)}
    paths: defaultdict[tuple[bool, str], list[int]] = defaultdict(list)
    for place, session in enumerate(sessions) if folders else ():
        for folder in set(folders.get(session.key, ())):
            paths[False, folder].append(place)
    members |= paths
    # A word that nearly every session has does not distinguish them.
    limit = max(_FEWEST, len(sessions) // 2)
    heap = [
        (-len(places), not is_word, name)
        for (is_word, name), places in members.items()
        if _FEWEST <= len(places) <= limit
    ]
    heapify(heap)
    found: list[Group] = []
    taken: set[int] = set()
    while heap and len(found) < MOST_GROUPS:
        size, is_path, name = heappop(heap)
        left = set(members[not is_path, name]) - taken
        if len(left) == -size:
            keys = tuple(sessions[place].key for place in sorted(left))
            if is_path:
                found.append(Group(name, "path", keys))
            else:
                shared = _shared([sessions[place].task for place in sorted(left)])
                rare = [word for word in shared if len(words[word]) <= limit]
                found.append(Group("-".join(rare), "wording", keys))
            taken |= left
        elif len(left) >= _FEWEST:  # sizes only decrease, so the first that is exact is the largest
            heappush(heap, (-len(left), is_path, name))
    return found


def _shared(tasks: Sequence[str]) -> list[str]:
    """Return the words that all tasks have, in the order of the first."""
    first = tasks[0].split("-")
    common = set(first)
    for task in tasks:
        common.intersection_update(task.split("-"))
        if len(common) == 1:
            break
    return list(dict.fromkeys(word for word in first if word in common))


def _is_subject(word: str) -> bool:
    """Return True if a word can be the subject of a task."""
    return len(word) > 2 and word.isalpha() and word not in _VERBS
