"""A tokenizer is loaded only where it is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from codec.errors import FormatError
from codec.tokens.bpe_counts import LONGEST
from codec.tokens.tokenizers import TOKENIZERS, counter
from pipelines.system.worker.tokenizer import load

TEXTS = ["", "hello world", "it'\u017f", "naïve ✅", "word " * LONGEST]


@pytest.mark.parametrize("name", TOKENIZERS)
def test_all_texts_count_as_by_the_tokenizer(name: str) -> None:
    count = load(name)
    assert [count(text) for text in TEXTS] == counter(name).count(TEXTS)


def test_an_unknown_tokenizer_is_refused() -> None:
    with pytest.raises(FormatError, match="unknown tokenizer 'words'"):
        load("words")


@pytest.mark.parametrize(
    ("text", "loaded"),
    [("hello world", "False"), ("it'\u017f", "True")],
    ids=["short", "undecided"],
)
def test_a_short_text_loads_no_tokenizer(text: str, loaded: str) -> None:
    script = (
        "import sys\nfrom pipelines.system.worker.tokenizer import load\n"
        f"load('o200k_base')({text!r})\nprint('toktok' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == loaded
