"""Read `.aider.chat.history.md` of aider: the chats of one folder, one after the other.

    # aider chat started at 2026-06-09 14:01:00
    > Main model: gpt-4o with diff edit format
    #### add a retry to the webhook
    The answer of the model.
    > Applied edit to src/webhook.py
    > Commit 1a2b3c4 feat: retry

1. aider ends each line that it writes itself with two spaces; headings by a model do not have them.
   If no line of a chat has them (an editor removed them), only the first `####` is a prompt.
2. Only the beginning of a chat has a time, without a zone. There is no duration, and token numbers
   are rounded, so they count as unknown.
3. Edits have only a path. The commits of aider are listed, so git has the diff.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from codec.agents.edit_events import Edit
from codec.agents.prompts import words_of
from codec.agents.transcript_events import Answer, Command, Event, Line, Prompt

#: The first line of a chat.
STARTED: Final = re.compile(r"# aider chat started at (?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\s*")
_ASKED: Final = "####"
_OWN: Final = "  "
_MODEL: Final = re.compile(r"> (?:Main )?[Mm]odel: (?P<model>\S+)(?: with .*)?")
_EDITED: Final = re.compile(r"> (?:Applied edit to|Creating empty file) (?P<path>.+)")
_COMMIT: Final = re.compile(r"> Commit (?P<commit>[0-9a-f]{7,64}) .*")
_RUN: Final = re.compile(r"(?:/run|/test|!) ?(?P<command>.+)")
#: Commands whose argument is a task.
_TASK: Final = re.compile(r"/(?:ask|architect|code|context)\s+(?P<task>.+)", re.S)
_BLANK: Final = "<blank>"


def read_aider(lines: Iterable[str], time: int, folder: str) -> Iterator[Event]:
    """Yield the events of one chat.

    Args:
        lines: the lines after the first one.
        time: when the chat started, in milliseconds since 1970.
        folder: the folder of relative paths.
    """
    yield Line(time)
    asked: list[str] = []
    weak: list[str] = []
    is_own = False
    for line in lines:
        text = line.rstrip()
        if text.startswith(_ASKED) and (text == _ASKED or text[len(_ASKED)] == " "):
            own = line.rstrip("\r\n").endswith(_OWN)
            is_own = is_own or own
            (asked if own else weak).append(text[len(_ASKED) + 1 :])
            continue
        if asked:
            yield from _prompt("\n".join(asked), time)
            asked = []
        if m := _MODEL.fullmatch(text):
            yield Answer(time, "", m["model"])
        elif m := _EDITED.fullmatch(text):
            yield Edit(time=time, path=m["path"], folder=folder)
        elif m := _COMMIT.fullmatch(text):
            yield Command(time, time, "git commit", commits=(m["commit"],))
    if asked:
        yield from _prompt("\n".join(asked), time)
    if weak and not is_own:
        yield from _prompt(weak[0], time)


def _prompt(text: str, time: int) -> Iterator[Event]:
    """Yield the prompt of a user; commands of aider are not tasks."""
    task = _TASK.fullmatch(text)
    if command := _RUN.fullmatch(text):
        yield Command(time, time, command["command"])
    elif task or not (text.startswith("/") or text.strip() in {"", _BLANK}):
        found = words_of(task["task"] if task else text)[0]
        if found:
            yield Prompt(time, found)
