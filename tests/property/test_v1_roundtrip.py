"""No byte of a v1 log is lost, whatever its bytes are."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.errors import CodecError, IntegrityError
from codec.kinds import Key, Sha256, sha256_of
from codec.names import is_key
from codec.patches.diff_stat import diff_stat
from codec.records import STATUSES, PatchRef
from codec.timestamps import is_canonical
from codec.v1.detect import detect
from codec.v1.dialects import Dialects
from codec.v1.entry import entry_hash, read_entry
from codec.v1.layout import EncodedLayout, Part, StoredPatch, decode_layout, encode_layout, rebuild
from codec.v1.mapping import Options, session_of
from codec.v1.split import Span, join, split
from codec.v1.text import LineNumbers
from codec.v2.deltas import decode_delta, delta_of, encode_delta
from codec.v2.progress_log import decode_references, encode_reference, reference_of
from tests.property.strategies import DIALECTS, hashes, keys, logs

dialects = st.sampled_from(DIALECTS)


# Split


@given(logs(), dialects)
@settings(max_examples=200)
def test_spans_joined_are_the_log(data: bytes, dialect: Dialects) -> None:
    spans = list(split(data, dialect))
    assert join(data, spans) == data
    assert [s.start for s in spans[1:]] == [s.end for s in spans[:-1]]
    assert all(s.start < s.end for s in spans)


@given(logs())
@settings(max_examples=200)
def test_a_log_with_a_detected_dialect_splits_without_loss(data: bytes) -> None:
    try:
        found = detect(data)
    except CodecError:
        return
    assert join(data, split(data, found)) == data


@given(logs(), dialects)
@settings(max_examples=200)
def test_a_patch_consists_of_whole_lines_inside_its_session(data: bytes, dialect: Dialects) -> None:
    for span in split(data, dialect):
        if span.patch is not None:
            start, end = span.patch
            assert span.heading is not None
            assert span.start < start < end <= span.end
            assert data[start - 1 : start] == b"\n"
            assert data[end - 1 : end] == b"\n" or end == len(data)


@given(logs(), dialects)
def test_every_heading_and_template_begins_a_line(data: bytes, dialect: Dialects) -> None:
    for span in split(data, dialect):
        places = [
            *span.templates,
            *(at for at, _ in span.suspects),
            *([span.start] if span.heading else []),
        ]
        for at in places:
            assert span.start <= at < span.end
            assert at == 0 or data[at - 1 : at] == b"\n" or data[:at] == b"\xef\xbb\xbf"


@given(logs(), st.lists(st.integers(0, 2000)))
def test_line_numbers_are_the_line_ends_before(data: bytes, offsets: list[int]) -> None:
    lines = LineNumbers(data)
    for offset in sorted(min(o, len(data)) for o in offsets):
        assert lines.at(offset) == data.count(b"\n", 0, offset) + 1


# Entry and record


@given(logs(), dialects)
@settings(max_examples=200)
def test_every_session_of_any_log_becomes_records_or_an_error(
    data: bytes, dialect: Dialects
) -> None:
    for span in split(data, dialect):
        if span.heading is not None:
            assert_becomes_records(data, span)


def assert_becomes_records(data: bytes, span: Span) -> None:
    whole = data[span.start : span.end]
    patch = stat = None
    if span.patch is not None:
        diff = data[slice(*span.patch)]
        stat = diff_stat(diff)
        patch = PatchRef.of(diff)
    entry = read_entry(whole, span, entry_hash(whole))
    try:
        session = session_of(
            entry, source="x", patch=patch, stat=stat, tokens={}, options=Options()
        ).session
    except CodecError:
        return
    assert is_key(session.key)
    assert is_canonical(session.time)
    assert session.status in STATUSES
    delta = delta_of(session)
    assert decode_delta(encode_delta(delta)) == delta
    reference = reference_of(session)
    assert decode_references(encode_reference(reference)) == ([reference], [])


@given(logs(), st.sampled_from([b"", b"\n", b"\n\n---\n", b"\n***\n \t\n", b"\n_____\n\n"]))
def test_following_text_does_not_change_an_entrys_hash(data: bytes, tail: bytes) -> None:
    entry = b"### 2025-11-06 | a | b\n" + data + b"\nend"
    assert entry_hash(entry + tail) == entry_hash(entry)


@given(logs())
def test_crlf_does_not_change_the_hash_of_an_entry(data: bytes) -> None:
    unix = data.replace(b"\r", b"")
    assert entry_hash(unix.replace(b"\n", b"\r\n")) == entry_hash(unix)


@given(logs())
def test_a_diff_is_counted_whatever_it_is_and_never_below_zero(data: bytes) -> None:
    stat = diff_stat(data)
    assert stat.added >= 0
    assert stat.removed >= 0


# Layout


def cut(data: bytes, places: list[int], kinds: list[bool], names: list[str]) -> list[Part]:
    """Cut a log into literals and patches."""
    bounds = [0, *sorted(p % (len(data) + 1) for p in places), len(data)]
    parts: list[Part] = []
    for number, (start, end) in enumerate(pairwise(bounds)):
        piece = data[start:end]
        if piece and kinds[number % len(kinds)]:
            ref = PatchRef.of(piece)
            parts.append(StoredPatch(key=Key(names[number % len(names)]), patch=ref))
        else:
            parts.append(piece)
    return parts


def encoded(data: bytes, parts: list[Part]) -> EncodedLayout:
    return encode_layout(parts)(sha256_of(data), len(data))


def patches_in(data: bytes, parts: list[Part]) -> Callable[[StoredPatch], bytes]:
    stored: dict[tuple[str, str], bytes] = {}
    at = 0
    for part in parts:
        if isinstance(part, StoredPatch):
            stored[part.key, part.patch.sha256] = data[at : at + part.patch.size]
            at += part.patch.size
        else:
            at += len(part)

    def read(part: StoredPatch) -> bytes:
        try:
            return stored[part.key, part.patch.sha256]
        except KeyError:
            raise IntegrityError("no such diff") from None

    return read


@given(
    logs(),
    st.lists(st.integers(0, 4000), max_size=8),
    st.lists(st.booleans(), min_size=1, max_size=8),
    st.lists(keys(), min_size=1, max_size=4),
)
def test_a_layout_restores_any_log_however_it_is_cut(
    data: bytes, places: list[int], kinds: list[bool], names: list[str]
) -> None:
    parts = cut(data, places, kinds, names)
    files = encoded(data, parts)
    layout = decode_layout(files.layout)
    assert b"".join(rebuild(layout, files.literal, patches_in(data, parts))) == data
    assert [p for p in layout.parts if isinstance(p, StoredPatch)] == [
        p for p in parts if isinstance(p, StoredPatch)
    ]


SMALL = b"# Log\n\n### 2025-11-06 | a | b\n```diff\n+one\n-two\n```\nend\n"
SMALL_PARTS = cut(SMALL, [39, 49], [False, True], ["2025-11-06"])


def assert_rebuilt_or_noticed(files: EncodedLayout) -> None:
    """Damage is noticed, or does no harm."""
    try:
        layout = decode_layout(files.layout)
        whole = b"".join(rebuild(layout, files.literal, patches_in(SMALL, SMALL_PARTS)))
    except CodecError:
        return
    assert whole == SMALL


@pytest.mark.parametrize("name", ["layout", "literal"])
def test_a_flipped_byte_of_a_layout_is_noticed_or_harmless(name: str) -> None:
    files = encoded(SMALL, SMALL_PARTS)
    good: bytes = getattr(files, name)
    for at in range(len(good)):
        for flip in (0x01, 0x08, 0x20, 0x80, 0xFF):
            bad = good[:at] + bytes([good[at] ^ flip]) + good[at + 1 :]
            assert_rebuilt_or_noticed(_with(files, name, bad))


@pytest.mark.parametrize("name", ["layout", "literal"])
def test_a_layout_cut_short_is_noticed_or_harmless(name: str) -> None:
    files = encoded(SMALL, SMALL_PARTS)
    good: bytes = getattr(files, name)
    for end in range(len(good)):
        assert_rebuilt_or_noticed(_with(files, name, good[:end]))


def test_a_layout_without_its_last_lines_is_noticed() -> None:
    files = encoded(SMALL, SMALL_PARTS)
    lines = files.layout.splitlines(keepends=True)
    assert len(lines) == 4
    for end in range(len(lines)):
        with pytest.raises(CodecError):
            decode_layout(b"".join(lines[:end]))


def _with(files: EncodedLayout, name: str, data: bytes) -> EncodedLayout:
    if name == "layout":
        return EncodedLayout(layout=data, literal=files.literal)
    return EncodedLayout(layout=files.layout, literal=data)


@given(hashes(), keys())
def test_a_stored_patch_of_another_content_is_never_put_in(sha256: str, key: str) -> None:
    part = StoredPatch(key=Key(key), patch=PatchRef(sha256=Sha256(sha256), size=4))
    files = encode_layout([part])(part.patch.sha256, 4)
    with pytest.raises(IntegrityError, match="differs from the recorded one"):
        list(rebuild(decode_layout(files.layout), files.literal, lambda _: b"else"))
