"""Decide quickly whether a short text can contain a secret.

Loading the scanner takes half a second, and most tasks and notes have nothing like a secret. This
module is loaded by `record` and by hooks: it compiles one pattern, and others only if needed. It
may return True for a harmless text. Tests check that it returns True for everything that
`find_secrets` and the scanner find in the forms that the tests plant.
"""

from __future__ import annotations

import re
from typing import Final

from codec.lazy_pattern import LazyPattern

_RUN = re.compile(r"[A-Za-z0-9]{10,}")
_VALUE: Final = (
    r"[\w.-]{0,24}\\{0,3}[\"'`\])]{0,3}\s{0,4}(?:=>|:=|[=:>,])\s{0,4}[bru]?\\{0,3}[\"'`]?"
    r"(?:(?=\S{0,200}[0-9!@#$%^&*?~+|])\S{8}|[^\W\d_]{10})"
)
_FOLLOWED: Final = r"\s.{0,200}"
#: A credential without spaces; ordinary words, also joined by hyphens, are text.
_CREDENTIAL: Final = (
    r"\s{1,2}(?!(?-i:(?:[A-Z]?[a-z]+|[A-Z]{2,12})(?:[-_/.'](?:[A-Z]?[a-z]+|[A-Z]{2,12})){0,5})"
    r"[.,;:!?)\]]{0,3}(?:\s|$))\S{12}"
)
#: What must follow a word if a secret is near it; case does not matter.
_SIGNS: Final = (
    *((word, _VALUE) for word in ("pass", "pwd", "secret", "token", "credential", "key")),
    ("auth", r"(?!or)(?!=? ?(?-i:[a-z]+)(?:\s|$))" + _VALUE),
    *((word, _CREDENTIAL) for word in ("bearer", "basic", "token")),
    ("://", r"[^\s/]{0,64}:[^\s/]{4,256}@"),
    ("login", r"\s{1,4}\S{1,64}\s{1,4}password\s"),
    ("-----begin ", ""),
    ("$", r"(?:apr1|1|2a|2b|2y|5|6|y)\$"),
    ("sig=", r"\S{40}"),
    ("aiza", r"[\w-]{30}"),
    ("hf_", r"[a-z]{30}"),
    ("mysql", r"\w{0,10}" + _FOLLOWED + "-p"),
    ("mariadb", r"[\w-]{0,10}" + _FOLLOWED + "-p"),
    ("sshpass", r"\s"),
    ("curl", _FOLLOWED + "(?:-u|--user)"),
    ("redis-cli", _FOLLOWED + "(?:-a|--pass)"),
    ("docker", r"\s{1,4}login" + _FOLLOWED + "-p"),
    ("convertto-securestring", ""),
    ("--", r"(?:pass|api-|auth-|access-|secret|client-)[\w-]{0,20}[\s=]\s{0,4}\S{6}"),
    ("variable", r"\s.{0,700}default"),
    *(
        (word, r".{0,30}[:=][\"'`\\\s]{0,6}(?:[a-z]{3,8} ){11}")
        for word in ("seed", "mnemonic", "recovery", "wallet")
    ),
)
_PATTERNS: Final = tuple(
    (word, LazyPattern(re.escape(word) + rest, re.I | re.S)) for word, rest in _SIGNS
)
_HEXADECIMAL: Final = frozenset("0123456789abcdef")
_DIGITS: Final = str.maketrans("0123456789", "0" * 10)
#: The length from which letters alone can be a token; hexadecimal digits only after a prefix.
_LONG: Final = 20
_HASH: Final = 32
#: Words with at most one number between them, as in identifiers: `HTTP2Connection`.
_IDENTIFIER: Final = (
    r"(?:[A-Z]{0,5}[a-z]{2,})+(?:\d{1,2}(?:[A-Z]{0,5}[a-z]{2,})+)?\d{0,2}"
    r"|[A-Z]{2,5}\d{1,2}(?:[A-Z]{0,5}[a-z]{2,})+"
)


def may_hold_secret(text: str) -> bool:
    """Return True if a text must be searched with the whole scanner."""
    for m in _RUN.finditer(text):
        run = m[0]
        if (not run.isalpha() or len(run) >= _LONG) and _is_token(
            run, text[m.start() - 1 : m.start()]
        ):
            return True
    lower = text.lower()
    return any(word in lower and rest.search(text) for word, rest in _PATTERNS)


def _is_token(run: str, before: str) -> bool:
    """Return True for letters and digits that are neither words nor a hash."""
    if _HEXADECIMAL.issuperset(run.lower()):
        return len(run) >= _HASH and before in ("_", "-")
    if re.fullmatch(_IDENTIFIER, run):
        return False
    groups = len(run.translate(_DIGITS).replace("0", " ").split())
    is_mixed = sum(map(str.isupper, run)) / len(run) >= 0.25
    if run.isalpha():
        return is_mixed and not run.isupper()
    return is_mixed or groups > 1
