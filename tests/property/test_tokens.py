"""The counters and tiktoken, which they are compared with."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import tiktoken_counter
from bench.tiktoken_counter import TiktokenCounter, pieces
from codec.tokens.bpe_counts import ShortCounts
from codec.tokens.bpe_table import decode_table
from codec.tokens.tokenizers import DEFAULT, TOKENIZERS, ToktokCounter
from pipelines.system.worker.tokenizer import table_path

CHUNKS = (
    "\n", "\r\n", "\r", "/", "//", " ", "\t", "\x0b", "\x85", "\u2028", "a", "I'll", "'s", "Ünï",
    "日本", "✅", "\x00", "\x1c", "<|endoftext|>", "123", "1234", "+", "-", "```", "{}", "e\u0301",
    "\U0001f9d1\u200d\U0001f4bb", "HTTPServer", "\n\n", " \n", "\n/", "\n ", "#", "diff --git a/a",
)  # fmt: skip
#: Characters of settled versions of Unicode: toktok and tiktoken learn of new letters at different
#: times (U+323B0 came with Unicode 17), and whether the long s is an s in `it's`. It is one token.
SETTLED = st.characters(
    exclude_categories=["Cs", "Cn"], max_codepoint=0x3134F, exclude_characters="ſ"
)
SHORT = ShortCounts(decode_table(Path(table_path()).read_bytes()))
texts = st.one_of(st.text(SETTLED), st.lists(st.sampled_from(CHUNKS)).map("".join))


@pytest.fixture(scope="module")
def counters() -> dict[str, tuple[ToktokCounter, TiktokenCounter]]:
    return {name: (ToktokCounter(name), TiktokenCounter(name)) for name in TOKENIZERS}


@pytest.mark.parametrize("name", TOKENIZERS)
@given(found=st.lists(texts, max_size=5))
@settings(max_examples=200)
def test_the_fast_counter_counts_any_text_as_tiktoken_does(
    name: str,
    found: list[str],
    counters: dict[str, tuple[ToktokCounter, TiktokenCounter]],
) -> None:
    fast, sure = counters[name]
    assert fast.count(found) == sure.count(found)


@given(found=texts)
@settings(max_examples=500)
def test_a_short_text_counts_by_the_table_as_by_tiktoken(
    found: str, counters: dict[str, tuple[ToktokCounter, TiktokenCounter]]
) -> None:
    _, sure = counters[DEFAULT]
    assert SHORT.count(found) in (None, *sure.count([found]))


@given(texts)
def test_pieces_joined_are_the_text(text: str) -> None:
    whole = text * 3
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiktoken_counter, "_PIECE", 5)
        assert "".join(pieces(whole)) == whole


@pytest.mark.parametrize("name", TOKENIZERS)
@given(text=texts)
@settings(max_examples=300)
def test_cutting_a_text_into_pieces_never_changes_its_count(
    name: str, text: str, counters: dict[str, tuple[ToktokCounter, TiktokenCounter]]
) -> None:
    _, sure = counters[name]
    whole = sure.count([text])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiktoken_counter, "_PIECE", 1)
        assert sure.count([text]) == whole
