"""Options that several verbs take."""

from __future__ import annotations

import re
from typing import Final

from codec.tokens.tokenizers import DEFAULT, TOKENIZERS
from pipelines.cli.declared import Option

_FINGERPRINT = re.compile(r"[0-9a-f]{16}")


def _fingerprint(text: str) -> str:
    if _FINGERPRINT.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a fingerprint; it has 16 digits, 0-9 and a-f")
    return text


TOKENIZER_OPTION: Final = Option(
    "--tokenizer",
    "Count tokens with this tokenizer.",
    choices=TOKENIZERS,
    default=DEFAULT,
    shown=True,
)
ALLOW_SECRET: Final = Option(
    "--allow-secret",
    "Let this finding of the secret scan pass; repeatable.",
    to="allow",
    read=_fingerprint,
    repeat=True,
    metavar="FINGERPRINT",
)
TRUST_REPO_CONFIG: Final = Option(
    "--trust-repo-config",
    "Use .session-codec/config.toml of the repository as well.",
    flag=True,
)
