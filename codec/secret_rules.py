"""Secrets that stand in a text, by rules of our own: what scanners of providers' tokens miss.

1. A rule finds a shape, and then asks whether the value can be a secret: placeholders, variables,
   names and paths are none. Who is warned of too much allows it without a look.
2. What is found is a place, never the secret itself: it cannot be printed by mistake.
3. A patch is a text like any other: a key of many lines is the same whatever stands before them.
4. Every repetition in a pattern has an end: no text takes longer than its length allows.

A name is looked for in a copy in lower case, by patterns that begin with a literal: those that
ignore case, or begin with a choice, take ten times as long.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from math import log2
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

_AWS_KEY_ID = re.compile(rb"(?P<secret>A(?:KIA|SIA|BIA|CCA)[A-Z2-7]{16})(?![A-Za-z0-9])")
_AZURE_KEY = re.compile(rb"AccountKey=(?P<secret>[A-Za-z0-9+/]{86}==)")
_PRIVATE_KEY = re.compile(rb"-----BEGIN (?:[A-Z0-9]{2,12} ){0,2}PRIVATE KEY(?: BLOCK)?-----")
_KEY_LINE = re.compile(rb"[A-Za-z0-9+/=]{32,}")
_URL = re.compile(rb"://[^\s/:@\"'<>]{0,64}:(?P<secret>[^\s/@\"'<>]{6,256})@[\w\[.-]")
_WEBHOOK = re.compile(rb"discord(?:app)?\.com/api/webhooks/(?P<secret>\d{16,20}/[\w-]{50,80})")
_NETRC = re.compile(rb"login[ \t]{1,4}\S{1,64}\s{1,4}password[ \t]{1,4}(?P<secret>\S{6,128})")
_AUTHORIZATION = rb"authorization[\"']?\s{0,4}[:=,]\s{0,4}[\"'`]?"
_BEARER = re.compile(
    _AUTHORIZATION + rb"(?:bearer|token)\s{1,2}(?P<secret>[a-z0-9._~+/=-]{16,2048})"
)
_BASIC = re.compile(_AUTHORIZATION + rb"basic\s{1,2}(?P<secret>[a-z0-9+/=]{12,1024})")
#: How a client of registries of images keeps a name and a password, in lower case.
_STORED_AUTH = re.compile(rb"\"auth\"\s{0,4}:\s{0,4}\"(?P<secret>[a-z0-9+/=]{12,1024})\"")
#: Names whose value is a secret, in lower case.
_NAMES = tuple(
    re.compile(name)
    for name in (
        rb"pass(?:word|wd|phrase)",
        rb"pwd",
        rb"secret",
        rb"token",
        rb"credential",
        rb"api[_-]?key",
        rb"access[_-]?key",
        rb"account[_-]?key",
        rb"auth[_-]?key",
        rb"private[_-]?key",
        rb"encryption[_-]?key",
        rb"storage[_-]?key",
        rb"signing[_-]?key",
        rb"master[_-]?key",
    )
)
#: From the end of such a name to its value: the rest of the name, brackets, an operator.
_ASSIGNED = re.compile(
    rb"(?:[_-]?(?i:access|key|value|base|string|prod|live|dev)){0,3}\d{0,2}"
    rb"[\"'`\])]{0,3}[ \t]{0,20}(?:=>|:=|[=:>]|(?P<comma>,))[ \t]{0,20}"
    rb"(?:[bBrRuU]?(?P<quote>[\"'`])(?P<quoted>[^\"'`\s]{8,512})(?P=quote)"
    rb"|(?(comma)(?!))(?P<plain>[^\s\"'`,;(){}\[\]<>=][^\s\"'`,;(){}\[\]<>]{7,511})"
    rb"(?=[\s,;<&\"']|\\n|$))"
)
#: What a value that only stands for a secret has in it, in lower case.
_STAND_IN = re.compile(
    rb"example|change[_-]?(?:me|this)|placeholder|redacted|your[_-]|x{5}"
    rb"|\*{3}|\.{3}|<[\w .-]*>|\{[\w.]*\}|\{\{|\$[({]|^\$[a-z_]|%[(s]|process\.env|os\.environ"
    rb"|do[_-]not|foobar"
    rb"|eby8vdm02xnocqfl"  # the account that every Azurite has
)
#: Words and runs that make no secret of the rest, in lower case.
_WORD = re.compile(
    rb"p[a@4][s$5]{2}(?:w[o0]rd|wd|phrase|code)?|pwd|secret|token|api|key|admin|root|user(?:name)?"
    rb"|test(?:ing)?|login|default|access|aws|my|super|foo|bar|baz|qux|hunter|letmein|qwerty|asdf"
    rb"|abc(?:d(?:ef)?)?|dummy|fake|sample|demo|0?1234?5?6?7?8?9?0?|(?<![a-z\d])s3(?![a-z\d])|[rhep]s(?:256|384|512)"
    rb"|(?:sha|md|base|u?int|utf-?|float|aes|hmac|rsa|ed)\d{1,5}"
)
_WORDS = re.compile(rb"[a-z]*(?:[_.-][a-z]*)+")
_PATH = re.compile(rb"(?:\.{0,2}|~|[a-z]:)[/\\]|[\w.-]+(?:/[\w.-]+)+\.\w{1,5}$")
_CODE = re.compile(rb"[A-Za-z_]\w*(?:=\w|\.[A-Za-z_]|::|->)")
_LETTER = re.compile(rb"[A-Za-z]")
_DIGIT = re.compile(rb"\d")
_SIGN = re.compile(rb"[!@#$%^&*?~+|]")
_CAMEL = re.compile(rb"[A-Z]{0,5}[a-z]*(?:[A-Z][a-z]+)*[A-Z]{0,5}")
_BREAK = re.compile(rb"\\[nrt]|\s")
_NO_CHARACTER = re.compile(rb"[^A-Za-z0-9]+")

_FILE: Final = b"\ndiff --git a/"
_KEY_SIZE: Final = 1 << 14


class Hit(NamedTuple):
    """Where a secret stands: the rule that found it, and the bytes from `start` to `end`."""

    rule: str
    start: int
    end: int


def find_secrets(data: bytes) -> Iterator[Hit]:
    """The secrets of a text, each place once for each rule, in no order."""
    lower = data.lower()
    for rule, text, pattern, is_one in (
        ("aws-key-id", data, _AWS_KEY_ID, can_be_secret),
        ("azure-account-key", data, _AZURE_KEY, can_be_secret),
        ("url-credentials", data, _URL, _is_url_password),
        ("webhook", data, _WEBHOOK, can_be_secret),
        ("password", lower, _NETRC, _is_secret),
        ("authorization", lower, _BEARER, _is_token),
        ("authorization", lower, _BASIC, _is_basic),
        ("authorization", lower, _STORED_AUTH, _is_basic),
    ):
        for m in pattern.finditer(text):
            start, end = m.span("secret")
            if is_one(data[start:end]):
                yield Hit(rule, start, end)
    yield from _private_keys(data)
    yield from _assigned(data, lower)


def _assigned(data: bytes, lower: bytes) -> Iterator[Hit]:
    """The values of names that promise a secret."""
    for name in _NAMES:
        for m in name.finditer(lower):
            a = _ASSIGNED.match(data, m.end())
            if a is not None and _is_value(a["quoted"], a["plain"]):
                rule = "password" if m[0].startswith((b"pass", b"pwd")) else "assigned-secret"
                yield Hit(rule, *a.span("quoted" if a["quote"] else "plain"))


def _private_keys(data: bytes) -> Iterator[Hit]:
    for m in _PRIVATE_KEY.finditer(data):
        end = data.find(b"-----", m.end())
        end = min(len(data) if end < 0 else end, m.end() + _KEY_SIZE)
        lines = b"".join(_KEY_LINE.findall(data, m.end(), end))
        if len(lines) * 2 > end - m.end() and entropy(lines) > 4:
            yield Hit("private-key", m.end(), end)


def _is_token(value: bytes) -> bool:
    return entropy(value) > 3.5 and _is_secret(value)


def _is_basic(value: bytes) -> bool:
    """Whether a name and a password in Base64 are a secret."""
    try:
        _, colon, password = b64decode(value + b"==").partition(b":")
    except binascii.Error:
        return False
    return bool(colon) and _is_password(password)


def can_be_secret(value: bytes) -> bool:
    """Whether what another scanner found can be one: none is a placeholder, or a URL with one."""
    if (m := _URL.search(value)) is not None:
        return _is_url_password(m["secret"])
    return not is_stand_in(value)


def _is_url_password(value: bytes) -> bool:
    plain = unquote_to_bytes(value)
    return _is_password(plain) or _is_random(plain)


def is_stand_in(value: bytes) -> bool:
    """Whether a value says of itself that it is none: a placeholder, a variable, a word."""
    lower = value.lower()
    if _STAND_IN.search(lower):
        return True
    rest = _WORD.sub(b"", lower)
    return rest != lower and (len(rest) < 6 or _WORDS.fullmatch(rest) is not None)


def _is_value(quoted: bytes | None, plain: bytes | None) -> bool:
    """Whether what is assigned, in quotes or without, can be a secret."""
    if quoted is not None:
        return _is_secret(quoted) or _is_random(quoted)
    return plain is not None and _is_secret(plain) and _CODE.match(plain) is None


def _is_random(value: bytes) -> bool:
    """Whether a value of letters alone is no word and no name."""
    return len(value) >= 10 and value.isalpha() and not _CAMEL.fullmatch(value)


def _is_secret(value: bytes) -> bool:
    """Whether the value of a name that promises a secret can be one."""
    return (
        b"://" not in value
        and _is_password(value)
        and entropy(value) > 2.5
        and (_PATH.match(value) is None or entropy(value) > 4.3)
    )


def _is_password(value: bytes) -> bool:
    """Whether a value can be a password that somebody chose."""
    if is_stand_in(value):
        return False
    rest = _WORD.sub(b"", value.lower())
    letters, digits, signs = (bool(p.search(rest)) for p in (_LETTER, _DIGIT, _SIGN))
    mixed = value != value.lower() and value != value.upper()
    return letters and (digits or (signs and mixed))


def entropy(value: bytes) -> float:
    """The entropy of a text, in bits a byte."""
    size = len(value)
    return -sum(n / size * log2(n / size) for n in Counter(value).values()) if size else 0.0


def _characters(secret: bytes) -> bytes:
    """What a secret of many lines is made of, whatever stands before its lines."""
    return _NO_CHARACTER.sub(b"", _BREAK.sub(b"\n", secret))


@lru_cache(maxsize=1024)
def fingerprint(secret: bytes) -> str:
    """What names a secret without telling it, 16 hex digits; the same in every text.

    It takes ten milliseconds on purpose: it stands in logs that others read, and nobody is to find
    a password by trying out millions.
    """
    if _BREAK.search(secret):
        secret = _characters(secret)
    return hashlib.scrypt(secret, salt=b"session-codec/secret", n=1 << 12, r=8, p=1, dklen=8).hex()


def line_of(data: bytes, offset: int) -> int:
    """The line of a text that a byte stands in, the first being 1."""
    return data.count(b"\n", 0, offset) + 1


def file_of(patch: bytes, offset: int) -> str | None:
    """The file that a byte of a patch is about, None where the patch does not say."""
    start = patch.rfind(_FILE, 0, offset) + 1
    if not patch.startswith(_FILE[1:], start):
        return None
    line = patch[start + len(_FILE) - 1 : patch.find(b"\n", start)]
    return line.partition(b" b/")[0].decode("utf-8", "replace")
