"""A vocabulary's ranks are found in its table, and nothing else is."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import codec
from bench.tiktoken_counter import vocabulary
from codec.errors import FormatError
from codec.tokens.bpe_table import MAGIC, decode_table, encode_table
from docs.vocabulary_table import SHA256, table

RANKS = st.dictionaries(st.binary(min_size=1, max_size=9), st.integers(0, (1 << 24) - 1))
SMALL = {b"a": 0, b"b": 1, b"ab": 2, b"\xff\x00\n": 1 << 23}


@given(RANKS, st.binary(max_size=9))
def test_a_table_has_the_ranks_that_it_was_made_of_and_no_others(
    ranks: dict[bytes, int], other: bytes
) -> None:
    decoded = decode_table(encode_table(ranks))
    assert {token: decoded.rank(token) for token in ranks} == ranks
    assert decoded.rank(other) == ranks.get(other)


@given(RANKS)
def test_the_order_of_a_vocabulary_does_not_change_its_table(ranks: dict[bytes, int]) -> None:
    assert encode_table(dict(reversed(ranks.items()))) == encode_table(ranks)


@pytest.mark.parametrize("size", range(len(encode_table(SMALL))))
def test_a_table_that_is_cut_off_is_refused(size: int) -> None:
    with pytest.raises(FormatError):
        decode_table(encode_table(SMALL)[:size])


@given(st.binary(max_size=40))
def test_other_bytes_are_a_table_or_refused(rest: bytes) -> None:
    for data in (rest, MAGIC + rest, encode_table(SMALL) + rest[:1]):
        try:
            decode_table(data).rank(b"ab")
        except FormatError:
            continue


def test_the_table_and_its_licence_are_part_of_the_package() -> None:
    package = Path(codec.__file__).parent
    project = tomllib.loads((package.parent / "pyproject.toml").read_text())
    shipped = project["tool"]["setuptools"]["package-data"]["codec"]
    assert {path.name for path in package.glob("o200k_base.*")} <= set(shipped)
    assert "Copyright (c) 2022 OpenAI" in (package / "o200k_base.LICENSE.md").read_text()


def test_the_installed_table_is_that_of_the_published_vocabulary() -> None:
    installed = (Path(codec.__file__).parent / "o200k_base.table").read_bytes()
    assert installed == table()
    ranks = vocabulary("o200k_base", SHA256)
    decoded = decode_table(installed)
    assert all(decoded.rank(token) == rank for token, rank in ranks.items())
