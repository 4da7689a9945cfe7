"""Decide whether a value can be a secret: placeholders, names, paths, code and examples cannot.

A rule finds a shape (`secrets.patterns`); these functions judge its value. Too many warnings teach
users to allow secrets without looking, so a value that looks like words is a secret only if a user
chose it: after the name of a password, or in a URL.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections import Counter
from itertools import pairwise
from math import log2
from typing import Final
from urllib.parse import unquote_to_bytes

_URL = re.compile(rb"://[^\s/:@\"'<>]{0,64}:(?P<secret>[^\s/@\"'<>]{6,256})@[\w\[.-]")
#: Text in a value that marks it as a placeholder, a reference, a pattern or an example; lower case.
_PLACEHOLDER = re.compile(
    rb"example|change[_-]?(?:me|this)|placeholder|redacted|your[_-]|[_-]here(?![a-z])|^eyj[\w.-]*\.(?:test|fake|sig|signature)$|x{5}"
    rb"|\*{3}|\.{3}|<[\w .:-]*>|\{[\w.:$ -]*\}|\{\{|\$[({]|^\$[a-z_]|%[(s]|process\.env|os\.environ"
    rb"|do[_-]not|foobar|a1b2c3d4|^\.\*|\.[*+](?:$|[/\\\"'?)])|\][*+{]|\[\w-\w|\[\^|\\[dsw][*+{\\]"
    rb"|deadbeef|long[_-]?enough"
    rb"|eby8vdm02xnocqfl"  # the account that every Azurite has
    rb"|sflkxwrjsmekkf2q"  # signs the token that jwt.io shows
    rb"|^phc_\w{40}"  # a project's key of PostHog, which every page that uses it shows
    rb"|16c7e42f292c6912e7710c838347ae178b4a"  # the token in GitHub's documentation
)
#: Words and character runs that carry no secret, in lower case.
_WORD = re.compile(
    rb"p[a@4][s$5]{2}(?:w[o0]rd|wd|phrase|code)?|pwd|secret|credential|token|api|key|admin|root|user(?:name)?"
    rb"|test(?:ing)?|login|default|access|aws|my|super|foo|bar|baz|qux|hunter|letmein|qwerty|asdf"
    rb"|abc(?:d(?:ef)?)?|def(?=\d)|xyz|dummy|fake|sample|demo|0?1234?5?6?7?8?9?0?|(?<![a-z\d])s3(?![a-z\d])|[rhep]s(?:256|384|512)"
    rb"|(?:sha|md|base|u?int|utf-?|float|aes|hmac|rsa|ed)\d{1,5}"
)
_PASS_WORD = re.compile(rb"p[a@4][s$5]{2}|pwd|secret|token|test|dummy|fake|demo|sample")
_WORDS = re.compile(rb"[a-z]*(?:[_.-][a-z]*)+")
#: The rest of a weak password such as `SecurePass123!` without its common words.
_CHOSEN_LIGHTLY = re.compile(rb"[a-z]*[_-]?\d{0,4}[!@#$.?*]{0,2}")
_PATH = re.compile(rb"(?:\.{0,2}|~|[a-z]:)[/\\]|[\w.-]+(?:/[\w.-]+)+\.\w{1,5}$")
#: A path of a web service or of a file system, whose first part is a word, or the name of a file.
_ROUTE = re.compile(
    rb"/[a-z][a-z_-]{1,24}/[\w./{}:-]+$"
    rb"|[\w.%+-]{1,128}\.(?:png|jpe?g|gif|svg|webp|pdf|html?|css|json|ya?ml|toml|txt|md)$"
)
_CODE = re.compile(rb"[A-Za-z_]\w*(?:=\w|\??\.[A-Za-z_]|::|->)")
_OPERATOR = re.compile(rb"[!&*+?]{1,2}[A-Za-z_]")
_LETTER = re.compile(rb"[A-Za-z]")
_DIGIT = re.compile(rb"\d")
_SIGN = re.compile(rb"[!@#$%^&*?~+|]")
_CAMEL = re.compile(rb"[A-Z]{0,5}[a-z]*(?:[A-Z][a-z]+)*[A-Z]{0,5}")
#: One part of an identifier: a word, words in camel case, a number, a word with a number.
_PIECE = re.compile(
    rb"[a-z]{3,24}(?:[A-Z]{1,5}[a-z]{2,24})*[A-Z]{2,5}|"
    rb"[a-z]*(?:[A-Z]{1,5}[a-z]{2,24}\d?)*\d{0,4}[a-z]{0,2}|[A-Z]+\d{0,4}[A-Z]{0,2}|\d{1,4}[A-Za-z]{0,2}|[0-9a-f]{1,3}"
    rb"|0?1234567890?(?:abcdef)?|12345|67890|s3cret"
    rb"|[a-z]{3,24}(?:[A-Z]{1,5}[a-z]{2,24}|A[nst]|By|I[dfns]|O[fnr]|To){2,12}"
)
_BETWEEN = re.compile(rb"[^A-Za-z0-9]+")
#: The text before the token of a URL: a Firebase link to one stored file, and the socket through
#: which Vite reloads a page on this machine.
_LINK = re.compile(
    rb"[?&]alt=media&(?:amp;|#x26;)?\Z"
    rb"|wss?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::\d{1,5})?/\?\Z"
)
_LONGEST_LINK: Final = 64
#: The kind of each character: lower case, upper case, digit, or another.
_KINDS: Final = bytes(
    ord("a" if b"a" <= c <= b"z" else "A" if b"A" <= c <= b"Z" else "0" if c.isdigit() else "-")
    for c in (bytes([n]) for n in range(256))
)
#: Three alternating kinds, four times, or two alternating kinds, eight times.
_REGULAR = re.compile(
    b"(?:%s)[aA0]{0,2}"
    % b"|".join(
        b"(?:%s){%d,}" % (turn, least)
        for turns, least in (
            ((b"aA0", b"a0A", b"Aa0", b"A0a", b"0aA", b"0Aa"), 4),
            ((b"a0", b"0a", b"A0", b"0A", b"aA", b"Aa"), 8),
        )
        for turn in turns
    )
)
#: Length of a typed sequence in which each character follows the one before, as in `12345678`.
_TYPED: Final = 8
_STEPS: Final = b"\1" * (_TYPED - 1)
#: The beginning of a URL that continues at the searched position; of bounded length.
_ADDRESS = re.compile(rb"https?://[^\s\"'<>?=&:]{1,256}(?<=[A-Za-z0-9][-_])\Z")
_LONGEST_ADDRESS: Final = 300
_JWT_START: Final = b"eyJ"
#: The length in bytes from which a value is too long for an identifier.
_LONGEST_NAME: Final = 80


def can_be_secret(value: bytes) -> bool:
    """Return False for values from another scanner that are placeholders, or URLs with one."""
    if (m := _URL.search(value)) is not None:
        return is_url_password(m["secret"])
    return not is_placeholder(value)


def is_inside_address(data: bytes, start: int) -> bool:
    """Return True if the byte at `start` continues a word of a URL: `https://docs/of-xai-models`."""
    word = _ADDRESS.search(data, max(0, start - _LONGEST_ADDRESS), start)
    return word is not None


def is_public_link(data: bytes, start: int) -> bool:
    """Return True if the name at `start` is a parameter of a link that opens nothing else."""
    return _LINK.search(data, max(0, start - _LONGEST_LINK), start) is not None


def is_url_password(value: bytes) -> bool:
    """Return True if the password in a URL can be a real one."""
    plain = unquote_to_bytes(value)
    return is_password(plain) or is_random(plain)


def is_placeholder(value: bytes) -> bool:
    """Return True for placeholders, variable references and dictionary words."""
    lower = value.lower()
    if _PLACEHOLDER.search(lower) or _is_typed(lower) or _is_regular(value):
        return True
    rest = _WORD.sub(b"", lower)
    if rest == lower:
        return False
    reads = value in (lower, value.upper()) or is_identifier(value)
    return len(rest) < 6 or (reads and _WORDS.fullmatch(rest) is not None)


def is_assigned_password(quoted: bytes | None, plain: bytes | None) -> bool:
    """Return True if the value of a name such as `password` can be a real password."""
    value = quoted if quoted is not None else plain
    if value is None or not _is_value(quoted, plain):
        return False
    lower = value.lower()
    if _PASS_WORD.search(lower) is None:
        return True
    rest = _WORD.sub(b"", lower)
    return _CHOSEN_LIGHTLY.fullmatch(rest) is None and not is_identifier(value)


def is_assigned_secret(quoted: bytes | None, plain: bytes | None) -> bool:
    """Return True if the value of a name such as `api_key` can be a real secret.

    Programs generate these, so a value that looks like an identifier is not a secret.
    """
    value = quoted if quoted is not None else plain
    return value is not None and _is_value(quoted, plain) and not is_identifier(value)


def is_hash(value: bytes) -> bool:
    """Return True if the hash of a password looks random, not made up."""
    return entropy(value) > 3.8


def is_hex_key(value: bytes) -> bool:
    """Return True if hexadecimal digits look random, not typed in a pattern."""
    return entropy(value) > 2.8


def is_token(value: bytes) -> bool:
    """Return True if the token in an HTTP header can be a real one."""
    return entropy(value) > 3.5 and is_secret(value) and not is_identifier(value)


def is_basic(value: bytes) -> bool:
    """Return True if a Base64 value encodes a name and a password that can be real."""
    try:
        _, colon, password = b64decode(value + b"==").partition(b":")
    except binascii.Error:
        return False
    return bool(colon) and is_password(password)


def is_typed_password(value: bytes) -> bool:
    """Return True if an argument of a command can be a real password."""
    return is_secret(value) or is_random(value)


def is_default(value: bytes) -> bool:
    """Return True if the default of a secret variable can be a real secret."""
    return is_typed_password(value) and not is_identifier(value)


def is_random(value: bytes) -> bool:
    """Return True for letters that are neither words nor a name in camel case."""
    return (
        len(value) >= 10
        and value.isalpha()
        and not _CAMEL.fullmatch(value)
        and not is_placeholder(value)
    )


def is_identifier(value: bytes) -> bool:
    """Return True for a value that consists of words and small numbers with any separators."""
    if len(value) > _LONGEST_NAME:
        return False
    text = _readable(value)
    return all(_PIECE.fullmatch(piece) for piece in _BETWEEN.split(text))


def is_secret(value: bytes) -> bool:
    """Return True if a value after a name that indicates a secret can be a secret."""
    return (
        b"://" not in value
        and is_password(value)
        and entropy(value) > 2.5
        and _ROUTE.match(value) is None
        and (_PATH.match(value) is None or entropy(value) > 4.3)
        and not _is_unsigned(value)
    )


def is_password(value: bytes) -> bool:
    """Return True if a value looks like a password that a user chose."""
    if is_placeholder(value):
        return False
    rest = _WORD.sub(b"", value.lower())
    letters, digits, signs = (bool(p.search(rest)) for p in (_LETTER, _DIGIT, _SIGN))
    mixed = value != value.lower() and value != value.upper()
    return letters and (digits or (signs and mixed))


def entropy(value: bytes) -> float:
    """Return the entropy of the data, in bits per byte."""
    size = len(value)
    return -sum(n / size * log2(n / size) for n in Counter(value).values()) if size else 0.0


def _is_value(quoted: bytes | None, plain: bytes | None) -> bool:
    """Return True if an assigned value looks secret or random; unquoted code does not count."""
    if quoted is not None:
        return is_secret(quoted) or is_random(quoted)
    return plain is not None and (is_secret(plain) or is_random(plain)) and not _is_code(plain)


def _is_code(plain: bytes) -> bool:
    """Return True for members of identifiers, such as `request.args` or `!!env.API_KEY`."""
    is_member = _CODE.match(plain) or _OPERATOR.match(plain)
    return is_member is not None and is_identifier(plain)


def _is_typed(lower: bytes) -> bool:
    """Return True for characters that follow each other, such as `12345678` or `abcdefgh`."""
    return _STEPS in bytes((after - before) % 256 for before, after in pairwise(lower))


def _is_regular(value: bytes) -> bool:
    """Return True if lower case, upper case and digits take turns, as in `aB3dF6hJ9kL2nP5`."""
    return _REGULAR.fullmatch(value.translate(_KINDS)) is not None


def _is_unsigned(value: bytes) -> bool:
    """Return True for a JSON web token without a signature, which authenticates nobody."""
    return value.startswith(_JWT_START) and value.count(b".") == 1


def _readable(value: bytes) -> bytes:
    """Return the text that a Base64 value encodes, else the value itself."""
    if len(value) % 4 or len(value) < 12:
        return value
    try:
        text = b64decode(value, validate=True)
    except binascii.Error:
        return value
    return text if all(0x20 <= byte < 0x7F for byte in text) else value
