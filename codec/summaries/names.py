"""Find names in a text: words with capital letters, identifiers, paths, addresses, compound words.

1. A name is supported only by the texts of the cited sessions. The first word of a sentence always
   has a capital letter: it is a name unless it is a common first word, or the cited sessions have
   it as a word.
2. A word in lower case is a name if it is a known one, a hash, the first word of a sentence, or an
   agent or a means alone: "fixed by bob", "using redis". Other words in lower case are not checked.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from codec.summaries.amounts import EDGES, TOKEN
from codec.summaries.evidence import Evidence
from codec.summaries.known_names import KNOWN_NAMES
from codec.summaries.number_words import is_numeral
from codec.summaries.word_lists import words_of

_SENTENCE = re.compile(r"(?:^|[.!?:]\s+)[\s\"'(\[*-]*$")
_IDENTIFIER = re.compile(r"[_@/\\#&+=~$^|%]|\w[.:]+\w|\*\w|\w\(\)")
_POSSESSIVE = re.compile(r"'s?$")
_HASH = re.compile(r"(?!acceded$|defaced$|effaced$)[a-f]{7,40}")
#: Before a word that is alone as the agent or the means of a sentence.
_ALONE_BEFORE = re.compile(r"\b(?:by|using|via|uses|used) $", re.I)
_ALONE_AFTER = re.compile(r"'s?\b|\s*(?:[.,;:!?)]|$)| (?:and|at|for|in|now|on|or|to|which|with)\b")
#: Endings of words that are not names.
_ENDINGS: Final = tuple(
    words_of("s ed ing ly tion sion ment ness ity ance ence age ure ery ism al able ible")
)
#: The letters that the forms of a word have in common, and those that differ at its end.
_STEM: Final = 4
_ENDING: Final = 3
#: Words that follow "by" or "using" alone.
_ALONE: Final = frozenset(
    words_of(
        "accident chance code date day default design far git hand half it itself json now hour"
        " mistake name path size then them time type user week year yaml month one"
    )
)
_FORMS: Final = frozenset(words_of("e.g i.e etc vs and/or pr prs ok id ids"))
#: Words that begin sentences of reports and are not names.
_USUAL: Final = frozenset(
    re.findall(
        r"\w+",
        """
a about above access accuracy across active activity added adding additional address addressed
addressing adjusted adjusting adopted after afterwards agent agents aligned all allowed allowing
almost along already also alternative although among an analysis and another any api applied
applying approach architecture are area areas around as asked at attempt attempted attempts
attention audit automated automatic average back backend backup based basic because been before
began behind being below benchmarks besides best better between beyond big blocked blocker
blockers both branch breaking bringing broken brought browser bug bugs build building built but by
cache cached caching calls can careful cases cause caused causes central certain changed changes
changing check checked checking checks choice choices chose clean cleaned cleaning cleanup clear
clearing clients closed code coding combined comments commit commits common compared complete
completed completing configuration configured configuring confirmed connection connections
consistency consistent context continued contributors converted correct corrected correcting
correctness cost costs could coverage covered covering created creating current customers daily
data database deadlocks debugging decided decision decisions deleted deleting delivered delivery
dependencies dependency deployed deploying deployment design designed despite detailed details
detected detection developers development did different direct disabled disabling discovered
discussion documentation documented documenting documents does done down due duplicate duplicated
duplicates during each earlier earliest early easier edge effort efforts either empty enabled
enabling encountered ended endpoint endpoints engineers error errors especially establishing
evaluated evaluation even event events every everyone everything evidence example examples
exceptions existing expanded experiments explicit exploration explored exported exporting extended
extending external extra failed failing failure failures far fast faster feature features feedback
few figures file files final finally finished finishing first fix fixed fixes fixing flaky focus
focused folder folders follow followed following for formatting found from frontend full functions
further future general getting given gradual had half handling hardened hardening has have having
health here high higher hooks how however if implementation implemented implementing improve
improved improvement improvements improving in incidents including incomplete increased indexing
initial initialization initially input inside inspection installed installing instead integrated
integrating integration interface internal interrupted into introduced introducing introduction
investigated investigating investigation is issue issues it items its joined just keeping kept key
language large larger last late latency later latest lead leaks learned learning left less lessons
libraries light like limited limits links listed little live load loading locking logging login
logs long longer longest lower machine made main mainly maintenance major making management manual
many may memory merged merging message messages method methods metrics mid might migrated
migrating migration minor mixed mobile model models module modules monitoring more moreover most
mostly moved moves moving much multiple must near nearly neither network never new newer newest
next no non none nor not notable notably note noted notes nothing now number numbers observed
occasional of off often old on once one only open opened operations optimised optimization
optimized or order other others otherwise our out outages outcome outcomes output outside over
overall overhead own page pages parser parsing part partial partially passed passing patches
payment payments pending people per performance persistent pipeline pipelines plan planned
planning plans point points poor possible post potential pre preparing present prevented previous
previously priority private problems progress project proper properly proved provided public pull
quality queries query questions queue quick raised rare rate rather re reads ready real reason
recent recorded records recovery redesigned reduced reducing refactored refactoring refactors
regression regressions regular related release released relevant reliability remain remaining
remains removal removed removing renamed renaming reorganized repaired repeated repeatedly
replaced replacement replacing report reported reports requests required requirements research
resolution resolved resolving resource respective response responses responsible rest restarting
restored restructured result results retries retry retrying returned revealed reverted reverting
review reviewed reworked rewrote right risk risks rollback rolled routes rules running runs
runtime safe same saved saving schema scope scripts search second seconds security separate
separating server servers service services session sessions set setting setup several severe
shared shell shipped short should signing similar simple simplification simplified simplifying
since single size slow slowest small smaller smoke so solid solution solved some something
sometimes soon source special specific sped speed split stability stabilized stable stale standard
started starting startup state statistics status steps still stopped storage stored streaming
strict strong structure struggled style subsequent success successful successfully such suggested
summary support supported supporting switched sync syncing system table tables taken taking target
targeted task tasks team technical templates temporary test tested testing tests text than thanks
that the their them then there therefore these they things third this thorough those though
through throughout throughput tightened time timeouts timing to together token tokens too took
tooling tools topics total toward towards tracked tracking traffic transaction transactions
transition tried troubleshooting trying tuning turned two type types typing unable unclear under
undo unexpected unit unknown unlike unresolved until up update updated updates updating upgraded
upgrading usage use used useful user users using usually valid validation value values various
verification verified verify verifying version versions very via waiting warnings was way ways we
web well were what when where whereas whether which while who whole why wide will with within
without work worked workers workflow workflows working works would write writes writing written
wrote yes yet your zero
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
        before, after = text[: m.start()], text[m.end() :]
        if after.startswith("()"):
            return token
        is_lower = token.islower() and not _is_foreign(token)
        if is_lower and _is_lower_name(token, before, after):
            return token
        starts = _SENTENCE.search(before) is not None
        if _is_name(token, evidence, starts_sentence=starts):
            return token
    return None


def _is_known(token: str, evidence: Evidence) -> bool:
    folded = token.casefold()
    singular = folded.removesuffix("s") if token[:-1].isupper() else folded
    return not {folded, singular}.isdisjoint(evidence.tokens | evidence.words)


def _is_name(token: str, evidence: Evidence, *, starts_sentence: bool) -> bool:
    if _IDENTIFIER.search(token) or _is_foreign(token):
        return True
    parts = token.split("-")
    if starts_sentence:
        parts[0] = parts[0][:1].lower() + parts[0][1:]
    if len(parts) == 1 and parts[0].islower():
        is_unusual = starts_sentence and parts[0] != token and parts[0] not in _USUAL
        return is_unusual and not _is_form_of(parts[0], evidence)
    return any(
        part not in _USUAL and part.casefold() not in evidence.words
        for part in parts
        if any(map(str.isalpha, part))
    )


def _is_lower_name(token: str, before: str, after: str) -> bool:
    """Return True for a name in lower case that no cited session has."""
    if _HASH.fullmatch(token) or not KNOWN_NAMES.isdisjoint(re.split(r"[-'.]", token)):
        return True
    if token.startswith(("o'", "d'", "l'")):
        return True
    if token in _USUAL or not token.isalpha():
        return False
    if _SENTENCE.search(before):
        return True
    is_alone = _ALONE_BEFORE.search(before) and _ALONE_AFTER.match(after)
    return bool(is_alone) and token not in _ALONE and not token.endswith(_ENDINGS)


def _is_form_of(word: str, evidence: Evidence) -> bool:
    """Return True if a word is another form of a word in the cited sessions: retries, retry."""
    stem = word[: max(_STEM, len(word) - _ENDING)]
    return len(word) > _STEM + 1 and any(
        known.startswith(stem) and len(known) <= len(word) + _ENDING for known in evidence.words
    )


def _is_foreign(token: str) -> bool:
    """Return True if a token has letters of another script, which can look like Latin ones."""
    return any(c.isalpha() and not unicodedata.name(c, "").startswith("LATIN") for c in token)
