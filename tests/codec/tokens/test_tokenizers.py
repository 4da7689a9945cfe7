"""Token counts are those of real BPE."""

from __future__ import annotations

import pytest

from bench.tiktoken_counter import TiktokenCounter, pieces, vocabulary
from codec.errors import FormatError
from codec.tokens.tokenizers import DEFAULT, TOKENIZERS, counter

TEXTS = ["", "hello world", "日本語 ✅", "<|endoftext|>", "diff --git a/a b/a\n+x\n", "\n" * 9]
COUNTS = {"o200k_base": [0, 2], "cl100k_base": [0, 2]}


@pytest.mark.parametrize("name", TOKENIZERS)
def test_the_counter_agrees_with_tiktoken(name: str) -> None:
    fast, sure = counter(name).count(TEXTS), TiktokenCounter(name).count(TEXTS)
    assert fast == sure
    assert fast[:2] == COUNTS[name]


def test_text_that_looks_like_a_special_token_is_counted_as_text() -> None:
    (tokens,) = counter().count(["<|endoftext|>"])
    assert tokens > 1


def test_a_counter_carries_the_name_of_its_tokenizer() -> None:
    assert [counter(name).name for name in TOKENIZERS] == list(TOKENIZERS)
    assert counter().name == DEFAULT


def test_no_texts_have_no_counts() -> None:
    assert counter().count([]) == []


def test_an_unknown_tokenizer_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(FormatError) as caught:
        counter("wc -w")
    assert all(name in str(caught.value) for name in TOKENIZERS)


def test_a_vocabulary_that_is_not_the_expected_one_is_refused() -> None:
    with pytest.raises(FormatError, match="tiktoken expects 0000"):
        vocabulary(DEFAULT, "00" * 32)


def test_a_long_text_is_cut_only_before_lines_that_no_token_joins() -> None:
    text = "".join(f"line {n}\n  indented\n/path\n\n" for n in range(20_000))
    cut = list(pieces(text))
    assert len(cut) > 1
    assert "".join(cut) == text
    assert all(piece.startswith("line ") for piece in cut)


def test_a_long_line_is_not_cut() -> None:
    text = "x " * 100_000
    assert list(pieces(text)) == [text]


def test_a_long_text_counts_as_its_pieces() -> None:
    text = "".join(f"+    return {n}\n\n/* {n} */\n" for n in range(9_000))
    assert len(list(pieces(text))) > 1
    assert TiktokenCounter(DEFAULT).count([text]) == counter(DEFAULT).count([text])
