"""The plugin by which OpenCode calls our hook program: one JavaScript module without dependencies.

OpenCode loads each module in `.opencode/plugins/` and calls its exported function. A session that
is resumed has no `session.created` event: its first message starts it. Sessions of sub-agents have
a parent, and are skipped.
"""

from __future__ import annotations

import json
from typing import Final

from codec.errors import FormatError

_MARK: Final = "// session-codec: written by 'session-codec install'; edits are lost."
_SOURCE: Final = """\
import {{ spawnSync }} from "node:child_process"

const PROGRAM = {program}
const SECONDS = {seconds}

export const SessionCodec = async ({{ directory }}) => {{
  const contexts = new Map() // by session: the text that each request begins with
  const children = new Set()
  const call = (event, session, more) => {{
    const input = JSON.stringify({{ session_id: session, cwd: directory, ...more }})
    const options = {{ cwd: directory, input, encoding: "utf8", timeout: SECONDS[event] * 1000 }}
    try {{
      return spawnSync(PROGRAM, ["opencode", event], options).stdout || ""
    }} catch {{
      return "" // OpenCode works without session-codec
    }}
  }}
  const start = (session, source) => {{
    if (contexts.has(session) || children.has(session)) return
    contexts.set(session, "")
    try {{
      const answer = JSON.parse(call("start", session, {{ source }}))
      contexts.set(session, answer.hookSpecificOutput.additionalContext)
    }} catch {{
      // no workspace, or no session-codec
    }}
  }}
  return {{
    event: async ({{ event }}) => {{
      const found = event.properties ?? {{}}
      if (event.type === "session.created") {{
        if (found.info?.parentID) children.add(found.info.id)
        else start(found.info.id, "startup")
      }} else if (event.type === "session.idle" && contexts.has(found.sessionID)) {{
        call("stop", found.sessionID, {{}})
      }}
    }},
    "chat.message": async ({{ sessionID }}) => start(sessionID, "resume"),
    "experimental.chat.system.transform": async ({{ sessionID }}, output) => {{
      const text = contexts.get(sessionID)
      if (text) output.system.push(text)
    }},
    "shell.env": async ({{ sessionID }}, output) => {{
      if (sessionID) output.env.OPENCODE_SESSION_ID = sessionID
    }},
    dispose: async () => {{
      for (const session of contexts.keys()) call("end", session, {{}})
    }},
  }}
}}
"""


def plugin_source(program: str, seconds: dict[str, int]) -> str:
    """Return the source of the plugin module.

    Args:
        program: the command line of our hook program.
        seconds: the time limit of a call, by event.
    """
    values = {"program": json.dumps(program), "seconds": json.dumps(seconds)}
    return f"{_MARK}\n{_SOURCE.format(**values)}"


def is_plugin(text: str) -> bool:
    """Return True if session-codec wrote a module."""
    return text.startswith(_MARK)


def check_plugin(text: str) -> None:
    """Check that session-codec wrote a module.

    Raises:
        FormatError: something else wrote it.
    """
    if not is_plugin(text):
        raise FormatError(
            "not a plugin of session-codec; it is left as it is",
            hint="Rename it, and run the same command again",
        )
