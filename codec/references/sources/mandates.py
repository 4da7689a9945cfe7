"""Read what `CLAUDE.md`, `AGENTS.md` and v1 logs state: mandates, routing rules, targets.

1. A mandate is a list item that is an order (`MUST`, `NEVER`, `ALWAYS`, mandatory, required), or
   that directly follows a heading of rules. Further below such a heading, or under a heading of
   conventions or guidelines, it must begin like an order. Items that begin with never, always or
   do not come after the others, wherever they are.
      A sentence that only contains such a word is a report, not an order: in the past tense
      ("NEVER started"), in a relative clause ("the runner, which MUST have skipped it"), or as an
      attribute ("cut the MANDATORY block").
2. A log reports what happened, not what applies. In a log, sessions (everything under a heading
   with a date) and fenced blocks are skipped, and only the clearest rules count.
3. Plans and examples are not rules.
4. Text is kept as written, on one line. A long text is shortened to the sentence that makes it a
   rule, else to its first sentence, else at a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from codec.references.sources.markdown import Item, read_items
from codec.references.sources.statement import VALUE_LIMIT, Origin, Statement, shorten

_HARD_HEADING = re.compile(
    r"\b(?:mandat\w*|rules?|must(?! be\b)|non-negotiables?)\b", re.IGNORECASE
)
_SOFT_HEADING = re.compile(
    r"\b(?:requirements?|conventions?|guidelines?|standards?)\b", re.IGNORECASE
)
_ROUTES_HEADING = re.compile(r"\brout(?:e|es|ing)\b|\bdelegat\w+", re.IGNORECASE)
_TARGETS_HEADING = re.compile(r"\b(?:targets?|budgets?|thresholds?|SLOs?)\b", re.IGNORECASE)
_PERFORMANCE_HEADING = re.compile(r"\bperformance\b", re.IGNORECASE)

_LOUD = re.compile(r"\b(?:MUST|NEVER|ALWAYS|MANDATORY|REQUIRED)\b")
_REQUIRED = re.compile(
    r"\b(?:is|are|be)\s+(?:mandatory|required)\b|\b(?:mandatory|required)[.!]?$", re.IGNORECASE
)
_NOT_REQUIRED = re.compile(
    r"\b(?:not|never|no longer|as|(?:if|when|whenever|where|unless|no|was|were|been)\b[^.;]*)"
    r"\s(?:mandatory|required)\b"
    r"|\b(?:that|which|who)\s+(?:is|are)\s+(?:mandatory|required)\b",
    re.IGNORECASE,
)

_CONTEXT: Final = 80  # the characters on each side of a word that decide whether it orders

_IMPERATIVE: Final = (
    r"(?:always|never|do|don't|add|ask|avoid|check|commit|cover|create|delete|document|ensure|fix"
    r"|follow|format|handle|include|keep|limit|lint|log|maintain|make|name|pass|prefer|preserve"
    r"|prioritize|push|put|raise|read|remove|require|respect|return|review|run|squash|test|treat"
    r"|type|update|use|validate|verify|write)\b"
)
# Tense and position decide whether a sentence orders or reports; an unknown verb orders.
_PAST: Final = (
    r"(?:was|were|had|did|got|went|came|became|began|broke|brought|built|caught|cost|cut|fell|felt"
    r"|found|gave|gone|grew|held|kept|knew|left|lost|made|meant|met|ran|run|said|sat|saw|sent|stood"
    r"|stuck|taken|took|told|thought|went|won|wrote|[a-z]{2,}(?<!e)(?<!emb)ed)\b"
)
_REPORTED_BEFORE = re.compile(
    # a relative clause; a perfect or past tense; a noun ("the MUST in line 3")
    r"\b(?:(?:which|that|who|whose|because)(?:\s+(?:we|they|it|you|now|still|also|then))?"
    r"|ha[sd]|have|was|were|the|an?|this|our|its?)\s+$"
    rf"|\b(?:I|we|they|it|he|she)\s+(?:\w+ly\s+)?{_PAST}[^,.;:]*$",
    re.IGNORECASE,
)
_PASSIVE_BEFORE = re.compile(r"\b(?:is|are|be|get|gets)\s+$", re.IGNORECASE)
_REPORTED_AFTER: Final = {
    "MUST": re.compile(
        r"\s+(?:(?:not|also)\s+)?(?:have\s+(?:been\b"
        rf"|{_PAST}(?=$|[.,;:!?)]|\s+(?:the|an?|its?|this|that|all|our|their|them|by|to|in|on|at)\b))"
        rf"|(?:of|in|on|at|from|to|for|\d+)\b|(?!run\b|cost\b|cut\b){_PAST})",
        re.IGNORECASE,
    ),
    "NEVER": (_PAST_NEXT := re.compile(rf"\s+(?:(?!run\b|cut\b){_PAST}|\w+ing\b)", re.IGNORECASE)),
    "ALWAYS": _PAST_NEXT,
}
_DEMANDED_BEFORE = re.compile(r"(?:^|[.:;,!?(\[—–-]\s*)[\W_]*$")
_DEMANDED_AFTER = re.compile(
    r"\W*$|[.,;:!?)\]]|\s+(?:for|to|before|after|in|on|at|when|unless|by|and)\b"
)
_REPORT = re.compile(
    # "Removed the rule ...", "In May we changed the rules", "We dropped ...", "... was ...", but
    # not "Code that changed the state ..."
    rf"(?!\W*{_IMPERATIVE})"
    r"(?:\W*(?:\S+\s+){0,4}?(?<!that )(?<!which )(?<!who )(?!(?:run|cut|cost|set)\b)"
    rf"{_PAST}\s+(?:the|an?|all|every|our|its?|this|that|those)\b"
    rf"|\W*(?:I|we|they|it|he|she)\s+(?:\w+ly\s+)?{_PAST}"
    r"|.*(?<!that )(?<!which )(?<!who )(?<!what )\b(?:was|were|had|has been|have been)\b)",
    re.IGNORECASE,
)
_NO_RULE = re.compile(
    r"(?:future|todo|ideas?|consider|examples?|planned|later|maybe|e\.g\.)(?!\w)|.*[:?]$",
    re.IGNORECASE,
)
_ORDER = re.compile(
    rf"{_IMPERATIVE}|(?:no|only|all|every|each)\b"
    r"|\S*\d\s?%|.*\b(?:must|should|at least|at most)\b",
    re.IGNORECASE,
)
_ABSOLUTE = re.compile(r"(?:always|never|do not|don't)\b", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.!?])(?<!e\.g\.)(?<!i\.e\.)(?<!etc\.) ")
_PROTOCOL = re.compile(r"[\W\d_]*(?:The\s+)?MANDATORY\s+(?P<name>.*)")
_BAN = re.compile(r"\b(?:do not|don't|never|always|must|only)\b", re.IGNORECASE)
_GATE = re.compile(
    r"\bblocks? (?:the )?(?:PRs?|merges?|merging) (?:if|when|unless)\b"
    r"|\bcoverage (?:must|of at least|>=|≥)"
    r"|\b(?:at least|minimum|>=|≥) ?\d+ ?% (?:\w+ )?coverage\b",
    re.IGNORECASE,
)
_ROUTE = re.compile(
    r"(?:[A-Za-z][\w ]{0,30}:\s+)?(?P<glob>(?=[^\s:|]*[*/])[^\s:|]{1,80}?)\s*(?:->|=>|→)\s*"
    r"(?P<agents>[A-Za-z][\w-]*(?:(?:\s*[+,&]\s*|\s+and\s+)[A-Za-z][\w-]*)*)\.?(?:\s+\(.*\))?"
)
_BETWEEN_AGENTS = re.compile(r"\s*[+,&]\s*|\s+and\s+")

_COMPARE: Final = (
    r"(?:[<>≤≥~]=?|under|below|over|above|at least|at most|less than|more than|max(?:imum)?"
    r"|min(?:imum)?|within|of)"
)
_FIGURE: Final = r"\d[\d.,]*\s?[%+]?(?:\s?[A-Za-z]{1,7})?(?:\s\([^()]*\))?"
_TARGET = re.compile(
    r"(?:(?:keep|ensure|maintain|the)\s+)*(?P<name>[A-Za-z][\w /.()%+-]{0,39}?)\s*"
    rf"(?:[:=]\s*(?P<given>\S.{{0,39}})"
    rf"|(?P<figure>(?:[<>≤≥]=?|(?<=\s){_COMPARE}|(?<=\s))\s*{_FIGURE}))",
    re.IGNORECASE,
)
_GAPS = re.compile(r"[^a-z0-9]+")


def stated_by_agent_rules(text: str) -> Iterator[Statement]:
    """Yield the statements of a `CLAUDE.md` or an `AGENTS.md`."""
    items = list(read_items(text))
    prose = [item for item in items if not item.fenced]
    ranked = [(rank, item) for item in prose if (rank := _mandate_rank(item)) is not None]
    ranked.sort(key=lambda pair: pair[0])
    yield from (_mandate(item.text, item.line) for _, item in ranked)
    yield from _routes(items)
    yield from _targets(prose, performance=True)


def stated_by_log(text: str) -> Iterator[Statement]:
    """Yield the statements of a v1 log outside its sessions."""
    items = [item for item in read_items(text) if not item.fenced and not item.dated]
    yield from _protocols(items)
    for item in items:
        loud = item.bullet and (_orders(item.text) or _under(item, _HARD_HEADING))
        if (loud or _GATE.search(item.text)) and _may_rule(item) and not _protocol_of(item):
            yield _mandate(item.text, item.line)
    yield from _routes(items)
    yield from _targets(items, performance=False)


def _mandate_rank(item: Item) -> int | None:
    """Return 0 for a mandate, 1 for an order under a weaker heading, None for anything else."""
    if not item.bullet or not _may_rule(item):
        return None
    required = _REQUIRED.search(item.text) and not _NOT_REQUIRED.search(item.text)
    if required or _orders(item.text) or _GATE.search(item.text):
        return 0
    if item.nested:
        return None
    last = item.headings[-1] if item.headings else ""
    if _HARD_HEADING.search(last) and not _REPORT.match(last):
        return 0
    if not _ORDER.match(item.text):
        return None
    if _under(item, _HARD_HEADING):
        return 0
    return 1 if _ABSOLUTE.match(item.text) or _under(item, _SOFT_HEADING) else None


def _may_rule(item: Item) -> bool:
    other = _under(item, _ROUTES_HEADING) or _ROUTE.fullmatch(item.text)
    no_rule = _NO_RULE.match(item.text) or _REPORT.match(item.text)
    return " " in item.text and not other and not no_rule


def _orders(text: str) -> bool:
    """Return True if a word in capitals (`MUST`, `NEVER`) makes its sentence an order."""
    return any(_is_order(text, word) for word in _LOUD.finditer(text))


def _is_order(text: str, word: re.Match[str]) -> bool:
    before = text[max(0, word.start() - _CONTEXT) : word.start()]
    after = text[word.end() : word.end() + _CONTEXT]
    if reported := _REPORTED_AFTER.get(word[0]):
        if _REPORTED_BEFORE.search(before):
            return False
        return bool(_PASSIVE_BEFORE.search(before)) or not reported.match(after)
    if re.match(_IMPERATIVE, text, re.IGNORECASE) or _DEMANDED_BEFORE.search(before):
        return True
    return bool(_DEMANDED_AFTER.match(after)) and not _REPORTED_BEFORE.search(before)


def _protocols(items: list[Item]) -> Iterator[Statement]:
    """Yield each `MANDATORY ... PROTOCOL:` with its demands, or else with its first steps."""
    steps: dict[str, list[Item]] = {}
    for item in items:
        if name := _protocol_of(item):
            steps.setdefault(name, []).append(item)
    for name, found in steps.items():
        label = name.capitalize() if name.isupper() else name
        bans = [item for item in found if _BAN.search(item.text)]
        for item in bans:
            yield _mandate(f"{label}: {item.text}", item.line)
        if not bans:
            yield _mandate(f"{label}: {'; '.join(i.text for i in found)}", found[0].line)


def _protocol_of(item: Item) -> str:
    match = _PROTOCOL.match(item.headings[-1]) if item.bullet and item.headings else None
    return match["name"] if match else ""


def _routes(items: Iterable[Item]) -> Iterator[Statement]:
    for item in items:
        if route := _ROUTE.fullmatch(item.text):
            glob = route["glob"]
            if "*" in glob or glob.endswith("/") or _under(item, _ROUTES_HEADING):
                agents = tuple(dict.fromkeys(_BETWEEN_AGENTS.split(route["agents"])))
                yield Statement(
                    section="routing_rules",
                    name=glob,
                    values=tuple(shorten(agent, 40) for agent in agents[:8]),
                    origins=(Origin(line=item.line),),
                )


def _targets(items: Iterable[Item], *, performance: bool) -> Iterator[Statement]:
    for item in items:
        near = _under(item, _TARGETS_HEADING) or (
            performance and _under(item, _PERFORMANCE_HEADING)
        )
        target = _TARGET.fullmatch(item.text.rstrip(".")) if near else None
        if target is None or not any(c.isdigit() for c in target["given"] or target["figure"]):
            continue
        name = _GAPS.sub("_", target["name"].lower()).strip("_")
        if name and name.count("_") < 5:
            yield Statement(
                section="performance_targets",
                name=name,
                values=((target["given"] or target["figure"]).strip(),),
                origins=(Origin(line=item.line),),
            )


def _under(item: Item, heading: re.Pattern[str]) -> bool:
    return any(heading.search(title) and not _REPORT.match(title) for title in item.headings)


def _mandate(text: str, line: int) -> Statement:
    if len(text) > VALUE_LIMIT:
        text = next((s for s in _SENTENCE_END.split(text) if _orders(s)), text)
    text = shorten(text.rstrip("."))
    return Statement(section="mandates", values=(text,), origins=(Origin(line=line),))
