"""Read the tool calls of Codex and their outputs."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any, Final, NamedTuple

from codec.agents.json_values import list_of, object_of, text_of

_BEGIN: Final = "*** Begin Patch"
_EXIT: Final = re.compile(r"^(?:Process exited with code|Exit code:) (?P<code>-?\d{1,10})$", re.M)
#: The text after this line of an output is what the command printed.
_OUTPUT: Final = "\nOutput:\n"


class Call(NamedTuple):
    """A tool call.

    Attributes:
        command: the command that it runs, as a text.
        patch: the patch that it applies; empty for another tool.
        folder: the folder that it runs in; empty for the current one.
    """

    command: str = ""
    patch: str = ""
    folder: str = ""


def call_of(payload: dict[str, Any]) -> Call:
    """Return the command or patch of a call, whose arguments are a JSON text or plain text."""
    given = payload.get("arguments") or payload.get("input")
    text = given if isinstance(given, str) else ""
    fields: dict[str, Any] = {}
    with suppress(ValueError, RecursionError):
        fields = object_of(json.loads(text))
    is_patch = payload.get("name") == "apply_patch"
    if not fields:
        action = object_of(payload.get("action"))
        asked = text_of(text) or " ".join(map(text_of, list_of(action.get("command"))))
        return Call(command=asked, patch=text if is_patch or text.startswith(_BEGIN) else "")
    value = fields.get("cmd") or fields.get("command") or ""
    words = [word for word in list_of(value) if isinstance(word, str)]
    patch = next((fields[n] for n in ("patch", "input") if isinstance(fields.get(n), str)), "")
    if words[:1] == ["apply_patch"] and len(words) > 1:
        is_patch, patch = True, words[1]
    elif isinstance(value, str) and value.lstrip().startswith("apply_patch") and _BEGIN in value:
        is_patch, patch = True, value
    return Call(
        command=" ".join(map(text_of, words)) if words else text_of(value),
        patch=patch if is_patch and _BEGIN in patch else "",
        folder=text_of(fields.get("workdir")),
    )


def output_of(payload: dict[str, Any]) -> str:
    """Return the answer of a tool as a text."""
    output = payload.get("output")
    return text_of(output if isinstance(output, str) else object_of(output).get("content"))


def exit_code_of(payload: dict[str, Any], output: str) -> int | None:
    """Return the exit code that an output states; None if it does not state one."""
    with suppress(ValueError, RecursionError):
        metadata = object_of(object_of(json.loads(output)).get("metadata"))
        code = metadata.get("exit_code")
        if isinstance(code, int):
            return code
    if object_of(payload.get("output")).get("success") is False:
        return 1
    found = _EXIT.search(output.partition(_OUTPUT)[0])
    return int(found["code"]) if found else None
