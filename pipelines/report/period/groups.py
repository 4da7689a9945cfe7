"""Group sessions: tasks that were repeated or reverted, and related work.

A group is what most sessions have in common: a word of their tasks or a folder of their files. The
next group is formed from the remaining sessions, so a session is in one group at most.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from codec.kinds import Key
from codec.records import Session

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


def repeated(sessions: Iterable[Session]) -> list[Repeated]:
    """Return the tasks that several sessions worked on, those with the most sessions first.

    Args:
        sessions: the sessions, oldest first.
    """
    tasks: defaultdict[str, list[Session]] = defaultdict(list)
    for session in sessions:
        tasks[session.task].append(session)
    found = [
        Repeated(task, tuple(s.status for s in members), tuple(s.key for s in members))
        for task, members in tasks.items()
        if len(members) > 1
    ]
    return sorted(found, key=lambda r: (-len(r.keys), r.task))


def reverted(sessions: Iterable[Session]) -> list[Session]:
    """Return the sessions whose task or title names a revert."""
    sessions = list(sessions)
    together = "\n".join([f"{s.task} {s.title}" for s in sessions]).lower()
    if not any(sign in together for sign in _SIGNS):
        return []
    return [s for s in sessions if _REVERTED.search(f"{s.task} {s.title}")]


def groups(sessions: Sequence[Session], folders: Mapping[Key, Iterable[str]]) -> list[Group]:
    """Return groups of related sessions, the largest first.

    Args:
        sessions: the sessions, oldest first.
        folders: the folders of the files of each session, by its key.
    """
    words: defaultdict[str, list[Key]] = defaultdict(list)
    paths: defaultdict[str, list[Key]] = defaultdict(list)
    for session in sessions:
        for word in set(session.task.split("-")):
            words[word].append(session.key)
        for folder in folders.get(session.key, ()):
            paths[folder].append(session.key)
    members = {("wording", word): keys for word, keys in words.items() if _is_subject(word)}
    members |= {("path", folder): keys for folder, keys in paths.items()}
    found: list[Group] = []
    taken: set[Key] = set()
    # A word that nearly every session has does not distinguish them.
    limit = max(_FEWEST, len(sessions) // 2)
    open_features = {f: keys for f, keys in members.items() if _FEWEST <= len(keys) <= limit}
    while open_features and len(found) < MOST_GROUPS:
        best = min(open_features, key=lambda f: (-len(open_features[f]), f[0] != "wording", f[1]))
        keys = open_features.pop(best)
        found.append(Group(best[1], best[0], tuple(keys)))
        taken.update(keys)
        rest = {f: [k for k in keys if k not in taken] for f, keys in open_features.items()}
        open_features = {f: keys for f, keys in rest.items() if len(keys) >= _FEWEST}
    return found


def _is_subject(word: str) -> bool:
    """Return True if a word can be the subject of a task."""
    return len(word) > 2 and word.isalpha() and word not in _VERBS
