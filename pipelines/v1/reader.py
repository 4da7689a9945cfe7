"""Split a v1 log and read its entries: the first stages of a migration.

1. An entry that the workspace already has is recognized by its hash and not read again.
2. The worker counts tokens while the entries are read.
3. Text that is not a session is counted, reported, and kept in the log's layout.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Container
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from codec.kinds import Sha256
from codec.patches.diff_stat import DiffStat, diff_stat
from codec.records import PatchRef
from codec.shown_text import counted
from codec.v1.dialects import Dialects
from codec.v1.entry import Entry, entry_hash, read_entry
from codec.v1.purged_text import gaps_in, is_gap
from codec.v1.split import Span, split
from codec.v1.text import LineNumbers, decode_text
from pipelines.outcomes.findings import Finding
from pipelines.outcomes.progress import Progress
from pipelines.system.worker.client import Worker
from pipelines.v1.beside import Counted, Range, count_runs, open_log
from pipelines.v1.source import Source
from pipelines.v1.suspects import SUSPECTS

#: The bytes of a log's own rules that are kept for the references.
RULES_LIMIT: Final = 1 << 16
_BATCH_BYTES = 1 << 20
#: An item of a list that begins with a date.
_DATED_ITEM = re.compile(
    rb"^(?:[-*+]|\d{1,3}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?[*\[(]{0,3}20\d\d[-/.]\d\d?[-/.]\d\d?\b",
    re.M,
)
_BLANK = b"\xef\xbb\xbf \t\r\n"


class Found(NamedTuple):
    """A session that was found in a log.

    Attributes:
        start: the byte offset of its heading.
        sha256: the hash of its entry.
        patch: the hash and size of its patch; None without a patch.
        patch_at: the start and end of the patch in the log.
        order: the number of its span in the log, which identifies its counts.
        gaps: the purged diffs whose gaps a restored log marks in it.
    """

    start: int
    sha256: Sha256
    patch: PatchRef | None
    patch_at: tuple[int, int]
    order: int
    gaps: tuple[PatchRef, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A part of a log that is not a session and is kept: its offset, and its first words."""

    start: int
    text: str
    after_sessions: bool


class Counts:
    """The token counts of a log's spans, in order; reading one waits for the worker."""

    def __init__(self, opened: Future[None]) -> None:
        self._opened = opened
        self._asked: deque[tuple[list[int], Future[list[Counted]]]] = deque()
        self._counted: dict[int, Counted] = {}

    def add(self, orders: list[int], counting: Future[list[Counted]]) -> None:
        """Add a batch of spans that the worker is counting."""
        self._asked.append((orders, counting))

    def __getitem__(self, order: int) -> Counted:
        while order not in self._counted:
            self._wait()
        return self._counted[order]

    def total(self) -> Counted:
        """Return the counts of all spans together."""
        while self._asked:
            self._wait()
        every = self._counted.values()
        return Counted(sum(c.tokens for c in every), sum(c.words for c in every))

    def _wait(self) -> None:
        """Wait for the counts of the oldest batch."""
        self._opened.result()
        orders, counting = self._asked.popleft()
        self._counted.update(zip(orders, counting.result(), strict=True))


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadLog:
    """A v1 log that was read.

    Attributes:
        source: the log.
        sha256: the SHA-256 of the whole file.
        found: its sessions, in file order.
        entries: the new entries and the line counts of their patches, by hash; mapping an entry
            removes it.
        sections: the other parts of the log.
        rules: the bytes of these parts, up to `RULES_LIMIT`.
        templates: the number of headings that are quoted or are templates.
        counts: the counts of its spans.
        findings: the findings.
    """

    source: Source
    sha256: Sha256
    found: list[Found]
    entries: dict[str, tuple[Entry, DiffStat | None]]
    sections: list[Section]
    rules: bytes
    templates: int
    counts: Counts
    findings: list[Finding] = field(default_factory=list)


def read_log(
    source: Source,
    dialects: Dialects,
    worker: Worker,
    progress: Progress,
    *,
    known: Container[str],
    counted: str | None,
) -> ReadLog:
    """Return a log that was read: its spans, and each entry that is not known.

    Args:
        source: the log.
        dialects: the form in which it marks sessions.
        worker: counts tokens at the same time.
        progress: receives the stages `split` and `read`.
        known: the hashes of entries that need not be read again.
        counted: SHA-256 of the version whose tokens are known: then only new entries are counted.
    """
    data = source.data
    counts = Counts(worker.call(open_log, source.path, source.name, source.identity))
    with progress.stage("split", len(data)) as reached:

        def passed(offset: int) -> None:
            source.release(0, offset)
            reached(offset)

        sha256 = source.digest()
        spans = split(data, dialects, passed)
        first = next(spans, None)
    reading = _Reading(source, worker, counts, known, whole=sha256 != counted)
    with progress.stage("read", len(data)) as reached:
        span = first
        while span is not None:
            if reading.add(span):
                reached(span.end)
            span = next(spans, None)
        reading.send()
    reading.check_quotes()

    return ReadLog(
        source=source,
        sha256=sha256,
        found=reading.found,
        entries=reading.entries,
        sections=reading.sections,
        rules=bytes(reading.rules),
        templates=reading.templates,
        counts=reading.counts,
        findings=reading.findings,
    )


class _Reading:
    """Receives the spans of a log one by one."""

    def __init__(
        self,
        source: Source,
        worker: Worker,
        counts: Counts,
        known: Container[str],
        *,
        whole: bool,
    ) -> None:
        self.found: list[Found] = []
        self.entries: dict[str, tuple[Entry, DiffStat | None]] = {}
        self.sections: list[Section] = []
        self.rules = bytearray()
        self.templates = 0
        self._inside = 0
        self._listed: list[int] = []  # offsets of dated items outside of the sessions
        self._first_inside: tuple[int, ...] = ()
        self.findings: list[Finding] = []
        self._source = source
        self.counts = counts
        self._known = known
        self._whole = whole
        self._worker = worker
        self._lines = LineNumbers(source.data, source.release)
        self._order = 0
        self._batch: list[Range] = []
        self._orders: list[int] = []  # of the spans in the batch

    def add(self, span: Span) -> bool:
        """Read a span; return True if a batch was completed."""
        if span.heading is None:
            self._add_section(span)
        else:
            self._add_session(span)
        if span.templates or span.unclosed or span.spare_patches or span.suspects:
            self._notice(span)
        self._source.release(span.start, span.end)
        if self._whole or (self.found and self.found[-1].sha256 in self.entries and span.heading):
            self._orders.append(self._order)
            self._batch.append((span.start, span.end))
        self._order += 1
        if not self._batch or span.end - self._batch[0][0] < _BATCH_BYTES:
            return False
        self.send()
        return True

    def send(self) -> None:
        """Send the remaining spans to the worker."""
        if self._batch:
            self.counts.add(self._orders, self._worker.call(count_runs, self._batch))
        self._batch, self._orders = [], []

    def _add_section(self, span: Span) -> None:
        kept = self._source.data[span.start : min(span.end, span.start + RULES_LIMIT)]
        if not kept.strip(_BLANK):
            return
        self._listed += (span.start + m.start() for m in _DATED_ITEM.finditer(kept))
        if len(self.rules) < RULES_LIMIT:
            self.rules += kept
        text = decode_text(kept.partition(b"\n")[0][:160]).strip("\ufeff# \t\r")
        self.sections.append(Section(start=span.start, text=text, after_sessions=bool(self.found)))

    def _add_session(self, span: Span) -> None:
        whole = self._source.data[span.start : span.end]
        sha256 = entry_hash(whole)
        is_new = sha256 not in self._known and sha256 not in self.entries
        patch, patch_at, stat = None, (0, 0), None
        if span.patch is not None:
            patch_at = span.patch
            bytes_ = whole[patch_at[0] - span.start : patch_at[1] - span.start]
            if not is_gap(bytes_):
                patch = PatchRef.of(bytes_)
                stat = diff_stat(bytes_) if is_new else None
        gaps = gaps_in(whole) if is_new else ()
        self.found.append(Found(span.start, sha256, patch, patch_at, self._order, gaps))
        if is_new:
            entry = read_entry(whole, span, sha256)
            self.entries[sha256] = entry, stat
            if entry.several:
                self._report_several(span)

    def _report_several(self, span: Span) -> None:
        self.findings.append(
            Finding(
                code="several-sessions",
                message="one heading has more than one session below it; only the first was read",
                file=self._source.name,
                line=self._line_in(span, span.start),
                hint="Give each session a dated heading and run migrate again",
            )
        )

    def _notice(self, span: Span) -> None:
        self.templates += len(span.templates)
        self._inside += span.inside
        if span.inside and not self._first_inside:
            self._first_inside = span.quoted[:1] or span.templates[:1]
        if span.unclosed:
            line = self._line_in(span, span.start)
            self._note("unclosed-fence", "the fence of the diff is never closed", line)
        if span.spare_patches:
            fences = counted(span.spare_patches, "further diff fence")
            message = f"kept in the text of the entry: {fences}"
            self._note("spare-diffs", message, self._line_in(span, span.start))
        for offset in span.quoted:
            self._note(
                "quoted-session",
                "a dated heading inside a fence is read as an example",
                self._line_in(span, offset),
                hint="If it is a session, the fence above it was never closed",
            )
        for offset, reason in span.suspects:
            code, message, hint = SUSPECTS[reason]
            line = self._line_in(span, offset)
            self.findings.append(
                Finding(code=code, message=message, file=self._source.name, line=line, hint=hint)
            )

    def check_quotes(self) -> None:
        """Report a log with more dated headings in quotes, or dated items, than sessions."""
        if self._inside > len(self.found):
            (offset,) = self._first_inside
            line = LineNumbers(self._source.data, self._source.release).at(offset)
            self.findings.append(
                Finding(
                    code="mostly-quoted",
                    message=f"dated headings: {self._inside} inside fences,"
                    f" {len(self.found)} outside",
                    file=self._source.name,
                    line=line,
                    hint="If they are sessions, a fence above the first was never closed",
                )
            )

        if len(self._listed) > len(self.found):
            line = LineNumbers(self._source.data, self._source.release).at(self._listed[0])
            self.findings.append(
                Finding(
                    code="dated-list",
                    message=f"the log has {counted(len(self._listed), 'dated list item')} "
                    f"outside of sessions, and {counted(len(self.found), 'session')}",
                    file=self._source.name,
                    line=line,
                    hint="If they are sessions, write each as a dated heading",
                )
            )

    def _line_in(self, span: Span, offset: int) -> int:
        above = self._source.data[span.start : offset].count(b"\n")
        return self._lines.at(span.start) + above

    def _note(self, code: str, message: str, line: int, hint: str | None = None) -> None:
        name = self._source.name
        self.findings.append(
            Finding(code=code, message=message, level="note", file=name, line=line, hint=hint)
        )
