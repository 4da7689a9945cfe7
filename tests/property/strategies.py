"""What the round trips are fed with."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

from codec.manifest.facts import (
    Archive,
    Disowned,
    Fact,
    Follows,
    Format,
    Kept,
    Purged,
    PurgedText,
    ReferencesBuilt,
    Revision,
    UnknownFact,
    V1Retired,
    V1Version,
    archive_name,
)
from codec.manifest.session_fields import changes_between
from codec.names import key_time, name_of, one_line
from codec.records import FromTranscript, Metrics, PatchRef, Session, Status, V1Entry
from codec.references.document import References
from codec.v1.dialects import Dialects, Marker, custom_dialect
from codec.v1.forms import FORMS
from codec.v2.deltas import Delta
from codec.v2.metrics import MetricsRow
from codec.v2.progress_log import Reference, diff_path

STATUSES: Final[tuple[Status, ...]] = ("PASS", "FAIL", "PARTIAL", "UNKNOWN")

# Logs

#: One of every kind of marker, and headings of the lowest and the highest level.
DIALECTS: Final = (
    *(Dialects(marker=Marker.HEADING, level=level, forms=FORMS) for level in (1, 3, 6)),
    Dialects(marker=Marker.FIELD, level=3, forms=FORMS),
    *(Dialects(marker=m, level=7, forms=FORMS) for m in (Marker.BOLD, Marker.BULLET)),
    custom_dialect(r"### (?P<time>\S+) \| (?P<agent>[^|]*) \| (?P<task>.*)"),
    custom_dialect(r"(?P<time>\d{4}-\d\d-\d\d)\b.*"),
)
LINE_ENDS: Final = (b"\n", b"\n", b"\n", b"\r\n", b"\r", b"", b"\x0b", b"\x0c", b"\xe2\x80\xa8")
LINES: Final = (
    b"",
    b"# Log",
    b"## Notes",
    b"### 2025-11-06T14:30:00Z | claude-sonnet-4-5 | a-task",
    b"### 2025-11-06T14:30:00Z - 15:00 | human | b",
    b"### [timestamp] | [agent] | [task]",
    b"### 2025-13-45 | no | day",
    b"### Session 001",
    b"#### 2025-11-06",
    b"- Date: 2025-11-06",
    b"**2025-11-06 14:30** - bold",
    b"- 2025-11-06 14:30 - listed",
    b"2025-11-06 14:30 - plain",
    b"Agent: Claude Code (Sonnet 4.5)",
    b"Status: PASS (deployed)",
    b"Lines added: 12",
    b"Duration: 1h 30m",
    b"Full Diff:",
    b"Label:",
    b"---",
    b"diff --git a/a b/a",
    b"--- a/a",
    b"+++ b/a",
    b"@@ -1,2 +1,2 @@",
    b"@@@ -1 -1 +1 @@@",
    b"+added",
    b"-removed",
    b" context",
    b"\\ No newline at end of file",
    b"+```",
    b" ```python",
    b"\x00",
    b"\xef\xbb\xbf",
    b"\xff\xfe\x80",
    "naïve ✅ 日期：2025-11-06".encode(),
)


def fences() -> st.SearchStrategy[bytes]:
    """Fence lines of any mark, length, indent and info."""
    return st.builds(
        lambda indent, mark, length, info: b" " * indent + mark * length + info,
        st.integers(0, 4),
        st.sampled_from([b"`", b"~"]),
        st.integers(2, 7),
        st.sampled_from([b"", b"", b"diff", b" patch x", b"md", b"markdown", b"bash", b"a`b"]),
    )


def logs() -> st.SearchStrategy[bytes]:
    """Any bytes, and bytes made of what logs are made of."""
    lines = st.builds(
        lambda line, end: line + end,
        st.one_of(st.sampled_from(LINES), st.sampled_from(LINES), fences()),
        st.sampled_from(LINE_ENDS),
    )
    built = st.builds(
        lambda bom, parts: bom + b"".join(parts),
        st.sampled_from([b"", b"", b"\xef\xbb\xbf"]),
        st.lists(st.one_of(lines, lines, lines, st.binary(max_size=8)), max_size=40),
    )
    return st.one_of(built, built, st.binary(max_size=200))


# Records


def times() -> st.SearchStrategy[str]:
    """Generate times in v2 form."""
    days = st.dates().map(lambda d: d.isoformat())
    moments = st.datetimes().map(lambda t: f"{t.isoformat()[:19]}Z")
    return st.one_of(days, moments)


def hashes() -> st.SearchStrategy[str]:
    """SHA-256 values, as hex digits."""
    return st.binary(min_size=32, max_size=32).map(bytes.hex)


def keys() -> st.SearchStrategy[str]:
    """Keys, with and without a suffix."""
    return st.builds(
        lambda time, digest, n: f"{time}.{digest[:n]}" if n else time,
        times(),
        hashes(),
        st.sampled_from([0, 0, 6, 12, 64]),
    )


def names() -> st.SearchStrategy[str]:
    """Names of agents and tasks, as the mapping makes them."""
    return st.one_of(
        st.sampled_from(["human", "sonnet-4.5", "-", "s", "+1", "c2", "t30", "a--b", "A"]),
        st.text(max_size=20).map(name_of),
    )


def numbers() -> st.SearchStrategy[int | None]:
    """Figures that a log may declare, or does not."""
    return st.none() | st.integers(0, 2000) | st.integers(0, 10**15 - 1)


def delta_metrics() -> st.SearchStrategy[Metrics]:
    """Metrics as a delta has them: known lines are a pair, and tokens are not in it."""
    return st.builds(
        lambda lines, commits, minutes, deployment: Metrics(
            lines_added=lines[0],
            lines_removed=lines[1],
            commits=commits,
            duration_min=minutes,
            deployment=deployment,
        ),
        st.just((None, None)) | st.tuples(st.integers(0, 9999), st.integers(0, 9999)),
        numbers(),
        numbers(),
        st.none() | st.sampled_from(["vercel", "dpl_9x", "T:1min", "D:x", "-", "a=b"]),
    )


def deltas() -> st.SearchStrategy[Delta]:
    """Deltas."""
    return st.builds(
        Delta,
        key=keys(),
        agent=names(),
        task=names(),
        status=st.sampled_from(STATUSES),
        metrics=delta_metrics(),
    )


def rows() -> st.SearchStrategy[MetricsRow]:
    """Metrics rows."""
    n = st.integers(0, 10**15 - 1)
    return st.builds(
        MetricsRow,
        key=keys(),
        agent=names(),
        task=names(),
        status=st.sampled_from(STATUSES),
        lines_added=n,
        lines_removed=n,
        commits=n,
        duration_min=n,
        tokens_used=n,
    )


def lines_of_text() -> st.SearchStrategy[str]:
    """One line of any text, some of it looking like the format around it."""
    return st.one_of(
        st.sampled_from(["", "deployed", "a) (b", "Notes: x", "### [REF:x]", "none", "Diff: none"]),
        st.text(max_size=40).map(one_line),
    )


def progress_entries() -> st.SearchStrategy[Reference]:
    """Generate reference entries."""
    return st.builds(
        lambda key, diff, **fields: Reference(
            key=key, diff=diff_path(key) if diff else None, **fields
        ),
        keys(),
        st.booleans(),
        agent=names(),
        task=names(),
        status=st.sampled_from(STATUSES),
        remark=lines_of_text(),
        metrics=delta_metrics(),
        notes=lines_of_text(),
    )


def static_references() -> st.SearchStrategy[References]:
    """Generate static references."""
    text = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=20)
    plain = text.map(one_line).filter(bool)
    return st.builds(
        References,
        stack=st.dictionaries(plain, plain, max_size=4),
        mandates=st.lists(plain, max_size=4).map(tuple),
        routing_rules=st.dictionaries(
            plain, st.lists(plain, min_size=1, max_size=3).map(tuple), max_size=4
        ),
        performance_targets=st.dictionaries(plain, plain, max_size=4),
    )


def _counts() -> st.SearchStrategy[dict[str, int]]:
    return st.dictionaries(st.sampled_from(["o200k_base", "x"]), st.integers(0, 10**9))


def sessions() -> st.SearchStrategy[Session]:
    """Whole records of sessions, with fields of a later version too."""
    built = st.builds(
        Session,
        key=keys(),
        time=times(),
        agent=names(),
        task=names(),
        status=st.sampled_from(STATUSES),
        remark=lines_of_text(),
        title=lines_of_text(),
        notes=lines_of_text(),
        metrics=st.builds(
            Metrics,
            lines_added=numbers(),
            lines_removed=numbers(),
            commits=numbers(),
            duration_min=numbers(),
            tokens_used=numbers(),
            deployment=st.none() | st.just("dpl_9"),
        ),
        patch=st.none() | st.builds(PatchRef, sha256=hashes(), size=st.integers(0, 10**12)),
        id=lines_of_text(),
        range=st.just("") | st.builds("{}..{}".format, hashes(), hashes()),
        commits_of=st.lists(hashes(), max_size=2).map(tuple),
        v1=st.none()
        | st.builds(
            V1Entry,
            source=st.text(max_size=10),
            sha256=hashes(),
            tokens=_counts(),
            counted=st.lists(st.just("lines_added"), max_size=1).map(tuple),
        ),
        reader=st.integers(0, 3),
        private=st.booleans(),
        transcript=st.none()
        | st.builds(
            FromTranscript,
            agent=lines_of_text(),
            session=lines_of_text(),
            until=times(),
            reader=st.integers(0, 3),
            wall_min=numbers(),
            tokens=_counts(),
            files=st.integers(0, 9),
            unknown=st.integers(0, 9),
            commits=st.lists(st.text(max_size=7), max_size=2).map(tuple),
        ),
        extra=st.dictionaries(
            st.sampled_from(["later", "x-y"]),
            st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), st.lists),
        ),
    )
    return built.map(lambda s: s._replace(time=key_time(s.key)))


def digests() -> st.SearchStrategy[tuple[str, ...]]:
    """Sorted digests, as facts name others."""
    return st.lists(hashes(), max_size=2, unique=True).map(lambda found: tuple(sorted(found)))


def revisions() -> st.SearchStrategy[Revision]:
    """Revisions of any session to any other one."""
    return st.builds(
        lambda old, new, **fields: Revision(changes=changes_between(old, new), **fields),
        sessions(),
        sessions(),
        of=hashes(),
        after=digests(),
        by=st.sampled_from(["person", "hook", "log"]),
    )


def facts() -> st.SearchStrategy[Fact]:
    """Facts of every kind, and of a kind that is not known."""
    return st.one_of(
        sessions(),
        st.builds(
            V1Version,
            source=st.text(max_size=10),
            sha256=hashes(),
            size=st.integers(0, 10**12),
            words=st.integers(0, 10**9),
            tokens=_counts(),
            seen=times(),
            dialect=st.sampled_from(["", "bare"]),
            pattern=st.just(""),
            reader=st.integers(0, 3),
        ),
        revisions(),
        st.builds(Format, version=st.integers(0, 9), needs=lines_of_text()),
        st.builds(Follows, entry=hashes(), after=hashes()),
        st.builds(Disowned, tombstones=digests(), time=times()),
        st.builds(PurgedText, lines=digests(), time=times()),
        st.builds(Kept, file=st.text(max_size=10), rows=digests()),
        st.builds(V1Retired, source=st.text(max_size=10), sha256=hashes(), time=times()),
        st.builds(
            lambda sha256, size, of: Archive(
                name=archive_name("2025-11", sha256),
                sha256=sha256,
                size=size,
                keys=of,
                zstd="1.5.7",
            ),
            hashes(),
            st.integers(0, 10**12),
            st.lists(keys(), max_size=3).map(tuple),
        ),
        st.builds(Purged, key=keys(), sha256=hashes(), time=times()),
        st.dictionaries(st.text(max_size=8), st.lists(st.text(max_size=8)).map(tuple)).map(
            lambda values: ReferencesBuilt(
                after=("0123456789abcdef",),
                values=values,
                sources=dict.fromkeys(values, ("a", "b")),
                declined=frozenset(list(values)[:1]),
            )
        ),
        st.just(UnknownFact(line='{"fact":"later","n":[1, 2.50]}')),
    )
