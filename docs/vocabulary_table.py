"""Write the vocabulary table that short texts are counted with: `make vocabulary`.

It changes only with its format, for a published vocabulary does not change.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bench.tiktoken_counter import vocabulary
from codec.tokens.bpe_table import encode_table
from codec.tokens.tokenizers import DEFAULT
from pipelines.system.worker.tokenizer import table_path

#: SHA-256 of the file that OpenAI publishes, as tiktoken expects it.
SHA256: Final = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"


def table() -> bytes:
    """Return the table of the default tokenizer's vocabulary."""
    return encode_table(vocabulary(DEFAULT, SHA256))


if __name__ == "__main__":
    Path(table_path()).write_bytes(table())
