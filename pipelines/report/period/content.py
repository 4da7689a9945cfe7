"""Compute the content of a period report from facts, without a model.

1. Figures are those of `query`: they come from the rows of the deltas, unknown numbers are left out
   of sums, a sum without known numbers is null, and 0 tokens used are unknown.
2. Texts come from the manifest. A session is private if its texts were removed on purpose, or if it
   changes a path of `[private] paths`: it is counted, and not shown.
3. Lists are cut to their first entries; the number of all entries is stated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

from codec.kinds import Key
from codec.periods import Period
from codec.records import Session
from codec.v2.deltas import delta_of, encode_delta
from pipelines.diffs.local_archives import Listed
from pipelines.report.period.groups import Group, Repeated, groups, repeated, reverted
from pipelines.report.period.texts import Listing, Said, said_in

MOST_FILES: Final = 10
MOST_TASKS: Final = 10
MOST_TEXTS: Final = 12
#: Fields of metrics that are numbers; they are the first.
_NUMBERS: Final = 5
STATUS_ORDER: Final = ("PASS", "PARTIAL", "FAIL", "UNKNOWN")

T = TypeVar("T")


class Figures(NamedTuple):
    """The figures of a period; None if a number is unknown for all sessions.

    Attributes:
        sessions: the number of sessions.
        agents: the number of sessions by agent, the largest first.
        statuses: the number of sessions by status, in `STATUS_ORDER`.
        lines_added, lines_removed, commits, duration_min, tokens_used: sums of the known values.
    """

    sessions: int
    agents: tuple[tuple[str, int], ...]
    statuses: tuple[tuple[str, int], ...]
    lines_added: int | None
    lines_removed: int | None
    commits: int | None
    duration_min: int | None
    tokens_used: int | None

    @property
    def pass_rate(self) -> float | None:
        """Return the percentage of PASS among sessions with a known status; None without any."""
        counts = dict(self.statuses)
        known = self.sessions - counts["UNKNOWN"]
        return round(100 * counts["PASS"] / known, 1) if known else None


class Touched(NamedTuple):
    """A file or folder: changed lines, and the sessions that changed it."""

    path: str
    lines: int
    sessions: int


class Entry(NamedTuple):
    """A session in a list."""

    key: Key
    agent: str
    task: str
    title: str
    status: str
    minutes: int | None
    notes: str


class Saved(NamedTuple):
    """The tokens of sessions in their v1 log, and of their delta lines now.

    Attributes:
        sessions: the number of migrated sessions whose tokens were counted.
        before, after: the tokens.
    """

    sessions: int
    before: int
    after: int


class Content(NamedTuple):
    """A period report.

    Attributes:
        name: the name of the workspace.
        period: the period.
        figures, before: the figures of the period, and of the period before it.
        private: the number of sessions that are counted but not shown.
        files, folders: files and folders, those with the most changed lines first.
        unread: the number of sessions with a patch whose files are unknown.
        longest, failing, reverted: sessions.
        repeated: tasks with several sessions.
        groups: the groups of related sessions.
        decisions, lessons, blockers, next_steps: statements in notes.
        saved: the tokens; None if no session of the period was migrated.
        archives: the archives with diffs of the months of the period.
    """

    name: str
    period: Period
    figures: Figures
    before: Figures
    private: int
    files: Listing[Touched]
    folders: Listing[Touched]
    unread: int
    longest: Listing[Entry]
    failing: Listing[Entry]
    reverted: Listing[Entry]
    repeated: Listing[Repeated]
    groups: tuple[Group, ...]
    decisions: Listing[Said]
    lessons: Listing[Said]
    blockers: Listing[Said]
    next_steps: Listing[Said]
    saved: Saved | None
    archives: tuple[Listed, ...]


class Source(NamedTuple):
    """The input of a period report.

    Attributes:
        name: the name of the workspace.
        period: the period.
        sessions: the sessions of the period, with the figures of their rows, oldest first.
        before: the sessions of the period before.
        private: the keys of sessions whose texts are not shown.
        files: the changed lines of each file, by session key.
        archives: the archives of the workspace.
    """

    name: str
    period: Period
    sessions: Sequence[Session]
    before: Sequence[Session]
    private: frozenset[Key]
    files: Mapping[Key, Mapping[str, int]]
    archives: Sequence[Listed]


def content_of(source: Source, tokenizer: str, count: Callable[[str], int]) -> Content:
    """Return the content of a period report.

    Args:
        source: the input.
        tokenizer: the name of the tokenizer that counted the v1 entries.
        count: returns the number of tokens of a text.
    """
    public = [s for s in source.sessions if s.key not in source.private]
    files = {s.key: source.files[s.key] for s in public if s.key in source.files}
    folders = {key: set(map(_folder, touched)) - {""} for key, touched in files.items()}
    said = said_in(public, MOST_TEXTS)
    return Content(
        name=source.name,
        period=source.period,
        figures=figures_of(source.sessions),
        before=figures_of(source.before),
        private=len(source.sessions) - len(public),
        files=_listing(_touched(files, lambda path: path), MOST_FILES),
        folders=_listing(_touched(files, _folder), MOST_FILES),
        unread=sum(s.patch is not None and s.key not in files for s in public),
        longest=_longest(public),
        failing=_entries(_failing(public)),
        reverted=_entries(reverted(public)),
        repeated=repeated(public, MOST_TASKS),
        groups=tuple(groups(public, folders)),
        decisions=said["decisions"],
        lessons=said["lessons"],
        blockers=said["blockers"],
        next_steps=said["next"],
        saved=_saved(source.sessions, tokenizer, count),
        archives=tuple(a for a in source.archives if _is_of(a.fact.month, source.period)),
    )


def figures_of(sessions: Sequence[Session]) -> Figures:
    """Return the figures of sessions."""
    agents = Counter([s.agent for s in sessions])
    statuses = Counter([s.status for s in sessions])
    columns = tuple(zip(*[s.metrics for s in sessions], strict=True)) or ((),) * _NUMBERS
    added, removed, commits, minutes, tokens = columns[:_NUMBERS]
    return Figures(
        sessions=len(sessions),
        agents=tuple(sorted(agents.items(), key=lambda a: (-a[1], a[0]))),
        statuses=tuple((status, statuses[status]) for status in STATUS_ORDER),
        lines_added=_sum(added),
        lines_removed=_sum(removed),
        commits=_sum(commits),
        duration_min=_sum(minutes),
        tokens_used=_sum(tokens),
    )


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _listing(rows: Sequence[T], most: int) -> Listing[T]:
    return Listing(tuple(rows[:most]), len(rows))


def _entries(sessions: Sequence[Session]) -> Listing[Entry]:
    return Listing(tuple(map(_entry, sessions[:MOST_TASKS])), len(sessions))


def _entry(session: Session) -> Entry:
    return Entry(
        key=session.key,
        agent=session.agent,
        task=session.task,
        title=session.title,
        status=session.status,
        minutes=session.metrics.duration_min,
        notes=session.notes,
    )


def _longest(sessions: Sequence[Session]) -> Listing[Entry]:
    minutes = [s.metrics.duration_min or 0 for s in sessions]
    known = sorted(filter(None, minutes))
    least = known[-MOST_TASKS:][0] if known else 1
    long = [(-m, s.key, s) for m, s in zip(minutes, sessions, strict=True) if m >= least]
    rows = (_entry(session) for _, _, session in sorted(long)[:MOST_TASKS])
    return Listing(tuple(rows), len(known))


def _failing(sessions: Sequence[Session]) -> list[Session]:
    """Return failed sessions, then partial ones, the newest first."""
    failed = [s for s in reversed(sessions) if s.status in ("FAIL", "PARTIAL")]
    return sorted(failed, key=lambda s: s.status != "FAIL")


def _touched(
    files: Mapping[Key, Mapping[str, int]], name_of: Callable[[str], str]
) -> list[Touched]:
    lines: Counter[str] = Counter()
    sessions: Counter[str] = Counter()
    for touched in files.values():
        for path, changed in touched.items():
            lines[name_of(path)] += changed
        sessions.update({name_of(path) for path in touched})
    found = [Touched(path, lines[path], sessions[path]) for path in sessions if path]
    return sorted(found, key=lambda t: (-t.lines, t.path))


def _folder(path: str) -> str:
    """Return the folder of a file, at most two levels deep; empty for a file at the top."""
    return "/".join(path.split("/")[:-1][:2])


def _saved(
    sessions: Iterable[Session], tokenizer: str, count: Callable[[str], int]
) -> Saved | None:
    counted = [(s, s.v1.tokens[tokenizer]) for s in sessions if s.v1 and tokenizer in s.v1.tokens]
    if not counted:
        return None
    after = sum(count(f"{encode_delta(delta_of(s))}\n") for s, _ in counted)
    return Saved(len(counted), sum(tokens for _, tokens in counted), after)


def _is_of(month: str, period: Period) -> bool:
    return period.since[:7] <= month <= period.until[:7]
