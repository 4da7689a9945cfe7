"""Find names in a text: words with capital letters, identifiers, paths, addresses, compound words.

A name is supported only by the texts of the cited sessions. The first word of a sentence always
has a capital letter: it is a name unless it is a common first word, or the cited sessions have
it as a word.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from codec.summaries.evidence import EDGES, TOKEN, Evidence
from codec.summaries.numbers import is_numeral

_SENTENCE = re.compile(r"(?:^|[.!?:]\s+)[\s\"'(\[*-]*$")
_IDENTIFIER = re.compile(r"[_@/\\#&+=~$^|%]|\w[.:]+\w|\*\w|\w\(\)")
_POSSESSIVE = re.compile(r"'s?$")
_FORMS: Final = frozenset(("e.g", "i.e", "etc", "vs", "and/or"))
#: Words that begin sentences of reports and are not names.
_USUAL: Final = frozenset(
    re.findall(
        r"\w+",
        """
a about above across added adding additional adopted after afterwards all almost along already
also although among an and another any are around as at attempts back based because been before
began behind being below besides better between beyond both bug bugs build building built but by
can caused changed changes changing checked cleaned cleanup closed code common completed
completing configured continued converted could created creating decided decision decisions
deployed deployment despite did documentation documented documenting does done down due during
each earlier early efforts either enabled enabling encountered ended errors especially even
every existing expanded extended failed failing failure failures far few finally finished first
fix fixed fixes fixing focus focused follow followed following for found from further given had
half has have having here how however if implementation implemented implementing improved
improvement improvements improving in including increased initial initially inside instead into
introduced introducing investigated is issues it its just kept large last late later latest
learned learning left less lessons like little long made main mainly major making many may mid
might migrated migrating migration minor more moreover most mostly moved moving much multiple
must near nearly neither never new next no non none nor not notable notably notes nothing now of
off often old on once one only open or other others otherwise our out outside over overall own
part partial partially passed performance planned plans post pre previous previously problems
progress project quality quick rather re recorded redesigned reduced reducing refactored
refactoring refactors related release released remaining removal removed removing renamed
renaming reorganized repaired repeated repeatedly replaced replacing report reported reports
resolved rest restored restructured result results reverted reverting review reviewed rewrote
running same second sessions session set setting several shipped short should similar simple
simplified since single slow small so solved some sometimes soon sped split stabilized started
starting status still stopped such support supported supporting switched task tasks team test
tested testing tests than that the their them then there therefore these they things third this
those though through throughout time to together too took toward towards tried turned two under
unit unresolved until up update updated updates updating upgraded use used using usually various
verified very was ways we were what when where whereas whether which while who whole why will
with within without work worked working works would write writing written wrote yet
""",
    )
)


def unsupported_name(text: str, evidence: Evidence) -> str | None:
    """Return the first name in a text that no cited session has; None if all names are supported.

    Args:
        text: the text in its plain form, without quotations and dates.
        evidence: the evidence of the cited sessions.
    """
    for m in TOKEN.finditer(text):
        token = _POSSESSIVE.sub("", m[0].strip(EDGES)).strip(EDGES)
        if not any(map(str.isalpha, token)) or any(map(str.isnumeric, token)):
            continue  # words with digits are numbers, or names that `numbers` compares as a whole
        if token.casefold() in _FORMS or is_numeral(token) or _is_known(token, evidence):
            continue
        starts = _SENTENCE.search(text[: m.start()]) is not None
        if _is_name(token, evidence, starts_sentence=starts):
            return token
    return None


def _is_known(token: str, evidence: Evidence) -> bool:
    folded = token.casefold()
    singular = folded.removesuffix("s") if token[:-1].isupper() else folded
    return not {folded, singular}.isdisjoint(evidence.tokens | evidence.words)


def _is_name(token: str, evidence: Evidence, *, starts_sentence: bool) -> bool:
    if _IDENTIFIER.search(token) or _has_caseless(token):
        return True
    parts = token.split("-")
    if starts_sentence:
        parts[0] = parts[0][:1].lower() + parts[0][1:]
    if len(parts) == 1 and parts[0].islower():
        return starts_sentence and parts[0] != token and parts[0] not in _USUAL
    return any(
        part not in _USUAL and part.casefold() not in evidence.words
        for part in parts
        if any(map(str.isalpha, part))
    )


def _has_caseless(token: str) -> bool:
    """Return True if a token has letters of a script without capital letters."""
    return any(unicodedata.category(c) in ("Lo", "Lm") for c in token)
