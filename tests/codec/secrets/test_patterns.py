"""Our own rules: what they find, what they ignore, and what they report."""

from __future__ import annotations

import pytest

from codec.secrets.patterns import file_of, find_secrets, fingerprint, line_of
from tests.support.made_secrets import HARMLESS, Maker, Planted, patch_with, planted


def found(data: bytes) -> list[bytes]:
    return [data[hit.start : hit.end] for hit in find_secrets(data)]


@pytest.mark.parametrize("sign", ["+", "-", " "])
@pytest.mark.parametrize("one", [p for p in planted() if p.own], ids=lambda p: p.text[:24])
def test_a_secret_is_found_anywhere_in_a_patch(one: Planted, sign: str) -> None:
    data = patch_with(one.text, sign=sign)
    places = list(find_secrets(data))
    assert places
    line = line_of(data, data.index(one.secret.split("\n")[0].encode()))
    assert line_of(data, places[0].start) == line >= 7


@pytest.mark.parametrize("text", HARMLESS, ids=lambda text: text[:24])
def test_a_placeholder_a_variable_or_a_hash_is_not_a_secret(text: str) -> None:
    assert found(patch_with(text)) == []


def test_a_hit_covers_the_secret_and_not_its_line() -> None:
    for one in planted():
        if one.own and one.kind in ("aws", "url", "azure", "header", "named", "github"):
            assert found(patch_with(one.text))[0].decode() == one.secret


def test_most_secrets_of_other_seeds_are_found_as_well() -> None:
    missed = [
        one.text
        for seed in range(100, 120)
        for one in planted(seed)
        if one.own and not found(patch_with(one.text))
    ]
    assert missed == []


def test_a_key_has_one_fingerprint_whatever_precedes_its_lines() -> None:
    key = Maker(3).key("RSA PRIVATE KEY", 12)
    spellings = [
        key.encode(),
        key.replace("\n", "\r\n").encode(),
        *(patch_with(key, sign=sign) for sign in "+- "),
        f'"key": "{key}"'.replace("\n", "\\n").encode(),
    ]
    assert len({fingerprint(found(data)[0]) for data in spellings}) == 1


def test_a_fingerprint_names_one_secret() -> None:
    marks = {fingerprint(one.secret.encode()) for one in planted()}
    assert len(marks) == len(planted())
    assert all(len(mark) == 16 for mark in marks)


def test_a_place_does_not_hold_the_secret() -> None:
    one = planted()[0]
    (hit,) = find_secrets(patch_with(one.text))
    assert one.secret not in repr(hit)


@pytest.mark.parametrize(
    "piece",
    [
        b"-----BEGIN PRIVATE KEY-----\n",
        b"-----BEGIN PRIVATE KEY-----" + b"A" * 70,
        b"password=",
        b"password=a1",
        b"://a:b1",
        b"authorization: bearer ",
        b"login a password ",
        b"api_key" + b" " * 20,
        b"token" + b"_key" * 8,
    ],
)
def test_no_text_takes_more_steps_than_its_length_allows(piece: bytes) -> None:
    """A rule that looked back or ahead without end would not come back from this."""
    assert len(list(find_secrets(piece * (500_000 // len(piece))))) < 50_000


def test_the_file_of_a_patch_is_named() -> None:
    data = patch_with("x", file="a/b c.py") + patch_with("y", file="second.py")
    assert file_of(data, data.index(b"+x")) == "a/b c.py"
    assert file_of(data, data.index(b"+y")) == "second.py"
    assert file_of(b"password: x\n", 3) is None
