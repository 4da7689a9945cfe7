"""An archive holds what was put into it, whatever that is, and any bytes are read safely."""

from __future__ import annotations

import hashlib
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.archive.container import ArchiveReader
from codec.archive.recovery import Checked, check
from codec.archive.tar import decode_header, decode_index, encode_header
from codec.errors import CodecError
from codec.kinds import Key
from tests.property import strategies as of
from tests.support.archives import Ranges, packed, ref

DIFFS = st.dictionaries(
    of.keys(),
    st.binary(max_size=2000) | st.integers(0, 9000).map(lambda size: b"+" * size),
    min_size=1,
    max_size=12,
)


@given(DIFFS, st.sampled_from([1024, 4096, 1 << 22]))
def test_every_diff_comes_back_one_by_one_and_all_at_once(
    diffs: dict[str, bytes], frame_size: int
) -> None:
    with mock.patch("codec.archive.tar.FRAME_SIZE", frame_size):
        data = packed(diffs, profile="fast")
    reader = ArchiveReader(Ranges(data), len(data))
    assert {key: reader.read(Key(key), ref(diff)) for key, diff in diffs.items()} == diffs
    events = list(check(Ranges(data), len(data)))
    checked = {e.entry.key: e.sha256 for e in events if isinstance(e, Checked)}
    assert checked == {key: hashlib.sha256(diff).hexdigest() for key, diff in diffs.items()}
    assert len(checked) == len(events)


@given(of.keys(), st.integers(0, 1 << 30))
def test_a_header_decodes_to_itself(key: str, size: int) -> None:
    assert decode_header(encode_header(Key(key), size)) == (key, size)


@given(st.binary(max_size=300))
def test_any_bytes_are_an_archive_or_an_error(data: bytes) -> None:
    events = list(check(Ranges(data), len(data)))
    assert not any(isinstance(e, Checked) for e in events)
    assert events
    for decode in (decode_header, decode_index):
        with pytest.raises(CodecError):
            decode(data)
