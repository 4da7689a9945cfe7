"""The words that logs use for agents and statuses, and their names in v2.

The tables here are published in FORMATS.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from codec.names import name_of, one_line
from codec.records import Status

#: The beginnings of status texts, in lower case with spaces between words, and their statuses. A
#: text with another beginning is UNKNOWN, and the whole text becomes the remark.
STATUS_WORDS: Final[Mapping[str, Status]] = {
    **dict.fromkeys(
        ("pass", "passed", "passing", "ok", "success", "successful", "successfully", "succeeded",
         "complete", "completed", "done", "finished", "merged", "deployed", "shipped", "resolved",
         "fixed", "all done", "all complete", "✅", "✔", "✓", "☑", "🎉", "🟢",
         "fertig", "erledigt", "abgeschlossen", "erfolgreich", "erfolg", "bestanden", "behoben",
         "gelöst", "fertiggestellt",
         "terminé", "terminée", "fini", "réussi", "réussie", "succès", "complet", "complété",
         "achevé", "achevée", "fait", "résolu", "corrigé", "validé",
         "completado", "completada", "completo", "completa", "hecho", "hecha", "listo", "lista",
         "terminado", "terminada", "finalizado", "finalizada", "éxito", "exitoso", "exitosa",
         "con éxito", "aprobado", "resuelto", "resuelta", "superado",
         "concluído", "concluída", "feito", "feita", "pronto", "pronta", "sucesso", "com sucesso",
         "aprovado", "aprovada", "resolvido", "resolvida", "entregue",
         "completato", "completata", "fatto", "fatta", "finito", "finita", "terminato", "terminata",
         "concluso", "conclusa", "riuscito", "riuscita", "superato", "superata", "risolto",
         "klaar", "voltooid", "afgerond", "gereed", "gedaan", "geslaagd", "opgelost",
         "готово", "готов", "готова", "сделано", "завершено", "завершён", "завершен", "завершена",
         "выполнено", "выполнен", "выполнена", "успешно", "успех", "решено", "исправлено",
         "пройдено", "закончено",
         "виконано", "зроблено", "успішно", "вирішено", "виправлено",
         "gotowe", "ukończone", "ukończono", "zakończone", "zakończono", "zrobione", "wykonane",
         "完成", "已完成", "全部完成", "成功", "通过", "已通过", "已解决", "已修复", "已部署",
         "已合并", "已上线", "已發布", "已解決", "已修復", "通過", "已通過",
         "完了", "済", "済み", "完了済み", "対応済み", "完了しました",
         "완료", "완료됨", "성공", "통과", "해결", "해결됨"),
        "PASS",
    ),
    **dict.fromkeys(
        ("fail", "failed", "failing", "failure", "error", "errored", "broken", "aborted",
         "crashed", "unsuccessful", "❌", "✗", "✘", "🔴",
         "fehlgeschlagen", "gescheitert", "abgebrochen", "misslungen", "fehler", "kaputt",
         "échec", "échoué", "échouée", "erreur", "abandonné", "en échec",
         "fallido", "fallida", "falló", "fallo", "fracaso", "fracasado", "abortado",
         "falhou", "falha", "fracassou", "fracassado", "erro",
         "fallito", "fallita", "errore", "non riuscito", "interrotto",
         "mislukt", "gefaald", "fout", "afgebroken",
         "провал", "провалено", "провалена", "неудача", "неуспешно", "ошибка", "сломано",
         "не удалось", "упало", "упал", "прервано",
         "помилка", "невдача", "не вдалося",
         "błąd", "nieudane", "nie powiodło się",
         "失败", "已失败", "未通过", "错误", "出错", "失敗", "已失敗", "未通過", "錯誤", "エラー",
         "中止", "실패", "실패함", "오류"),
        "FAIL",
    ),
    **dict.fromkeys(
        ("partial", "partially", "incomplete", "wip", "in progress", "work in progress", "ongoing",
         "mixed", "paused", "blocked", "⚠", "🟡", "🚧", "🔄", "⏳",
         "in arbeit", "in bearbeitung", "teilweise", "unvollständig", "laufend", "läuft noch",
         "blockiert", "pausiert", "angefangen",
         "en cours", "partiel", "partielle", "partiellement", "incomplet", "bloqué", "bloquée",
         "en pause",
         "en curso", "en progreso", "en proceso", "parcial", "parcialmente", "incompleto",
         "incompleta", "bloqueado", "bloqueada", "pausado", "pausada",
         "em andamento", "em progresso", "em curso",
         "in corso", "parziale", "parzialmente", "bloccato", "bloccata", "sospeso", "sospesa",
         "in uitvoering", "bezig", "gedeeltelijk", "deels", "onvolledig", "geblokkeerd",
         "gepauzeerd",
         "в работе", "в процессе", "частично", "не завершено", "не закончено", "приостановлено",
         "заблокировано",
         "в роботі", "у процесі", "частково", "призупинено", "заблоковано",
         "w toku", "częściowo", "wstrzymane", "zablokowane",
         "进行中", "部分完成", "部分", "未完成", "暂停", "已暂停", "阻塞", "受阻", "处理中",
         "開發中", "开发中", "處理中", "進行中", "作業中", "対応中", "一部完了", "中断", "保留",
         "未完了", "진행 중", "진행중", "부분 완료", "일부 완료", "보류", "중단", "미완료"),
        "PARTIAL",
    ),
}  # fmt: skip

_SIGNS: Final = "".join(w for w in STATUS_WORDS if not w.isalpha() and " " not in w)
# Patterns are compiled at their first use: `record` and hooks need none of them.
#: The first four words of a text; a table decides which of them are the status.
_STATUS: Final = (
    rf"(?s)[\W_]*?(?P<words>[^\W\d_][\w'-]*(?:[ ][^\W\d_][\w'-]*){{0,3}}|[{_SIGNS}])\ufe0f?"
    r"(?P<rest>.*)"
)
_WORD_ENDS: Final = r"[ _-]|$"
#: A status word that one of these words follows begins a sentence: "Fixed the parser".
_OBJECTS: Final = frozenset((
    "the", "a", "an", "this", "that", "these", "those", "all", "both", "its", "their", "our",
    "my", "der", "die", "das", "den", "dem", "ein", "eine", "einen", "le", "la", "les", "l", "un",
    "une", "des", "el", "los", "las", "una", "unos", "il", "lo", "gli", "i", "o", "os", "as",
    "um", "uma", "de", "het", "een",
))  # fmt: skip
_EXIT_CODE: Final = r"exit_code: (?:(?P<zero>[+-]?0+)|-?\d+)\b.*"
_CHOICE: Final = r"[\s]*[|/][\s]*[A-Za-z]+"
#: How logs write a Claude model: its id, the id of an old one, its name.
_MODELS: Final = (
    r"(?i)claude-(?P<family>[a-z]+)-(?P<major>\d)(?:-(?P<minor>\d{1,2}))?(?:-\d{8}|-latest)?",
    r"(?i)claude-(?P<major>\d)(?:-(?P<minor>\d))?-(?P<family>[a-z]+)(?:-\d{8}|-latest)?",
    r"(?i)Claude(?: Code)?[ (]+(?:Claude )?(?P<family>Sonnet|Opus|Haiku)"
    r"[ -](?P<major>\d)(?:\.(?P<minor>\d))?\)?",
)
_NOTED_MODEL: Final = r"(?i)Claude(?: Code| CLI)? ?\((?P<model>claude-[\w.-]+)\)"
_REMARK_EDGE = " \t-–—:,;.*_`"


@lru_cache(maxsize=4096)
def status_of(text: str) -> tuple[Status, str]:
    """Return the status that a text states, and the rest of the text as the remark."""
    text = one_line(text).strip("*_` ")
    m = re.fullmatch(_EXIT_CODE, text)
    if m:
        return ("PASS", "") if m["zero"] else ("FAIL", text)
    found = _first_status(text)
    if found is None:
        return "UNKNOWN", text
    status, word, rest = found
    if re.match(_CHOICE, rest):
        return "UNKNOWN", text
    remark = _remark(rest, status)
    if not word[:1].isalpha() and remark:
        again = _first_status(remark)  # a sign, then the word with the same meaning
        if again and again[0] == status and again[1][:1].isalpha():
            remark = _remark(again[2], status)
    return status, remark


@lru_cache(maxsize=4096)
def is_status(text: str) -> bool:
    """Return True if a text is a status, with or without a remark in brackets or after a sign."""
    text = one_line(text).strip("*_`~ ")
    found = _first_status(text)
    if found is None or re.match(_CHOICE, found[2]):
        return False
    rest = found[2].strip("\ufe0f*_` ")
    if not found[1][:1].isalpha():
        return not rest or ((again := _first_status(rest)) is not None and again[0] == found[0])
    return not rest or not (rest[0].isalnum() or rest[0] in "'’/&+")


def _first_status(text: str) -> tuple[Status, str, str] | None:
    """Return the status that begins a text, the words that state it, and the text after them."""
    m = re.fullmatch(_STATUS, text)
    if m is None:
        return None
    words, rest = m["words"], m["rest"]
    ends = [e.start() for e in re.finditer(_WORD_ENDS, words)]
    for end in reversed(ends):
        word = words[:end].lower().replace("_", " ").replace("-", " ")
        status = STATUS_WORDS.get(word)
        if status is not None and (end == len(words) or words[end] != "-"):
            after = words[end:] + rest
            following = after.split(None, 1)[:1]
            is_sentence = after[:1] == " " and following and following[0].lower() in _OBJECTS
            return None if is_sentence and word.isalpha() else (status, word, after)
    return None


def agent_of(text: str, aliases: Mapping[str, str]) -> str:
    """Return an agent's short name: an alias, a Claude model's family and version, or the name."""
    text = text.strip()
    if text in aliases:
        return name_of(aliases[text])
    name = _short_name(text)
    return name_of(aliases[name]) if name in aliases else name


@lru_cache(maxsize=4096)
def _short_name(text: str) -> str:
    has_model = "(" in text or any(map(str.isdecimal, text))
    if text[:6].lower() != "claude" or not has_model:
        return name_of(text)
    noted = re.fullmatch(_NOTED_MODEL, text)
    text = noted["model"] if noted else text
    m = next(filter(None, (re.fullmatch(model, text) for model in _MODELS)), None)
    if m is None:
        return name_of(text)
    version = m["major"] + (f".{m['minor']}" if m["minor"] else "")
    return f"{m['family'].lower()}-{version}"


def _remark(rest: str, status: Status) -> str:
    """Return the text after the status word, without brackets and a repeated status sign."""
    rest = rest.replace("\ufe0f", "").strip(_REMARK_EDGE)
    if rest.startswith("(") and rest.endswith(")") and rest.count("(") == 1:
        rest = rest[1:-1].strip()
    rest = rest.strip("*_` ")
    return "" if STATUS_WORDS.get(rest) == status and not rest.isalnum() else rest
