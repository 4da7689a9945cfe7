"""A layout gives its log back, and says so when it cannot."""

from __future__ import annotations

import hashlib
import json

import pytest

from codec.errors import FormatError, IntegrityError
from codec.kinds import Key, Sha256, sha256_of
from codec.records import PatchRef
from codec.v1.layout import (
    FORMAT,
    EncodedLayout,
    Layout,
    Part,
    StoredPatch,
    decode_layout,
    encode_layout,
    rebuild,
)

HEAD, PATCH, TAIL = b"# Log\n", b"+one\n-two\n", b"end\n"
LOG = HEAD + PATCH + TAIL
STORED = StoredPatch(
    key=Key("2025-11-06"),
    patch=PatchRef.of(PATCH),
)


def encoded(*parts: Part, log: bytes = LOG) -> EncodedLayout:
    return encode_layout(parts)(sha256_of(log), len(log))


FILES = encoded(HEAD, STORED, TAIL)


def changed(**head: object) -> bytes:
    """Return the layout with other values in its first line; None removes one."""
    first, rest = FILES.layout.split(b"\n", 1)
    fields = {**json.loads(first), **head}
    fields = {name: value for name, value in fields.items() if value is not None}
    return json.dumps(fields).encode() + b"\n" + rest


def test_the_file_is_as_it_is_specified() -> None:
    sha256 = hashlib.sha256(LOG).hexdigest()
    assert FILES.layout.decode() == (
        f'{{"format":"session-codec-layout","version":1,"sha256":"{sha256}",'
        '"bytes":20,"literal_bytes":10}\n'
        "6\n"
        f'["2025-11-06","{STORED.patch.sha256}",10]\n'
        "4\n"
    )


def test_it_decodes_to_its_parts() -> None:
    assert decode_layout(FILES.layout) == Layout(
        sha256=Sha256(hashlib.sha256(LOG).hexdigest()),
        size=20,
        literal_size=10,
        parts=(6, STORED, 4),
    )


def test_neighbouring_and_empty_literals_are_one_part() -> None:
    layout = decode_layout(encoded(b"# ", b"", b"Log\n", STORED, b"", b"end", b"\n").layout)
    assert layout.parts == (6, STORED, 4)


def test_an_empty_log_has_a_layout() -> None:
    files = encoded(log=b"")
    layout = decode_layout(files.layout)
    assert layout.parts == ()
    assert b"".join(rebuild(layout, files.literal, lambda _: b"")) == b""


def test_literals_larger_than_a_block_come_in_pieces() -> None:
    log = bytes(range(256)) * 10_000
    files = encoded(log, log=log)
    pieces = list(rebuild(decode_layout(files.layout), files.literal, lambda _: b""))
    assert len(pieces) > 1
    assert max(map(len, pieces)) <= 1 << 20
    assert b"".join(pieces) == log


@pytest.mark.parametrize(
    ("data", "kind", "problem"),
    [
        (b"", IntegrityError, "cut off"),
        (FILES.layout[:-1], IntegrityError, "cut off"),
        (FILES.layout[:-2] + b"\n", FormatError, "not JSON"),
        (b"\n", FormatError, "not JSON"),
        (b"[]\n", FormatError, "not a layout"),
        (b"[" * 100_000 + b"\n", FormatError, "not JSON"),
        (b"\xff\n", FormatError, "not JSON"),
        (changed(format="tar"), FormatError, "not a layout"),
        (changed(version=2), FormatError, "unknown layout version 2"),
        (changed(version=None), FormatError, "unknown layout version None"),
        (changed(sha256=None), FormatError, "sha256 or bytes is missing"),
        (changed(bytes="20"), FormatError, "sha256 or bytes is missing"),
        (changed(bytes=21), IntegrityError, "add up"),
        (changed(literal_bytes=9), IntegrityError, "add up"),
        (changed(literal_bytes=None), IntegrityError, "add up"),
        (FILES.layout + b"0\n", FormatError, "not a part"),
        (FILES.layout + b"-1\n", FormatError, "not a part"),
        (FILES.layout + b"true\n", FormatError, "not a part"),
        (FILES.layout + b"1.5\n", FormatError, "not a part"),
        (FILES.layout + b"null\n", FormatError, "not a part"),
        (FILES.layout + b'["../x","00",1]\n', FormatError, "not a part"),
        (FILES.layout + b'["2025-11-06","00",-1]\n', FormatError, "not a part"),
        (FILES.layout + b'["2025-11-06","00"]\n', FormatError, "not a part"),
        (FILES.layout + b"4\n", IntegrityError, "add up"),
    ],
)
def test_a_broken_layout_is_refused_by_name(
    data: bytes, kind: type[Exception], problem: str
) -> None:
    with pytest.raises(kind, match=problem):
        decode_layout(data)


def test_an_error_names_the_line() -> None:
    with pytest.raises(FormatError) as caught:
        decode_layout(FILES.layout + b"nonsense\n")
    assert caught.value.line == 5


@pytest.mark.parametrize(
    "patch", [b"", PATCH + b"x", PATCH.replace(b"\n", b"\r\n"), b"+one\n-tw0\n"]
)
def test_a_patch_that_is_not_the_recorded_one_is_noticed(patch: bytes) -> None:
    with pytest.raises(IntegrityError, match="the diff of 2025-11-06"):
        list(rebuild(decode_layout(FILES.layout), FILES.literal, lambda _: patch))


@pytest.mark.parametrize(
    ("literal", "problem"),
    [
        (b"", "cut off"),
        (encoded(HEAD).literal, "cut off"),
        (encoded(HEAD, TAIL, b"x").literal, "more literal bytes"),
        (b"not zstd", "damaged"),
        (encoded(TAIL, HEAD).literal, "SHA-256"),
    ],
)
def test_literals_that_are_not_the_recorded_ones_are_noticed(literal: bytes, problem: str) -> None:
    with pytest.raises(IntegrityError, match=problem):
        list(rebuild(decode_layout(FILES.layout), literal, lambda _: PATCH))


def test_the_same_parts_give_the_same_bytes() -> None:
    assert encoded(HEAD, STORED, TAIL) == FILES
    assert json.loads(FILES.layout.splitlines()[0])["format"] == FORMAT
