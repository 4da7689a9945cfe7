"""Decide cheaply whether a short text can hold a secret at all.

Loading the scanner takes half a second, and most tasks and notes hold nothing like a secret. This
module is loaded by `record` and by hooks: it compiles one pattern, and others only where their word
occurs. It may say yes for a harmless text, and is tested to say yes for everything that
`find_secrets` and the scanner find in the forms that the tests plant.
"""

from __future__ import annotations

import re
from typing import Final

_RUN = re.compile(r"[A-Za-z0-9]{10,}")
_VALUE: Final = (
    r"[\w.-]{0,24}\\{0,3}[\"'`\])]{0,3}\s{0,4}(?:=>|:=|[=:>,])\s{0,4}[bru]?\\{0,3}[\"'`]?"
    r"(?:(?=\S{0,200}[0-9!@#$%^&*?~+|])\S{8}|[^\W\d_]{10})"
)
_FOLLOWED: Final = r"\s.{0,200}"
#: What must follow a word, in lower case, for a secret to be around it.
_SIGNS: Final = (
    *((word, _VALUE) for word in ("pass", "pwd", "secret", "token", "credential", "key")),
    ("auth", r"(?!or)" + _VALUE),
    ("bearer", r"\s{1,2}\S{12}"),
    ("basic", r"\s{1,2}\S{12}"),
    ("token", r"\s{1,2}\S{16}"),
    ("://", r"[^\s/]{0,64}:[^\s/]{4,256}@"),
    ("login", r"\s{1,4}\S{1,64}\s{1,4}password\s"),
    ("-----begin ", ""),
    *((f"${kind}$", "") for kind in ("apr1", "1", "2a", "2b", "2y", "5", "6", "y")),
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
    *((f"--{word}", r"[\w-]{0,20}[\s=]") for word in ("pass", "api-", "auth-", "access-")),
    *((f"--{word}", r"[\w-]{0,20}[\s=]") for word in ("secret", "client-")),
    ("variable", r"\s.{0,700}default"),
    *(
        (word, r".{0,30}[:=][\"'`\\\s]{0,6}(?:[a-z]{3,8} ){11}")
        for word in ("seed", "mnemonic", "recovery", "wallet")
    ),
)
_HEXADECIMAL: Final = frozenset("0123456789abcdef")
_DIGITS: Final = str.maketrans("0123456789", "0" * 10)
#: Letters alone can be a token from this length; hexadecimal digits only behind a prefix.
_LONG: Final = 20
_HASH: Final = 32


def may_hold_secret(text: str) -> bool:
    """Return True if a text must be searched with the whole scanner."""
    for m in _RUN.finditer(text):
        if _is_token(m[0], text[m.start() - 1 : m.start()]):
            return True
    lower = text.lower()
    return any(word in lower and _is_followed(lower, word, rest) for word, rest in _SIGNS)


def _is_followed(lower: str, word: str, rest: str) -> bool:
    pattern = re.compile(rest, re.S)  # once: `re` keeps it
    at = lower.find(word)
    while at >= 0:
        at += len(word)
        if pattern.match(lower, at) is not None:
            return True
        at = lower.find(word, at)
    return False


def _is_token(run: str, before: str) -> bool:
    """Return True for letters and digits that neither a person nor a hash function wrote."""
    if _HEXADECIMAL.issuperset(run.lower()):
        return len(run) >= _HASH and before in ("_", "-")
    groups = len(run.translate(_DIGITS).replace("0", " ").split())
    is_mixed = sum(map(str.isupper, run)) / len(run) >= 0.25
    if run.isalpha():
        return len(run) >= _LONG and is_mixed and not run.isupper()
    return is_mixed or groups > 1
