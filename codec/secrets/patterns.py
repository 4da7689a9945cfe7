"""Find secrets that scanners of provider tokens miss, by additional rules.

1. A rule finds a shape, then `secrets.values` decides whether the value can be a secret.
2. A hit is a position, never the secret itself, so that it cannot be printed by mistake.
3. Patches are searched like any text; a key of several lines is the same whatever precedes them.
4. Every repetition in a pattern is bounded, so that the time grows only with the text.

Names are searched in a lower-case copy, by patterns that begin with a literal: patterns that ignore
case, or begin with a choice, take ten times as long.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from base64 import b64decode
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from codec.secrets.values import (
    can_be_secret,
    entropy,
    is_assigned_password,
    is_assigned_secret,
    is_basic,
    is_default,
    is_hash,
    is_hex_key,
    is_public_link,
    is_secret,
    is_token,
    is_typed_password,
    is_url_password,
)

_AWS_KEY_ID = re.compile(rb"(?P<secret>A(?:KIA|SIA|BIA|CCA)[A-Z2-7]{16})(?![A-Za-z0-9])")
_AZURE_KEY = re.compile(rb"AccountKey=(?P<secret>[A-Za-z0-9+/]{86}==)")
#: The signature of a shared access: 32 bytes in Base64, usually escaped for a URL.
_AZURE_SIGNATURE = re.compile(
    rb"sig=(?<=[?&;]sig=)(?P<secret>(?:[A-Za-z0-9+/]|%2[BbFf]){43}(?:=|%3[Dd]))"
)
_PRIVATE_KEY = re.compile(rb"-----BEGIN (?:[A-Z0-9]{2,12} ){0,2}PRIVATE KEY(?: BLOCK)?-----")
_KEY_LINE = re.compile(rb"[A-Za-z0-9+/=]{32,}")
_URL = re.compile(rb"://[^\s/:@\"'<>]{0,64}:(?P<secret>[^\s/@\"'<>]{6,256})@[\w\[.-]")
_WEBHOOK = re.compile(rb"discord(?:app)?\.com/api/webhooks/(?P<secret>\d{16,20}/[\w-]{50,80})")
_MAILGUN = re.compile(
    rb"key-(?<![A-Za-z0-9_]key-)(?<![A-Za-z0-9]-key-)(?P<secret>[0-9a-f]{32})(?![0-9a-z_-])"
)
#: crypt(3) in `.htpasswd` and `shadow`: MD5, SHA-256, SHA-512, yescrypt; bcrypt after a name only.
_PASSWORD_HASH = re.compile(
    rb"(?P<secret>\$(?:apr1|1|5|6|y)\$(?:rounds=\d{1,9}\$|j[\w./]{1,8}\$)?[\w./]{1,32}\$[\w./]{22,86})"
    rb"(?![\w./$])"
)
_BCRYPT_ENTRY = re.compile(rb":\$2(?<=[\w.@-]:\$2)(?P<secret>[aby]\$\d\d\$[\w./]{53})(?![\w./])")
_NETRC = re.compile(rb"login[ \t]{1,4}\S{1,64}\s{1,4}password[ \t]{1,4}(?P<secret>\S{6,128})")
_AUTHORIZATION = rb"authorization\\{0,3}[\"']?\s{0,4}[:=,]\s{0,4}\\{0,3}[\"'`]?"
_BEARER = re.compile(
    _AUTHORIZATION + rb"(?:bearer|token)\s{1,2}(?P<secret>[a-z0-9._~+/=-]{16,2048})"
)
_BASIC = re.compile(_AUTHORIZATION + rb"basic\s{1,2}(?P<secret>[a-z0-9+/=]{12,1024})")
#: A name and a password as clients of image registries store them, in lower case.
_STORED_AUTH = re.compile(
    rb"\"auth\\{0,3}\"\s{0,4}:\s{0,4}\\{0,3}\"(?P<secret>[a-z0-9+/=]{12,1024})\\{0,3}\""
)
_ARGUMENT = (
    rb"[ \t]{0,4}\\{0,3}(?P<quote>[\"']?)(?P<secret>[^\s\"'`$|;&<>\\]{6,128})\\{0,3}(?P=quote)"
)
#: Passwords in the arguments of commands, in lower case.
_COMMANDS: Final = tuple(
    re.compile(command + _ARGUMENT)
    for command in (
        rb"mysql(?:dump|admin|import|check|show|sh|pump)?[ \t](?:[^\n|;&]{0,200}[ \t])?-p(?![ \t])",
        rb"mariadb(?:-[a-z]{2,10})?[ \t](?:[^\n|;&]{0,200}[ \t])?-p(?![ \t])",
        rb"sshpass[ \t]{1,4}-p",
        rb"redis-cli[ \t](?:[^\n|;&]{0,200}[ \t])?(?:-a|--pass)[ \t]",
        rb"docker[ \t]{1,4}login[ \t](?:[^\n|;&]{0,200}[ \t])?-p",
        rb"convertto-securestring[ \t]{1,4}(?:-string[ \t]{1,4})?(?=\\{0,3}[\"'])",
        rb"--pass(?:word|wd|phrase)?[ \t]",
        rb"--(?:api-key|api-token|auth-token|access-token|secret-key|client-secret)[ \t]",
    )
)
#: The default of a Terraform variable with the name of a secret, in lower case.
_VARIABLE = re.compile(
    rb"variable[ \t]{1,4}\\{0,3}\"?[\w-]{0,64}(?:pass|pwd|secret|token|credential|key)[\w-]{0,64}"
    rb"\\{0,3}\"?[ \t]{0,4}\{[^{}]{0,600}?\bdefault[ \t]{0,20}=[ \t]{0,20}\\{0,3}\""
    rb"(?P<secret>[^\"\s\\]{8,512})\\{0,3}\""
)
#: The 12 to 24 seed words of a wallet, 3 to 8 letters each, in lower case.
_SEEDS: Final = tuple(
    re.compile(
        cue
        + rb"[\w -]{0,20}[\\\"'`]{0,3}[ \t]{0,4}[:=][ \t]{0,4}[\\\"'`]{0,3}"
        + rb"(?P<secret>(?:[a-z]{3,8} ){11,23}[a-z]{3,8})(?![ \t]?[a-z])"
    )
    for cue in (rb"seed", rb"mnemonic", rb"recovery", rb"wallet")
)
_PROSE: Final = frozenset(
    b"the and for with from are was were not but has have had they them you your its our been into"
    b" than then their there these those which would should could".split()
)
#: Base64 of text: the first of four characters is one of 24.
_ENCODED = re.compile(rb"(?:[CDI-Za-f][A-Za-z0-9+/]{3}){8,4096}(?:[CDI-Za-f][A-Za-z0-9+/]{2}=?)?=?")
#: Maps the characters of Base64 to one letter and all others to a space.
_RUNS: Final = bytes(
    ord("x" if chr(c).isascii() and (chr(c).isalnum() or chr(c) in "+/") else " ")
    for c in range(256)
)
_SHORTEST_RUN: Final = b"x" * 36
_TEXT = re.compile(rb"[\t\r\n\x20-\x7e]{24,}")
#: Names whose value is a secret, in lower case.
_NAMES = tuple(
    re.compile(name)
    for name in (
        rb"pass(?:word|wd|phrase)",
        rb"pwd",
        rb"pass(?<=[_-]pass)(?![a-z])(?!(?<=-pass)[\"'],)",
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
#: Text before a name whose value is only a hash of the secret, as detect-secrets stores it, or is
#: public: the token of a .NET assembly, and the key of IndexNow, which each site serves as a file.
_HARMLESS: Final = (b"hashed_", b"hashed-", b"hashed", b"publickey", b"indexnow_", b"indexnow")
#: The text between such a name and its value: the rest of the name, brackets, an operator.
_ASSIGNED = re.compile(
    rb"(?:[_-]?(?i:access|key|value|base|string|prod|live|dev)){0,3}\d{0,2}"
    rb"[\\\"'`\])]{0,5}[ \t]{0,20}(?:=>|:=|[=:>]|(?P<comma>,))[ \t]{0,20}"
    rb"(?:[bBrRuU]?(?P<escape>\\{0,3})(?P<quote>[\"'`])(?P<quoted>[^\"'`\s]{8,8192})"
    rb"(?P=escape)(?P=quote)"
    rb"|(?(comma)(?!))(?:(?P<long>[A-Za-z0-9+/_.~-]{512,16384}={0,2})"
    rb"|(?P<plain>[^\s\"'`,;(){}\[\]<>=\\](?:[^\s\"'`,;(){}\[\]<>\\]|\\(?![nrt\"'])){7,511}))"
    rb"(?=[\s,;<&\"']|\\[nrt\"']|$))"
)
#: In a query string, the value ends at the next parameter.
_NEXT_PARAMETER = re.compile(rb"&(?:amp;)?[\w.-]{1,64}=")
_BREAK = re.compile(rb"\\[nrt]|\s")
_NO_CHARACTER = re.compile(rb"[^A-Za-z0-9]+")

_FILE: Final = b"\ndiff --git a/"
_KEY_SIZE: Final = 1 << 14
#: The length of the shortest value that is checked.
_SHORTEST: Final = 8


class Hit(NamedTuple):
    """The position of a secret: the rule that found it, and the bytes from `start` to `end`."""

    rule: str
    start: int
    end: int


def find_secrets(data: bytes) -> Iterator[Hit]:
    """Yield the secrets in a text, each position once for each rule, in any order."""
    yield from _secrets_in_plain(data)
    yield from _encoded(data)


def _encoded(data: bytes) -> Iterator[Hit]:
    """Yield Base64 texts that contain a secret, such as a whole `.env` file.

    The characters before such a text may be Base64 characters, too, such as the mark of a patch
    line, so all four alignments are tried.
    """
    runs = data.translate(_RUNS)
    end = 0
    while (start := runs.find(_SHORTEST_RUN, end)) >= 0:
        end = runs.find(b" ", start)
        end = len(data) if end < 0 else end
        for at in range(start, start + 4):
            m = _ENCODED.match(data, at)
            text = _decoded(m[0]) if m is not None else None
            if m is not None and text is not None and any(_secrets_in_plain(text)):
                yield Hit("base64-secret", at, m.end())
                break


def _secrets_in_plain(data: bytes) -> Iterator[Hit]:
    lower = data.lower()
    for rule, text, pattern, is_one in (
        ("aws-key-id", data, _AWS_KEY_ID, can_be_secret),
        ("azure-account-key", data, _AZURE_KEY, can_be_secret),
        ("azure-signature", data, _AZURE_SIGNATURE, can_be_secret),
        ("url-credentials", data, _URL, is_url_password),
        ("webhook", data, _WEBHOOK, can_be_secret),
        ("mailgun-key", data, _MAILGUN, is_hex_key),
        ("password-hash", data, _PASSWORD_HASH, is_hash),
        ("password-hash", data, _BCRYPT_ENTRY, is_hash),
        ("password", lower, _NETRC, is_secret),
        ("authorization", lower, _BEARER, is_token),
        ("authorization", lower, _BASIC, is_basic),
        ("authorization", lower, _STORED_AUTH, is_basic),
        ("variable-default", lower, _VARIABLE, is_default),
        *(("seed-words", lower, seed, _are_seed_words) for seed in _SEEDS),
        *(("password", lower, command, is_typed_password) for command in _COMMANDS),
    ):
        for m in pattern.finditer(text):
            start, end = m.span("secret")
            if is_one(data[start:end]):
                yield Hit(rule, start, end)
    yield from _private_keys(data)
    yield from _assigned(data, lower)


def _assigned(data: bytes, lower: bytes) -> Iterator[Hit]:
    """Yield the values of names that indicate a secret."""
    for name in _NAMES:
        for m in name.finditer(lower):
            a = _ASSIGNED.match(data, m.end())
            if (
                a is None
                or lower.endswith(_HARMLESS, 0, m.start())
                or is_public_link(data, m.start())
            ):
                continue
            start, end = a.span("quoted" if a["quote"] else "long" if a["long"] else "plain")
            if (following := _NEXT_PARAMETER.search(data, start, end)) is not None:
                end = following.start()
            value = unquote_to_bytes(data[start:end])
            quoted, plain = (value, None) if a["quote"] else (None, value)
            if plain is not None and _is_member(lower, m, start, plain.lower()):
                continue
            is_chosen = m[0].startswith((b"pass", b"pwd"))
            is_one = is_assigned_password if is_chosen else is_assigned_secret
            if len(value) >= _SHORTEST and is_one(quoted, plain):
                yield Hit("password" if is_chosen else "assigned-secret", start, end)


def _is_member(lower: bytes, name: re.Match[bytes], start: int, value: bytes) -> bool:
    """Return True for a member of the same name, as in `apiKey: given.apiKey`."""
    _, dot, last = value.rpartition(b".")
    begin = max(0, name.start() - len(last))
    return bool(dot) and name[0] in last and lower.find(last, begin, start) >= 0


def _private_keys(data: bytes) -> Iterator[Hit]:
    for m in _PRIVATE_KEY.finditer(data):
        end = data.find(b"-----", m.end())
        end = min(len(data) if end < 0 else end, m.end() + _KEY_SIZE)
        lines = b"".join(_KEY_LINE.findall(data, m.end(), end))
        if len(lines) * 2 > end - m.end() and entropy(lines) > 4:
            yield Hit("private-key", m.end(), end)


def _are_seed_words(value: bytes) -> bool:
    """Return True for the seed words of a wallet: not prose, not a few repeated words."""
    words = value.split()
    return value.islower() and len(set(words)) > len(words) // 3 and _PROSE.isdisjoint(words)


def _decoded(value: bytes) -> bytes | None:
    """Return the text that a Base64 value encodes; None if it does not encode text."""
    try:
        data = b64decode(value.rstrip(b"=") + b"==")
    except binascii.Error:
        return None
    return data if _TEXT.fullmatch(data) else None


def _characters(secret: bytes) -> bytes:
    """Return the characters of a multi-line secret, without the prefixes of its lines."""
    return _NO_CHARACTER.sub(b"", _BREAK.sub(b"\n", secret))


@lru_cache(maxsize=1024)
def fingerprint(secret: bytes) -> str:
    """Return 16 hex digits that identify a secret in every text, without revealing it.

    It takes ten milliseconds on purpose: fingerprints appear in logs that others read, and trying
    millions of passwords must stay expensive.
    """
    if _BREAK.search(secret):
        secret = _characters(secret)
    return hashlib.scrypt(secret, salt=b"session-codec/secret", n=1 << 12, r=8, p=1, dklen=8).hex()


def line_of(data: bytes, offset: int) -> int:
    """Return the 1-based line number of a byte."""
    return data.count(b"\n", 0, offset) + 1


def file_of(patch: bytes, offset: int) -> str | None:
    """Return the file to which a byte of a patch belongs; None if the patch does not name it."""
    start = patch.rfind(_FILE, 0, offset) + 1
    if not patch.startswith(_FILE[1:], start):
        return None
    line = patch[start + len(_FILE) - 1 : patch.find(b"\n", start)]
    return line.partition(b" b/")[0].decode("utf-8", "replace")
