"""The stub of a retired log names it, and what was added to a stub is seen."""

from __future__ import annotations

import pytest

from codec.errors import FormatError
from codec.kinds import Sha256
from codec.v1.detect import detect
from codec.v1.stub import encode_stub, is_bare_stub, stubbed_log

SHA = "0123456789abcdef" * 4
STUB = encode_stub(Sha256(SHA))


def test_a_stub_names_the_log_that_it_replaces() -> None:
    assert stubbed_log(STUB) == SHA
    assert is_bare_stub(STUB)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"# Agent progress log\n",
        b"\n" + STUB,
        STUB.replace(SHA.encode(), SHA[:-1].encode()),
        STUB.replace(SHA.encode(), SHA[:-1].encode() + b"g"),
        STUB.replace(SHA.encode(), b"\xff" * 64),
        STUB[:20],
    ],
)
def test_bytes_that_are_no_stub_are_not_read_as_one(data: bytes) -> None:
    assert stubbed_log(data) is None
    assert not is_bare_stub(data)


@pytest.mark.parametrize(
    "data", [STUB.replace(b"\n", b"\r\n"), STUB.rstrip(), STUB + b"\n\n", STUB + b"\r\n"]
)
def test_a_checkout_with_other_line_ends_is_still_a_bare_stub(data: bytes) -> None:
    assert is_bare_stub(data)


def test_a_session_that_was_added_to_a_stub_is_not_lost() -> None:
    data = STUB + b"\n### 2025-11-06T14:30:00Z | human | late\n"
    assert stubbed_log(data) == SHA
    assert not is_bare_stub(data)
    assert detect(data).match("### 2025-11-06T14:30:00Z | human | late", lambda: ())


def test_a_bare_stub_holds_no_session() -> None:
    with pytest.raises(FormatError, match="not a session log"):
        detect(STUB)
