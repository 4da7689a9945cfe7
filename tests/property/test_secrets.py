"""Secrets, over generated texts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from codec.secret_rules import file_of, find_secrets, fingerprint, line_of
from tests.codec.made_secrets import planted

_PIECES = [
    *(one.text.encode() for one in planted()),
    *(b"password", b"=", b'"', b"://", b"@", b"\n+", b"diff --git a/"),
    b"-----BEGIN RSA PRIVATE KEY-----",
]


@given(st.lists(st.one_of(st.binary(max_size=20), st.sampled_from(_PIECES)), max_size=12))
def test_any_bytes_give_places_inside_of_them(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    for hit in find_secrets(data):
        assert 0 <= hit.start < hit.end <= len(data)
        assert 1 <= line_of(data, hit.start) <= data.count(b"\n") + 1
        file_of(data, hit.start)


@given(st.binary(max_size=200))
def test_any_bytes_have_a_fingerprint(data: bytes) -> None:
    assert len(fingerprint(data)) == 16
