"""Short texts count without a tokenizer as they do with it."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

import codec
from bench.tiktoken_counter import TiktokenCounter
from codec.tokens.bpe_counts import LONGEST, ShortCounts
from codec.tokens.bpe_table import decode_table
from codec.tokens.tokenizers import DEFAULT, counter

TEXTS = [
    "",
    "hello world",
    "don't DON'T it'S we'll WE'LL I'm they've",
    "HTTPServer camelCase snake_case kebab-case x1y22z333 1234567",
    "  leading, trailing  \n\n\n  and between \t\x0b\x0c\r\n\r\n",
    "sonnet-4.5=s human=h !FAIL +added-removed\n2025-10-20\n090500 h project setup +35t50\n",
    "def f(x: int) -> str:\n    return f'{x:>08b}'  # 0b1010\n",
    "diff --git a/src/a.py b/src/a.py\n@@ -1,3 +1,4 @@\n-old\n+new\n\\ No newline\n",
    "https://example.org/a/b?c=d#e //// /\n/\n",
    "Größe, naïve, Ærøskøbing, ŁÓDŹ, ǅ, Ĳ",
    "日本語のテキスト、中文文本，한국어 텍스트",
    "Привет, МИР! Ελληνικά; עברית العربية हिन्दी ไทย",
    "✅ 🧑‍💻 👍🏽 🇩🇪 ☂️ ❤️‍🔥",
    "e\u0301 \u0301 A\u0301B \u0300\u0300x ʰʱ ªº ½ ² Ⅷ ٣٤٥٦",
    "\u00a0\u2003\u3000 \u0085\u2028\u2029\ufeff\u200b\x1c\x1f\x00\x7f",
    "<|endoftext|> <|endofprompt|>",
    "=" * 120 + "\n" + "-" * 79 + "\n" + " " * 90 + "x",
    "pneumonoultramicroscopicsilicovolcanoconiosis qzxkvjwpqzxkvjwp",
    "\ue000 \U0010fffd private use",
]
#: Each code point in the places that the pattern treats differently.
PLACES = ("{0}", "a{0}B", "A{0}{0}b ", "{0}'s {0}1", " {0}a\n{0}{0}", "it'{0}", "{0}\n\n{0}//")


@pytest.fixture(scope="module")
def short() -> ShortCounts:
    return ShortCounts(
        decode_table((Path(codec.__file__).parent / f"{DEFAULT}.table").read_bytes())
    )


def test_texts_of_all_kinds_count_as_by_tiktoken(short: ShortCounts) -> None:
    assert [short.count(text) for text in TEXTS] == TiktokenCounter(DEFAULT).count(TEXTS)


@pytest.mark.parametrize(
    "text",
    [
        "it'\u017f",  # tokenizers do not agree whether this ends in an s
        "a\u0378b",  # not assigned
        "a\ud800",  # a lone surrogate
        "x" * 257,
        "word " * (LONGEST // 5 + 1),
    ],
)
def test_a_text_that_only_a_tokenizer_can_count_has_no_count(short: ShortCounts, text: str) -> None:
    assert short.count(text) is None


def test_the_longest_text_and_the_longest_piece_are_counted(short: ShortCounts) -> None:
    texts = ["word " * (LONGEST // 5), "x" * 256]
    assert [short.count(text) for text in texts] == counter().count(texts)


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
def test_every_character_counts_as_by_the_tokenizer(short: ShortCounts, place: str) -> None:
    characters = [
        c for c in map(chr, range(0x110000)) if unicodedata.category(c) not in ("Cn", "Co", "Cs")
    ]
    texts = [place.format(c) for c in characters]
    for text, expected in zip(texts, counter().count(texts), strict=True):
        assert short.count(text) in (None, expected), ascii(text)
