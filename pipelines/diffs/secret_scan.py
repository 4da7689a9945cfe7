"""Scan bytes for secrets before they leave the user's reach: archived for good, or uploaded.

1. Two scanners search every text: one that knows the tokens of providers, in this process, and our
   own rules for secrets that it misses. Nothing leaves the machine.
2. A finding names the text, the line, the rule and a fingerprint. The secret itself is never
   returned, raised, printed or logged.
3. Bytes that cannot be searched are held back: a missing or failing scanner is an error, and a
   binary change with unknown bytes is the finding `unseen`.
4. Only a few texts are in memory at a time, however many there are.
5. A text is not searched twice by the same rules, as long as all of its findings are
   allowed.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from codec.kinds import Key
from codec.patches import binary as binary_patch
from codec.patches.binary import ReadBlob
from codec.secrets import patterns as secret_rules
from codec.secrets import values as secret_values
from codec.secrets import views as secret_views
from codec.secrets.patterns import file_of, find_secrets, fingerprint, line_of
from codec.secrets.values import can_be_secret, is_inside_address
from codec.secrets.views import Unseen, views
from pipelines.diffs.secret_scan_cache import Scanned, mark_of
from pipelines.outcomes.errors import Unavailable
from pipelines.outcomes.findings import Finding
from pipelines.outcomes.progress import Advance
from pipelines.system.fs.files import read_bytes
from pipelines.workspace.user_settings import operator_file

if TYPE_CHECKING:
    from kingfisher_sdk import Scanner

#: The most findings of one text; only a text that was never checked has more.
_NAMED: Final = 20
#: Seconds for one text. After them the scanner gives up, and the text is held back.
_PATIENCE: Final = 300.0
_PEM: Final = b"-----BEGIN "
#: The rule for bytes that cannot be searched.
UNSEEN: Final = "unseen"
_FOUND_URL: Final = "betterleaks.generic-credential-uri"


class Text(NamedTuple):
    """A text to scan: its name for the user, its session, and a function that reads it."""

    name: str
    key: Key | None
    load: Callable[[], bytes]


class Scan(NamedTuple):
    """The result of a scan.

    Attributes:
        findings: the secrets, one finding for each in each text; empty if all texts may pass.
        allowed: the number of secrets that were found and are allowed.
        texts, size: the number of texts that were searched, and their bytes.
    """

    findings: list[Finding]
    allowed: int
    texts: int
    size: int


class _Looked(NamedTuple):
    findings: list[Finding]
    passed: Collection[str]
    size: int


class _Place(NamedTuple):
    """The position of a secret: its rule, its offset, and its line if known."""

    start: int
    rule: str
    line: int | None = None


class _Hit(NamedTuple):
    """A secret in a text. It never leaves this module, which returns only findings."""

    rule: str
    line: int
    file: str | None
    secret: bytes


def scan(
    texts: Iterable[Text],
    allowed: Collection[str],
    advance: Advance,
    blob: ReadBlob | None = None,
) -> Scan:
    """Search texts for secrets.

    Args:
        texts: the texts, loaded one after the other.
        allowed: fingerprints of secrets that may pass.
        advance: called with the number of searched texts.
        blob: reads the bases of deltas in binary patches.

    Raises:
        Unavailable: the scanner is missing, or failed on a text.
    """
    cores = os.cpu_count() or 1
    known = Scanned(_rules())
    waiting: deque[tuple[bytes, Future[_Looked]]] = deque()
    done: list[_Looked] = []

    def take() -> None:
        mark, future = waiting.popleft()
        looked = future.result()
        if not looked.findings:
            known.add(mark, looked.passed)
        done.append(looked)
        advance(len(done))

    with ThreadPoolExecutor(cores) as pool:
        try:
            for text in texts:
                data = text.load()
                mark = mark_of(data)
                before = known.found(mark)
                if before is not None and before.issubset(allowed):
                    done.append(_Looked([], before, len(data)))
                    continue
                waiting.append((mark, pool.submit(_look, text, data, allowed, blob)))
                if len(waiting) > 4 * cores:
                    take()
            while waiting:
                take()
        finally:
            for _, future in waiting:
                future.cancel()
    known.save()
    return Scan(
        findings=[finding for looked in done for finding in looked.findings],
        allowed=sum(len(looked.passed) for looked in done),
        texts=len(done),
        size=sum(looked.size for looked in done),
    )


class Redacted(NamedTuple):
    """A text whose secrets were replaced, and the rule and fingerprint of each."""

    text: str
    found: tuple[tuple[str, str], ...]


def redact(text: str, allowed: Collection[str], mark: str) -> Redacted:
    """Return a text with its secrets replaced.

    Args:
        text: a short text.
        allowed: fingerprints of secrets that may stay.
        mark: the replacement for each secret.

    Raises:
        Unavailable: the scanner is missing, or failed on the text.
    """
    data = text.encode(errors="surrogatepass")
    found: list[tuple[str, str]] = []
    hits = _hits(data, "a text")
    for hit in sorted(hits, key=lambda hit: len(hit.secret), reverse=True):
        name = fingerprint(hit.secret)
        if name not in allowed:
            data = data.replace(hit.secret, mark.encode())
            found.append((hit.rule, name))
    return Redacted(data.decode(errors="surrogatepass"), tuple(found))


def _look(text: Text, data: bytes, allowed: Collection[str], blob: ReadBlob | None) -> _Looked:
    findings: list[Finding] = []
    passed = []
    for hit in _hits(data, text.name, blob):
        mark = fingerprint(hit.secret)
        if mark in allowed:
            passed.append(mark)
        elif len(findings) < _NAMED:
            findings.append(_finding(text, hit, mark))
        else:
            break
    return _Looked(findings, passed, len(data))


def _finding(text: Text, hit: _Hit, mark: str) -> Finding:
    where = f" in {hit.file}" if hit.file else ""
    erase = f"erase the diff with 'session-codec purge {text.key}'" if text.key else "take it out"
    if hit.rule == UNSEEN:
        return Finding(
            code=UNSEEN,
            message=f"binary change{where} cannot be searched for secrets, fingerprint {mark}",
            file=text.name,
            line=hit.line,
            key=text.key,
            rule=hit.rule,
            fingerprint=mark,
            hint="Its base is not in the repository, or it exceeds the size limit. Check the file"
            f" yourself; to let it pass, add the fingerprint to [secrets] allow in"
            f" {operator_file()}",
        )
    return Finding(
        code="secret",
        message=f"{hit.rule}{where}: a possible secret, fingerprint {mark}",
        file=text.name,
        line=hit.line,
        key=text.key,
        rule=hit.rule,
        fingerprint=mark,
        hint=f"If it is a secret, revoke it where it is used, and {erase}. If not, add the"
        f" fingerprint to [secrets] allow in {operator_file()}",
    )


def _hits(data: bytes, name: str, blob: ReadBlob | None = None) -> Iterator[_Hit]:
    """Yield the secrets of a text, each once, in the order of their positions."""
    found: dict[bytes, _Hit] = {}
    for view in views(data, blob):
        if isinstance(view, Unseen):
            at, secret = view.start, data[view.start : view.end]
            hit = _Hit(UNSEEN, line_of(data, at), file_of(data, at), secret)
            found.setdefault(secret, hit)
            continue
        for secret, place in _places(view.data, name).items():
            whole, at = (view.data, place.start) if view.at is None else (data, view.at)
            line = place.line if view.at is None and place.line else line_of(whole, at)
            file = file_of(whole, at)
            if file is not None and secret in file.encode():
                file = None
            found.setdefault(secret, _Hit(place.rule, line, file, secret))
    yield from sorted(found.values(), key=lambda hit: hit.line)


def _places(data: bytes, name: str) -> dict[bytes, _Place]:
    """Return the positions of the secrets in one view."""
    own = sorted(find_secrets(data), key=lambda hit: hit.start)
    found: dict[bytes, _Place] = {}
    for hit in own:
        found.setdefault(data[hit.start : hit.end], _Place(hit.start, hit.rule))
    starts = [hit.start for hit in own]
    for secret, place in _foreign(data, name):
        before = bisect_right(starts, place.start + len(secret) - 1) - 1
        if secret in found:
            found[secret] = found[secret]._replace(rule=place.rule)  # this rule names the provider
        elif before < 0 or own[before].end <= place.start:
            found[secret] = place
    return found


def _foreign(data: bytes, name: str) -> Iterator[tuple[bytes, _Place]]:
    """Yield the findings of the other scanner, without those that cannot be a secret."""
    scanner = _scanner()
    try:
        found = scanner.scan(data, timeout=_PATIENCE)
    except Exception as e:
        raise Unavailable(
            f"{name}: the scanner of secrets failed ({type(e).__name__}); nothing is let through",
            hint="Report the version of kingfisher-secret-scanner and the properties of that file",
        ) from None
    for finding in found:
        secret = finding.secret.encode()
        at = finding.location
        if not finding.visible or not can_be_secret(secret):
            continue
        if finding.rule_id == _FOUND_URL and not finding.is_base64_encoded:
            continue  # our own rules judge these
        if secret.startswith(_PEM) or is_inside_address(data, at["start_offset"]):
            continue  # our own rules find keys with a body
        yield secret, _Place(at["start_offset"], finding.rule_id, at["line"])


def _rules() -> Iterator[bytes]:
    """Yield everything that decides the findings: our rules and code, and the scanner's rules."""
    modules = (secret_rules, secret_values, secret_views, binary_patch)
    for path in (*(module.__file__ for module in modules), __file__):
        source = read_bytes(path) if path else b""
        yield source or os.urandom(16)  # without its source, the version of the rules is unknown
    yield str(_sdk().__version__).encode()


@cache
def _scanner() -> Scanner:
    """Return the scanner, whose rules are compiled once for each process and cached on disk."""
    sdk = _sdk()
    try:
        scanner: Scanner = sdk.Scanner()
    except Exception as e:
        raise _not_loaded(e) from None
    return scanner


def _sdk() -> Any:
    try:
        import kingfisher_sdk
    except Exception as e:
        raise _not_loaded(e) from None
    return kingfisher_sdk


def _not_loaded(error: Exception) -> Unavailable:
    return Unavailable(
        f"the scanner of secrets cannot be loaded ({type(error).__name__}); nothing is let through",
        hint="Install session-codec again, with kingfisher-secret-scanner",
    )
