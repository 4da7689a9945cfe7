"""A period report as sections of text, tables and lists, for writers of several formats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from codec.shown_text import counted
from pipelines.report.percentages import in_percent
from pipelines.report.period.content import Content, Entry, Figures, Touched
from pipelines.report.period.texts import Listing, Said

#: The most keys that are cited after one text; `--format json` has all of them.
_SHOWN_KEYS = 3


class Code(str):
    """Text that is written as code: a key, a path, a command."""

    __slots__ = ()


Cell = str | Code


class Table(NamedTuple):
    """A head and its rows; the columns named in `right` have numbers."""

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    right: frozenset[int] = frozenset()


class Items(NamedTuple):
    """A list; each entry has a text and the keys of its sessions."""

    rows: tuple[tuple[Cell, ...], ...]


class Text(NamedTuple):
    """A paragraph."""

    parts: tuple[Cell, ...]


Block = Table | Items | Text


class Section(NamedTuple):
    """A heading and its content."""

    title: str
    blocks: tuple[Block, ...]


class Document(NamedTuple):
    """A page: title, one line about it, sections."""

    title: str
    about: str
    sections: tuple[Section, ...]


def document_of(content: Content, summary: Sequence[Section] = ()) -> Document:
    """Return a period report as a document.

    Args:
        content: the content.
        summary: the sections of a model's summary, which follow the figures.
    """
    c, f = content, content.figures
    period = c.period
    about = f"{period.since} to {period.until}, UTC. {counted(f.sessions, 'session')}"
    if c.private:
        about += f", {c.private:,} of them private: counted, not described"
    if not f.sessions:
        empty = Section("Figures", (Text(("No session is recorded in this period.",)),))
        return Document(f"{c.name}: {period.name}", f"{about}.", (empty,))
    sections = [_figures(c), *summary, *_work(c), *_notes(c), *_files(c), *_storage(c)]
    return Document(f"{c.name}: {period.name}", f"{about}.", tuple(sections))


def headline(content: Content) -> str:
    """Return the outcome of a period in one line."""
    f = content.figures
    rate = "pass rate unknown" if f.pass_rate is None else f"{in_percent(f.pass_rate)} passed"
    return f"{content.period.name}: {counted(f.sessions, 'session')}, {rate}"


def _figures(content: Content) -> Section:
    now, before = content.figures, content.before
    rows: list[tuple[Cell, ...]] = [
        (
            "Sessions",
            f"{now.sessions:,}",
            f"{before.sessions:,}",
            _change(now.sessions, before.sessions),
        ),
        ("Pass rate", _rate(now), _rate(before), _points(now, before)),
    ]
    for (status, count), (_, earlier) in zip(now.statuses, before.statuses, strict=True):
        rows.append((status, f"{count:,}", f"{earlier:,}", _change(count, earlier)))
    for name, field in (
        ("Lines added", "lines_added"),
        ("Lines removed", "lines_removed"),
        ("Commits", "commits"),
        ("Minutes of work", "duration_min"),
        ("Tokens used", "tokens_used"),
    ):
        value, earlier = getattr(now, field), getattr(before, field)
        rows.append((name, _number(value), _number(earlier), _change(value, earlier)))
    head = ("", content.period.name, content.period.before().name, "change")
    agents = Table(
        ("agent", "sessions", "share"),
        tuple((a, f"{n:,}", f"{100 * n / now.sessions:.0f} %") for a, n in now.agents),
        frozenset({1, 2}),
    )
    note = Text(("Unknown numbers are left out of sums; the pass rate leaves out UNKNOWN.",))
    return Section("Figures", (Table(head, tuple(rows), frozenset({1, 2, 3})), note, agents))


def _work(content: Content) -> Iterator[Section]:
    yield from _sessions("Failing and partial", content.failing)
    # The number of all other sessions is not news.
    longest = content.longest._replace(total=len(content.longest.rows))
    yield from _sessions("Longest sessions", longest)
    yield from _sessions("Reverted work", content.reverted)
    if content.repeated.rows:
        rows = tuple(
            (r.task, f"{len(r.keys):,}", " ".join(r.statuses[-6:]), Code(r.keys[-1]))
            for r in content.repeated.rows
        )
        table = Table(("task", "sessions", "newest statuses", "newest"), rows, frozenset({1}))
        yield Section("Repeated tasks", (table, *_rest(content.repeated)))
    if content.groups:
        grouped = tuple(
            (Code(g.name) if g.by == "path" else g.name, g.by, f"{len(g.keys):,}", Code(g.keys[-1]))
            for g in content.groups
        )
        head = ("shared", "found by", "sessions", "newest")
        yield Section("Related work", (Table(head, grouped, frozenset({2})),))


def _sessions(title: str, entries: Listing[Entry]) -> Iterator[Section]:
    if not entries.rows:
        return
    rows = tuple(
        (
            e.title or e.task,
            e.status,
            "unknown" if e.minutes is None else f"{e.minutes:,}",
            e.agent,
            e.notes,
            Code(e.key),
        )
        for e in entries.rows
    )
    head = ("task", "status", "minutes", "agent", "notes", "session")
    yield Section(title, (Table(head, rows, frozenset({2})), *_rest(entries)))


def _notes(content: Content) -> Iterator[Section]:
    for title, said in (
        ("Decisions", content.decisions),
        ("Lessons and notes", content.lessons),
        ("Blockers", content.blockers),
        ("Next steps", content.next_steps),
    ):
        if said.rows:
            yield Section(title, (Items(tuple(map(_said, said.rows))), *_rest(said)))


def _said(said: Said) -> tuple[Cell, ...]:
    keys = said.keys[-_SHOWN_KEYS:]
    more = len(said.keys) - len(keys)
    return (said.text, *map(Code, keys), *((f"and {more:,} more",) if more else ()))


def _files(content: Content) -> Iterator[Section]:
    for title, head, touched in (
        ("Folders most worked on", "folder", content.folders),
        ("Files most worked on", "file", content.files),
    ):
        if touched.rows:
            table = Table(
                (head, "changed lines", "sessions"),
                tuple(map(_touched, touched.rows)),
                frozenset({1, 2}),
            )
            yield Section(title, (table, *_rest(touched)))
    if content.unread:
        text = (
            f"The files of {counted(content.unread, 'session')} are unknown: "
            "their diffs are not stored on this machine."
        )
        yield Section("Files that are unknown", (Text((text,)),))


def _touched(touched: Touched) -> tuple[Cell, ...]:
    return Code(touched.path), f"{touched.lines:,}", f"{touched.sessions:,}"


def _storage(content: Content) -> Iterator[Section]:
    blocks: list[Block] = []
    if content.saved:
        s = content.saved
        percent = 100 * (s.before - s.after) / s.before if s.before else 0.0
        text = (
            f"{counted(s.sessions, 'migrated session')}: {s.before:,} tokens in the v1 log, "
            f"{s.after:,} as delta lines ({in_percent(percent)} less)."
        )
        blocks.append(Text((text,)))
    if content.archives:
        rows = tuple(
            (
                Code(a.fact.name),
                f"{len(a.fact.keys):,}",
                f"{a.fact.size:,}",
                "yes" if a.here else "no",
            )
            for a in content.archives
        )
        head = ("archive", "diffs", "bytes", "on this machine")
        blocks.append(Table(head, rows, frozenset({1, 2})))
    if blocks:
        yield Section("Tokens saved, archives", tuple(blocks))


def _rest(listing: Listing[Any]) -> Iterable[Text]:
    more = listing.total - len(listing.rows)
    return (Text((f"{more:,} more are not listed.",)),) if more > 0 else ()


def _number(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}"


def _rate(figures: Figures) -> str:
    return "unknown" if figures.pass_rate is None else in_percent(figures.pass_rate)


def _points(now: Figures, before: Figures) -> str:
    if now.pass_rate is None or before.pass_rate is None:
        return "-"
    return f"{now.pass_rate - before.pass_rate:+.1f} points"


def _change(now: int | None, before: int | None) -> str:
    return "-" if now is None or before is None else f"{now - before:+,}"
