"""The labels of fields in the entries of a log, by language.

The tables, and the lookup of a label as written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

#: The labels of each field in the form of `label_of`, the best first.
LABELS: Final[Mapping[str, tuple[str, ...]]] = {
    "agent": (
        "agent", "ai", "owner", "harness", "model", "assistant", "author", "ai agent",
        "ai assistant", "ai model", "agent name", "agent id", "coding agent", "by",
        "performed by", "done by", "implemented by", "engineer", "developer", "role", "assignee",
        "agente", "ki", "ki-agent", "bearbeiter", "bearbeitet von", "verantwortlich", "autor",
        "ausgeführt von", "modell", "assistent", "auteur", "modèle", "responsable",
        "assistant ia", "agent ia", "ia", "modelo", "asistente", "asistente ia", "agente ia",
        "responsável", "assistente", "assistente ia", "autore", "modello", "responsabile",
        "uitvoerder", "verantwoordelijke", "агент", "исполнитель", "модель", "автор", "ассистент",
        "ии", "ии-агент", "виконавець", "代理", "智能体", "智能體", "模型", "负责人", "負責人",
        "执行者", "執行者", "作者", "助手", "エージェント", "モデル", "担当", "担当者", "作業者",
        "実行者", "에이전트", "모델", "담당", "담당자", "작업자", "작성자",
    ),
    "tool": ("tool", "ai tool", "client", "ide", "editor"),
    "task": (
        "task", "title", "goal", "user goal", "objective", "feature", "task id", "tasks", "topic",
        "focus", "scope", "story", "user story", "work item", "feature id", "goals", "objectives",
        "subject", "session goal", "session focus", "request", "user request", "ticket", "intent",
        "main goal", "本轮目标", "目标", "aufgabe", "aufgaben", "titel", "ziel", "ziele", "thema",
        "auftrag", "gegenstand", "vorhaben", "tâche", "tâches", "titre", "objectif", "objectifs",
        "sujet", "but", "mission", "tarea", "tareas", "título", "objetivo", "objetivos", "tema",
        "asunto", "tarefa", "tarefas", "assunto", "attività", "compito", "titolo", "obiettivo",
        "obiettivi", "argomento", "taak", "taken", "doel", "onderwerp", "задача", "задачи",
        "цель", "цели", "тема", "название", "завдання", "мета", "назва", "zadanie", "cel",
        "temat", "任务", "任務", "标题", "標題", "主题", "主題", "目標", "本次目标", "本次任务",
        "需求", "タスク", "タイトル", "目的", "テーマ", "課題", "件名", "작업", "제목", "목표",
        "과제", "주제",
    ),
    "status": (
        "status", "state", "状态", "current status", "final status", "overall status",
        "session status", "completion status", "exit status", "zustand", "stand", "statut",
        "état", "etat", "estado", "situação", "stato", "статус", "состояние", "стан", "stan",
        "狀態", "状態", "進捗", "進捗状況", "ステータス", "状況", "상태", "진행 상태",
    ),
    "exit_code": ("exit_code", "exit code"),
    "started": (
        "started_at", "started", "start", "start time", "start_time", "started at", "begin",
        "began", "from", "begonnen", "beginn", "gestartet", "startzeit", "début", "commencé",
        "démarré", "inicio", "iniciado", "comienzo", "hora de inicio", "início", "começo",
        "iniziato", "inizio", "avviato", "aanvang", "begin tijd", "начало", "начато", "начата",
        "старт", "початок", "rozpoczęto", "начал", "开始", "开始时间", "開始", "開始時間",
        "開始日時", "開始時刻", "시작", "시작 시간", "시작일",
    ),
    "finished": (
        "finished_at", "finished", "ended_at", "end", "end time", "completed_at", "ended",
        "end_time", "finished at", "ended at", "completed at", "stopped", "closed", "until",
        "beendet", "ende", "endzeit", "abgeschlossen am", "fin", "fini à", "fecha de fin",
        "hora de fin", "finalizado", "término", "fim", "fine", "terminato", "einde", "beëindigd",
        "конец", "окончание", "завершено", "кінець", "zakończono", "结束", "结束时间", "完成时间",
        "結束", "結束時間", "終了", "終了時間", "終了日時", "終了時刻", "종료", "종료 시간",
        "완료 시간",
    ),
    "updated": (
        "updated", "updated_at", "updated at", "last updated", "last update", "modified",
        "last modified", "aktualisiert", "zuletzt aktualisiert", "mis à jour", "mise à jour",
        "actualizado", "última actualización", "atualizado", "última atualização", "aggiornato",
        "bijgewerkt", "обновлено", "оновлено", "更新", "更新时间", "更新時間", "更新日",
        "更新日時", "업데이트", "수정일",
    ),
    "date": (
        "date", "timestamp", "time", "datetime", "date/time", "when", "日期", "дата",
        "session date", "date & time", "date and time", "created", "created_at", "created at",
        "logged", "day", "datum", "zeit", "zeitpunkt", "zeitstempel", "erstellt", "erstellt am",
        "tag", "horodatage", "heure", "créé le", "fecha", "fecha y hora", "hora", "creado", "día",
        "marca de tiempo", "data", "data e hora", "data/hora", "criado em", "ora", "data e ora",
        "creato il", "giorno", "tijd", "tijdstip", "aangemaakt", "дата и время", "время",
        "создано", "дата і час", "час", "створено", "dzień", "utworzono", "时间", "時間", "日時",
        "日付", "作成日", "创建时间", "建立時間", "日期时间", "날짜", "일자", "일시", "시간",
        "작성일",
    ),
    "lines_added": ("lines added", "lines_added", "insertions", "additions"),
    "lines_removed": ("lines removed", "lines_removed", "lines deleted", "deletions"),
    "lines": (
        "lines", "lines changed", "loc", "zeilen", "lignes", "líneas", "linhas", "righe",
        "regels", "строки", "строк", "行数", "行數",
    ),
    "diff": ("diff",),
    "commits": (
        "commits", "total commits", "commit count", "number of commits", "commits made",
        "anzahl commits", "коммиты", "коммитов", "提交数", "提交次数", "コミット数", "커밋 수",
    ),
    "duration": (
        "duration", "time spent", "session duration", "elapsed", "time taken", "total time",
        "elapsed time", "dauer", "zeitaufwand", "durée", "temps passé", "duración", "duração",
        "tempo gasto", "durata", "duur", "длительность", "продолжительность", "затрачено",
        "тривалість", "czas trwania", "时长", "耗时", "用时", "時長", "耗時", "所要時間",
        "作業時間", "소요 시간", "소요시간", "작업 시간",
    ),
    "duration_min": ("duration_min", "duration min", "duration (min)", "minutes"),
    "tokens": ("tokens", "tokens used", "tokens_used", "total tokens"),
    "deployment": ("deployment",),
    "summary": (
        "summary", "overview", "session summary", "description", "tl;dr", "tldr", "context",
        "highlights", "abstract", "what", "zusammenfassung", "kurzfassung", "überblick",
        "beschreibung", "résumé", "resumen", "descripción", "resumo", "descrição", "riepilogo",
        "sommario", "riassunto", "descrizione", "samenvatting", "beschrijving",
        "résumé de session", "итог", "итоги", "резюме", "кратко", "описание", "сводка",
        "підсумок", "підсумки", "опис", "podsumowanie", "opis", "总结", "摘要", "概要", "内容",
        "概述",
        "小结", "說明", "说明", "描述", "總結", "サマリー", "要約", "まとめ", "説明", "요약",
        "개요", "설명",
    ),
    "done": (
        "done", "what was done", "work done", "completed", "work completed", "completed work",
        "accomplished", "accomplishments", "what was accomplished", "what was implemented",
        "what was built", "what was fixed", "key accomplishments", "achievements", "what i did",
        "what we did", "what changed", "actions", "actions taken", "action taken", "implemented",
        "implementation", "changes", "changes made", "key changes", "progress", "progress made",
        "completed tasks", "tasks completed", "completed this session", "activities",
        "activities performed", "work performed", "steps", "steps taken", "work", "delivered",
        "deliverables", "fixed", "shipped", "major changes", "features", "features implemented",
        "what happened", "solution", "solutions", "fix", "fixes", "resolution",
        "lösung", "lösungen", "solución", "soluciones", "solução", "soluções", "soluzione",
        "oplossing", "当前进度", "进度", "工作进度", "解决方案", "解决方法", "修复内容", "解決策",
        "解決方法", "해결 방법", "해결책",
        "erledigt", "erledigte aufgaben", "was wurde gemacht", "was getan wurde", "gemacht",
        "umgesetzt", "durchgeführt", "durchgeführte arbeiten", "änderungen", "fortschritt",
        "was erledigt wurde", "abgeschlossen", "umsetzung", "fait", "ce qui a été fait", "bilan",
        "travail effectué", "réalisé",
        "réalisations", "changements", "modifications", "terminé", "accompli",
        "actions effectuées", "hecho", "lo hecho", "qué se hizo", "que se hizo", "lo que se hizo",
        "trabajo realizado", "realizado", "cambios", "completado", "acciones", "logros",
        "avances", "progreso", "feito", "o que foi feito", "trabalho realizado", "mudanças",
        "alterações", "concluído", "ações", "progresso", "conquistas", "fatto",
        "cosa è stato fatto", "lavoro svolto", "modifiche", "completato", "realizzato", "azioni",
        "gedaan", "wat is er gedaan", "uitgevoerd", "wijzigingen", "voltooid", "uitgevoerd werk",
        "сделано", "что сделано", "что было сделано", "выполнено", "изменения",
        "выполненные задачи", "проделанная работа", "зроблено", "що зроблено", "виконано",
        "зміни", "wykonano", "zrobione", "co zrobiono", "zmiany", "完成", "已完成", "完成内容",
        "完成工作", "完成事项", "完成的工作", "做了什么", "工作内容", "主要工作", "本次完成",
        "变更", "修改", "改动", "修改内容", "变更内容", "更新内容", "进展", "完成內容",
        "做了什麼", "工作內容", "變更", "変更", "変更点", "変更内容", "実施内容", "やったこと",
        "完了", "完了事項", "作業内容", "実装", "実装内容", "対応内容", "완료", "완료 사항",
        "완료한 작업", "한 일", "작업 내용", "변경 사항", "변경사항", "진행 내용", "수행 내용",
        "구현 내용",
    ),
    "outcome": (
        "result", "outcome", "results", "outcomes", "final result", "verdict", "ergebnis",
        "ergebnisse", "resultat", "résultat", "résultats", "resultado", "resultados", "risultato",
        "risultati", "esito", "resultaat", "resultaten", "uitkomst", "результат", "результаты",
        "результати", "wynik", "wyniki", "rezultat", "结果", "結果", "成果", "결과", "성과",
    ),
    "decisions": (
        "decisions", "decision", "key decisions", "decisions made", "decisions logged",
        "design decisions", "entscheidungen", "entscheidung", "décisions", "décision",
        "decisiones", "decisión", "decisões", "decisão", "decisioni", "decisione", "beslissingen",
        "besluiten", "решения", "решение", "рішення", "decyzje", "决策", "决定", "关键决策",
        "決策", "決定", "決定事項", "意思決定", "결정", "결정 사항", "결정사항",
    ),
    "notes": (
        "notes", "note", "runtime notes", "remarks", "remark", "comments", "comment",
        "additional notes", "details", "observations", "findings", "key findings", "main findings",
        "discovered", "discoveries",
        "notizen", "notiz", "anmerkungen", "anmerkung", "bemerkungen", "hinweise", "remarques",
        "remarque", "commentaires", "notas", "nota", "observaciones", "comentarios",
        "observações", "observação", "osservazioni", "commenti", "opmerkingen", "opmerking",
        "notities", "заметки", "примечания", "примечание", "комментарии", "замечания", "нотатки",
        "примітки", "uwagi", "notatki", "备注", "备注说明", "笔记", "注意", "注意事项", "備註",
        "備考", "メモ", "補足", "注記", "비고", "메모", "참고", "노트",
    ),
    "lessons": (
        "lessons", "lesson", "lessons learned", "learnings", "learned", "learning",
        "key learnings", "what was learned", "what i learned", "what we learned", "insights",
        "insight", "takeaways", "key takeaways", "learnings for future iterations", "gotchas",
        "root cause", "gelernt", "erkenntnisse", "erkenntnis", "lehren", "lektionen", "leçons",
        "leçons apprises", "enseignements", "apprentissages", "lecciones", "lecciones aprendidas",
        "aprendizajes", "aprendizaje", "lo aprendido", "aprendizados", "lições",
        "lições aprendidas", "lezioni", "lezioni apprese", "cosa abbiamo imparato", "geleerd",
        "lessen", "geleerde lessen", "inzichten", "уроки", "выводы", "чему научились",
        "извлечённые уроки", "вывод", "висновки", "wnioski", "经验", "经验教训", "教训", "学到的",
        "收获", "心得", "經驗", "經驗教訓", "學到的", "学び", "学んだこと", "教訓", "知見",
        "気づき", "배운 점", "교훈", "학습", "인사이트",
    ),
    "blockers": (
        "blockers", "blocker", "blocked by", "blocking", "issues", "issue", "problems", "problem",
        "known issues", "open issues", "issues encountered", "challenges", "obstacles", "risks",
        "risk", "impediments", "dependencies", "errors", "blockaden", "blockierer", "hindernisse",
        "probleme", "offene probleme", "risiken", "blocages", "blocage", "points bloquants",
        "bloqueurs", "problèmes", "obstacles rencontrés", "risques", "bloqueos", "bloqueo",
        "bloqueadores", "bloqueantes", "impedimentos", "problemas", "riesgos", "bloqueios",
        "riscos", "blocchi", "ostacoli", "problemi", "rischi", "blokkades", "obstakels",
        "problemen", "risico's", "блокеры", "блокер", "проблемы", "проблема", "препятствия",
        "риски", "блокери", "проблеми", "перешкоди", "blokery", "problemy", "阻塞", "阻塞项",
        "阻碍", "障碍", "问题", "遇到的问题", "风险", "卡点", "問題", "遇到的問題", "風險",
        "阻礙", "障害", "課題点", "問題点", "ブロッカー", "懸念点", "リスク", "블로커",
        "차단 요소", "문제", "문제점", "이슈", "위험",
    ),
    "escalation": ("escalation", "escalations"),
    "next": (
        "next", "next steps", "next step", "follow-ups", "follow-up", "follow ups", "followups",
        "follow up", "notes for next session", "notes for the next session", "next session",
        "for next session", "next actions", "next action", "next up", "next tasks", "next task",
        "todo", "todos", "to do", "to-do", "remaining", "remaining work", "remaining tasks",
        "pending", "pending work", "open questions", "open items", "deferred", "handoff",
        "exact next start point", "next session goals", "next priorities", "what's next",
        "what is next", "left to do", "nächste schritte", "nächster schritt", "als nächstes",
        "weiteres vorgehen", "offen", "offene punkte", "offene fragen", "ausstehend",
        "folgeschritte", "prochaines étapes", "prochaine étape", "étapes suivantes", "à faire",
        "à suivre", "suite", "reste à faire", "suivi", "próximos pasos", "próximo paso",
        "siguientes pasos", "siguiente paso", "pasos siguientes", "pendiente", "pendientes",
        "próximo", "por hacer", "seguimiento", "próximos passos", "próximo passo",
        "próximas etapas", "pendências", "pendente", "a fazer", "seguintes passos",
        "prossimi passi", "prossimo passo", "passi successivi", "da fare", "in sospeso",
        "volgende stappen", "volgende stap", "vervolgstappen", "nog te doen", "openstaand",
        "следующие шаги", "следующий шаг", "дальше", "далее", "что дальше", "осталось", "план",
        "планы", "дальнейшие шаги", "наступні кроки", "наступний крок", "далі", "залишилось",
        "następne kroki", "kolejne kroki", "do zrobienia", "下一步", "下一步计划", "后续",
        "后续步骤", "后续工作", "后续计划", "待办", "待办事项", "待处理", "遗留问题", "剩余工作",
        "下步计划", "下一步計劃", "後續", "後續步驟", "待辦", "待辦事項", "次", "次のステップ",
        "次回", "次にやること", "今後の予定", "今後", "残作業", "残タスク", "次のアクション",
        "다음", "다음 단계", "다음 작업", "후속", "후속 작업", "할 일", "남은 작업", "향후 계획",
    ),
}  # fmt: skip

#: The fields whose text makes the notes of a session, in the order of the notes.
NOTE_FIELDS: Final = (
    "summary", "done", "outcome", "decisions", "notes", "lessons", "blockers", "escalation", "next",
)  # fmt: skip
#: The fields that date an entry, the best first.
DATE_FIELDS: Final = ("date", "started", "updated", "finished")
#: Labels of other fields that date an entry if their value is a time.
DATED_TOO: Final = (
    "completed", "erledigt", "abgeschlossen", "terminé", "completado", "concluído", "completato",
    "voltooid", "выполнено", "完成", "已完成", "完了", "완료",
)  # fmt: skip


class Place(NamedTuple):
    """The field of a label (empty if unknown), and the label's rank in the field."""

    field: str = ""
    rank: int = 0


#: The place of every label.
FIELD_OF: Final = {
    label: Place(field, rank)
    for field, labels in LABELS.items()
    for rank, label in enumerate(labels)
}
#: The labels of a line that dates a heading without a date, the best first.
DATE_LABELS: Final = (*(x for field in DATE_FIELDS for x in LABELS[field]), *DATED_TOO)

_UNKNOWN: Final = Place()
_NUMBER = re.compile(
    r"(?:\d{1,3}(?:\.\d{1,3})+[.)]?(?=\s)|\d{1,2}[.)、]|[ivx]{1,4}[.)]|#\d+|[①-⑳])\s*"
)
_NOTE = re.compile(r"\s*[(（\[][^()（）\[\]]*[)）\]]\s*$")
_JOINTS = re.compile(
    r"\s*(?:/|&|\+|,|、|・|\band\b|\bund\b|\bet\b|\by\b|\be\b|\ben\b|\bи\b|和|与|及|と)\s*"
)
_MARKS = re.compile(r"^[\W_]+|[*`_:：?？!！\s]+$")


@lru_cache(maxsize=4096)
def label_of(text: str) -> str:
    """Return a label as `LABELS` writes it: lower case, single spaces, no marks."""
    return " ".join(text.lower().replace("*", "").replace("`", "").strip("_").split())


@lru_cache(maxsize=8192)
def place_of(text: str) -> Place:
    """Return the field that a label names, however it is decorated.

    A number, a sign or an emoji before it, `(s)`, a remark in brackets and a question mark are
    ignored. Of two labels joined by `/`, `&` or a word for "and", the first known one counts.
    """
    label = label_of(text)
    found = FIELD_OF.get(label)
    if found is not None:
        return found
    label = _NUMBER.sub("", _MARKS.sub("", label), count=1) if label else label
    label = _MARKS.sub("", label.replace("(s)", "s").replace("’", "'"))
    found = FIELD_OF.get(label) or FIELD_OF.get(label.removesuffix("s"))
    if found is None and label[-1:] in ")）]":
        label = _NOTE.sub("", label)
        found = FIELD_OF.get(label)
    if found is None and len(label) <= 60:
        for part in _JOINTS.split(label)[:4]:
            found = FIELD_OF.get(part.strip())
            if found is not None:
                break
    return found or _UNKNOWN
