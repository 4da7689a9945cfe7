"""What a hook seizes comes back as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.agents.spool_entry import Entry, decode_entry, encode_entry
from codec.errors import FormatError

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


def fields(entry: Entry) -> tuple[object, ...]:
    return tuple(getattr(entry, name) for name in Entry.__slots__)


def entry(data: bytes = b"{}", root: bytes = b"/r") -> Entry:
    return Entry(
        agent="claude", event="end", time=5, head="a" * 40, branch="b", root=root, size=9, data=data
    )


@given(TEXT, TEXT, st.integers(min_value=0), TEXT, TEXT, st.binary(), st.binary())
def test_an_entry_survives_a_round_trip(
    agent: str, event: str, time: int, head: str, branch: str, root: bytes, data: bytes
) -> None:
    one = Entry(
        agent=agent,
        event=event,
        time=time,
        head=head,
        branch=branch,
        root=root.replace(b"\0", b""),
        size=len(data),
        data=data,
    )
    assert fields(decode_entry(encode_entry(one))) == fields(one)


def test_a_path_that_is_not_text_comes_back() -> None:
    assert decode_entry(encode_entry(entry(root=b"/caf\xe9"))).root == b"/caf\xe9"


def test_a_truncated_entry_is_detected_at_any_length() -> None:
    whole = encode_entry(entry(b"0123456789"))
    for at in range(len(whole)):
        try:
            found = decode_entry(whole[:at])
        except FormatError:
            continue
        assert found.cut
    assert not decode_entry(whole).cut


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"session-codec-spool 3\0" + b"1\0" * 9,
        encode_entry(entry()).replace(b"\x005\0", b"\0five\0"),
        encode_entry(entry()).replace(b"\x005\0", "\0\u0665\0".encode()),
    ],
)
def test_bytes_that_are_not_an_entry_are_refused(raw: bytes) -> None:
    with pytest.raises(FormatError):
        decode_entry(raw)
