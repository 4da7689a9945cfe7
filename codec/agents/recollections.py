"""Read the facts of a transcript for a brief: goal, corrections, the last run of tests.

1. The goal is the first prompt. A later prompt of the user corrects, asks for more, or only asks to
   continue; the last kind is left out.
2. A sentence corrects if it rejects, forbids or replaces something. Few words do that in any
   language; `_CUES` has those of ten. In another language a correction is a request here, so that
   none is lost.
3. The newest come first, because a reader with little space drops the last.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from codec.agents.prompts import task_in
from codec.agents.suite_runs import SuiteRun, last_suite_run
from codec.agents.transcript_events import Prompt, Transcript

#: Words at the beginning of a sentence that rejects what was done.
_FIRST_CUES: Final = (
    r"no(?! (?:such|problem|worries|need))|nope|nein|non|нет|nee|não|nie|stop|wait|halt|stopp|стоп"
)
#: Words that correct anywhere in a sentence, by language.
_CUES: Final = (
    # English
    r"do ?n[o’']?t|do not|never|must ?n[o’']t|must not|should ?n[o’']t|should not|stop|wrong",
    r"always|must|(?<=, )not|incorrect|undo|revert|roll ?back|instead|rather|actually|avoid",
    r"you (?:forgot|missed|broke|ignored|should have)|i (?:said|told you|meant|asked for|wanted)",
    r"leave .{1,60} alone|without (?:changing|touching|using)|not what|not like",
    # German
    r"nicht|kein(?:e[nmrs]?)?|falsch|stattdessen|statt|sondern|nie|niemals|lieber|rückgängig",
    # French
    r"pas|jamais|arrêtez?|plutôt|au lieu|annulez?|n[’']\w+ (?:pas|plus)",
    # Spanish, Portuguese, Italian
    r"nunca|jamás|en (?:vez|lugar) de|incorrecto|deshaz|no (?:uses|toques|cambies|hagas|es eso)",
    r"errado|em vez d\w+|pare de|desfaça|não (?:use|toque|mude|faça|é)",
    r"sbagliato|invece|piuttosto|annulla|non (?:usare|toccare|cambiare|fare|è)",
    # Dutch, Polish, Russian
    r"niet|geen|verkeerd|in plaats van|nooit|źle|zamiast|nigdy",
    r"не|нельзя|никогда|неправильно|неверно|вместо|отмени\w*|верни\w*|лучше",
)
#: Chinese, Japanese and Korean, which write words without spaces.
_JOINED_CUES: Final = (
    "不要|別|别|不是|不对|不對|不行|错了|錯了|停|改用|而不是|应该|應該|禁止|不能|不用|撤销|恢复"
    "|ではなく|じゃなく|ないで|やめて|違う|違います|間違|いいえ|代わりに|戻して"
    "|아니|하지 ?마|말고|대신|틀렸|잘못|멈춰|그만|되돌려|안 ?돼"
)
_CORRECTS: Final = (
    rf"^(?:{_FIRST_CUES})\b|(?<![\w’'])(?:{'|'.join(_CUES)})(?![\w’'])|{_JOINED_CUES}"
)
#: Words of prompts that only ask to continue.
_GO_ON: Final = frozenset((
    "y", "yes", "yep", "yeah", "ok", "okay", "sure", "continue", "go", "on", "ahead", "proceed",
    "thanks", "thank", "you", "please", "great", "good", "perfect", "nice", "lgtm", "do", "it",
    "keep", "going", "ja", "weiter", "bitte", "danke", "gut", "oui", "merci", "sí", "si", "sigue",
    "continúa", "gracias", "vale", "sim", "obrigado", "avanti", "grazie", "да", "продолжай",
    "дальше", "спасибо", "继续", "繼續", "好", "好的", "可以", "是的", "谢谢", "はい", "続けて",
    "네", "계속",
))  # fmt: skip
_WORD: Final = r"[\w’']+"
_SENTENCE: Final = r"(?<=[.!?;])\s+|(?<=[。！？；])|\n+"
_BLOCK: Final = r"^(```|~~~).*?(?:^\1|\Z)"
#: The characters of a sentence that says little without the next one, such as "Wrong."
_TERSE: Final = 12


class Recollection(NamedTuple):
    """The facts in a transcript that the next agent has to know.

    Attributes:
        goal: the first task; empty without a prompt.
        corrections: what the user corrected, one text for each prompt, the newest first.
        requests: the first lines of the other later prompts, the newest first.
        tests: the last run of tests; None without one.
        edited: the absolute paths of edited files.
        is_compacted: the agent summarized the conversation.
    """

    goal: str = ""
    corrections: tuple[str, ...] = ()
    requests: tuple[str, ...] = ()
    tests: SuiteRun | None = None
    edited: tuple[str, ...] = ()
    is_compacted: bool = False


def recollect(
    transcript: Transcript, edited: Iterable[str], since: int, until: int
) -> Recollection:
    """Return the facts in a part of a transcript.

    Args:
        transcript: the events of the session.
        edited: the paths of the files that the part edits.
        since, until: the part, in milliseconds since 1970; events without a time belong to it.
    """
    asked = [p for p in transcript.prompts if p.text and _is_within(p.time, since, until)]
    commands = (c for c in transcript.commands if _is_within(c.began, since, until))
    later = [(correction_in(p.text), p) for p in reversed(asked[1:])]
    return Recollection(
        goal=task_in(asked[0].text) if asked else "",
        corrections=tuple(dict.fromkeys(text for text, _ in later if text)),
        requests=tuple(dict.fromkeys(_requests(p for text, p in later if not text))),
        tests=last_suite_run(commands),
        edited=tuple(dict.fromkeys(edited)),
        is_compacted=transcript.compactions > 0,
    )


def correction_in(words: str) -> str:
    """Return the sentences of a prompt that correct something; empty if none does."""
    text = re.sub(_BLOCK, "", words, flags=re.S | re.M)
    found: list[str] = []
    is_open = False
    for sentence in filter(None, map(str.strip, filter(None, re.split(_SENTENCE, text)))):
        if is_open or re.search(_CORRECTS, sentence, re.I):
            found.append(sentence)
            is_open = sum(map(len, found)) < _TERSE
    return " ".join(found)


def _requests(prompts: Iterable[Prompt]) -> Iterator[str]:
    for prompt in prompts:
        words = re.findall(_WORD, prompt.text.lower())
        if not _GO_ON.issuperset(words):
            yield task_in(prompt.text)


def _is_within(time: int, since: int, until: int) -> bool:
    return time == 0 or since <= time <= until
