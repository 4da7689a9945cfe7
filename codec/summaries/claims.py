"""Check the claims of a model: a claim that its sources do not support is dropped.

1. A claim cites keys of sessions that the model was given. Every quotation, date, name and number
   in its text must be in those sessions; numbers may also be figures of the deterministic part.
2. The check uses only the claim, the sessions and the figures. So no instruction in a note, and
   no other input of the model, changes its result.
3. Statements without numbers, names, dates or quotations cannot be checked: "the tests became
   slower" passes if its keys exist.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from codec.kinds import Key
from codec.records import Session
from codec.summaries.dates import without_dates
from codec.summaries.evidence import Evidence, Figures, evidence_of, plain
from codec.summaries.names import unsupported_name
from codec.summaries.numbers import unsupported_number

Fault = Literal["text", "key", "quotation", "date", "name", "number"]
#: The most characters of a claim; longer claims are dropped.
TEXT_LIMIT: Final = 400
#: Raise it when the check changes, so that cached claims are checked again.
VERIFIER_VERSION: Final = 2

_RUN = re.compile(r"([\"`'])\1+")
_DOUBLE = re.compile(r'"([^"]*)"|`([^`]*)`')
#: An apostrophe between letters is not a quotation mark.
_SINGLE = re.compile(
    r"(?<![^\W_])'((?:[^']|(?<=[^\W_])'(?=[^\W_]))+)'(?![^\W_])|(?<![^\W_])'(?=[^\W_])(.+)"
)
_EMPHASIS = re.compile(r"(?<![\w*])(\*{1,2}|_{1,2})(?=\S)(?P<text>[^*]+?)(?<=\S)\1(?![\w*])")
#: Speech without quotation marks, and a block quotation.
_SPEECH = re.compile(
    r"\b(?:said|says|saying|wrote|writes|noted|stated|states|asked|asks|answered|replied|quoted)\b"
    r"[^:]{0,30}: ?(.+)|^> ?(.+)",
    re.I,
)


class Claim(NamedTuple):
    """A statement about sessions: its text, and the keys of the sessions that it cites."""

    text: str
    keys: tuple[Key, ...]


class Checked(NamedTuple):
    """Claims that passed, and dropped claims with the unsupported part of each."""

    kept: tuple[Claim, ...]
    dropped: tuple[tuple[Claim, Fault, str], ...]


def check_claims(
    claims: Sequence[Claim], sessions: Mapping[Key, Session], figures: Figures
) -> Checked:
    """Return the claims that the sessions support, and the others.

    Args:
        claims: the claims of a model.
        sessions: the sessions that the model was given, by key.
        figures: the figures of the deterministic part.
    """
    kept: dict[Claim, None] = {}
    dropped: list[tuple[Claim, Fault, str]] = []
    for claim in claims:
        found = fault_of(claim, sessions, figures)
        if found is None:
            kept[claim._replace(text=plain(claim.text))] = None
        else:
            dropped.append((claim, *found))
    return Checked(tuple(kept), tuple(dropped))


def fault_of(
    claim: Claim, sessions: Mapping[Key, Session], figures: Figures
) -> tuple[Fault, str] | None:
    """Return kind and text of a claim's first unsupported part; None if all parts are supported."""
    unknown = [key for key in claim.keys if key not in sessions]
    if unknown or not claim.keys:
        return "key", unknown[0] if unknown else ""
    text = plain(claim.text)
    if not any(map(str.isalpha, text)) or len(text) > TEXT_LIMIT:
        return "text", text[:40]
    evidence = evidence_of((sessions[key] for key in claim.keys), figures)
    text, quotation = _without_quotations(text, evidence)
    if quotation is not None:
        return "quotation", quotation
    text, day = without_dates(text, evidence)
    if day is not None:
        return "date", day
    name = unsupported_name(text, evidence)
    if name is not None:
        return "name", name
    number = unsupported_number(text, evidence)
    return None if number is None else ("number", number)


def _without_quotations(text: str, evidence: Evidence) -> tuple[str, str | None]:
    """Return a text without its quotations, and the first quotation that no cited session has."""
    wrong: list[str] = []

    def take(m: re.Match[str]) -> str:
        quoted = m.groupdict().get("text") or next((g for g in m.groups() if g is not None), "")
        words = quoted.strip().strip(".,;:!?…").strip().casefold()
        if not evidence.quotes(words):
            wrong.append(quoted)
        return " "

    rest = _RUN.sub(r"\1", text)
    for pattern in (_DOUBLE, _SINGLE, _EMPHASIS):
        rest = pattern.sub(take, rest)
    for m in _SPEECH.finditer(rest):
        take(m)
    if not wrong and any(mark in rest for mark in '"`'):
        wrong.append(rest[min(rest.find(m) for m in '"`' if m in rest) :][:40])
    return rest, wrong[0] if wrong else None
