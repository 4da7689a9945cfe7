"""Secrets, over generated texts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from codec.patches.binary import without_payload
from codec.secrets.hint import may_hold_secret
from codec.secrets.patterns import file_of, find_secrets, fingerprint, line_of
from codec.secrets.views import Unseen, views
from tests.support.made_secrets import planted

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


_PATCH = [
    *(b"GIT binary patch\n", b"literal 5\n", b"delta 9\n", b"\n", b"\r\n", b"\0", b"a\0b\0"),
    *(b"HcmV?d00001\n", b"McmZP&;{*Tz0ss~\n", b"index " + b"0" * 40 + b".." + b"1" * 40 + b"\n"),
]


@given(st.lists(st.one_of(st.binary(max_size=20), st.sampled_from(_PATCH)), max_size=20))
def test_any_bytes_have_views_that_can_be_searched(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    for view in views(data, lambda name: name.encode()):
        if isinstance(view, Unseen):
            assert 0 <= view.start < view.end <= len(data)
        else:
            list(find_secrets(view.data))
    assert len(without_payload(data)) == len(data)


@given(st.text(max_size=200))
def test_any_text_is_judged_by_the_cheap_test(text: str) -> None:
    may_hold_secret(text)


@given(st.binary(max_size=200))
def test_any_bytes_have_a_fingerprint(data: bytes) -> None:
    assert len(fingerprint(data)) == 16
