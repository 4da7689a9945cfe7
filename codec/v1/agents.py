"""Recognize the names of agents in a log, and text that only looks like one.

A branch (`claude/fix-x`), a path and the name of a command-line tool are not agents.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

#: The beginnings of the names of agents and models, in lower case.
KNOWN_AGENTS: Final = (
    "aider", "amazon q", "amp", "antigravity", "augment", "auggie", "bolt", "chatgpt", "claude",
    "cline", "codeium", "codex", "copilot", "github copilot", "crush", "cursor", "deepseek",
    "devin", "droid", "factory droid", "gemini", "glm", "goose", "gpt", "grok", "haiku", "human",
    "jules", "junie", "kilo code", "kimi", "kiro", "llama", "lovable", "manus", "minimax",
    "mistral", "devstral", "codestral", "openai", "opencode", "openhands", "opus", "qoder", "qwen",
    "replit agent", "roo code", "roo", "sonnet", "swe-agent", "trae", "warp", "windsurf", "zed",
)  # fmt: skip
#: Text that may follow such a name and belongs to it.
_PARTS: Final = (
    "agent", "agents", "ai", "assistant", "chat", "cli", "cloud", "code", "coder", "codex",
    "composer", "exp", "fable", "fast", "flash", "haiku", "high", "ide", "instant", "instruct",
    "k2", "large", "latest", "lite", "low", "max", "medium", "mini", "nano", "opus", "preview",
    "pro", "r1", "sonnet", "small", "spark", "subagent", "thinking", "tiny", "turbo", "ultra",
    "web", "xhigh", "gpt", "claude", "gemini", "bot",
)  # fmt: skip
#: Words for roles, in logs that name agents by their role.
ROLES: Final = frozenset((
    "agent", "analyst", "architect", "architekt", "assistant", "auditor", "bot", "builder",
    "coder", "coordinator", "critic", "debugger", "designer", "developer", "devops", "docs",
    "engineer", "executor", "explorer", "implementer", "integrator", "investigator", "lead",
    "maintainer", "manager", "mason", "mentor", "operator", "orchestrator", "owner", "planner",
    "pm", "programmer", "qa", "researcher", "reviewer", "scout", "scribe", "security", "subagent",
    "supervisor", "tester", "verifier", "worker", "writer",
))  # fmt: skip
_VENDORS: Final = frozenset((
    "anthropic", "openai", "google", "meta", "mistralai", "mistral", "xai", "x-ai", "deepseek",
    "qwen", "alibaba", "moonshot", "moonshotai", "zai", "z-ai", "microsoft", "amazon",
    "openrouter", "vendor", "github",
))  # fmt: skip

_NAME = "|".join(re.escape(name) for name in sorted(KNOWN_AGENTS, key=len, reverse=True))
_PART = rf"(?:v?\d+(?:\.\d+){{0,3}}[a-z]?|o\d|{'|'.join(_PARTS)})"
_AGENT = re.compile(
    rf"@?(?:the\s+)?(?:{_NAME})(?:[\s_.-]?{_PART}(?![^\W_])){{0,6}}"
    r"(?:\s*[(\[（](?P<model>[^()\[\]（）]{0,60})[)\]）])?",
    re.I,
)
#: A model with its version, and a remark in brackets that is not another agent.
_NOTED_VERSION = re.compile(
    rf"(?P<name>[^()\[\]]*\d[^()\[\]]*?)\s*[(\[](?!(?:{_NAME})\b)[^()\[\]]*[)\]]", re.I
)
_TOGETHER = re.compile(r"\s*[/+&]\s*")
_ROLE = re.compile(
    r"(?P<role>[^\W\d_][\w.-]{0,29})(?:[ -]?\d{1,3})?(?:\s*\((?P<model>[^()]{1,60})\))?"
)
_ID_NOTE = re.compile(
    r"\s*[(\[](?:[^()\[\]]*\b(?:session|sess|conversation|thread|run|id|sitzung|sesi[óo]n|sess[ãa]o|séance"
    r"|sessione|сессия|сеанс|会话|會話|セッション|세션)(?![a-z])[^()\[\]]*"
    r"|(?=[^()\[\]]*\d)(?=[^()\[\]]*[a-z])[0-9a-z]{8}[0-9a-z_-]*)[)\]]\s*$",
    re.I,
)
_LINK = re.compile(r"\[([^\[\]]+)\]\([^()]*\)")
_LONGEST: Final = 200
#: More words than the name of an agent with its model and client has.
_MANY_WORDS: Final = 9
_SENTENCE = re.compile(r"[^.;!?]{12,}[.;!?](?:\s|$)")
_PATH = re.compile(r"[\w.~@-]*[/\\][\w.@-]|\.[a-z]{1,4}$|\w+\(\)$", re.I)
_BRANCHES: Final = frozenset((
    "main", "master", "develop", "dev", "trunk", "work", "release", "staging",
))  # fmt: skip


@lru_cache(maxsize=4096)
def is_agent(text: str) -> bool:
    """Return True if a text is only the names of known agents or models."""
    text = text.strip(" \t*_`@")
    if not text or len(text) > 80:
        return False
    m = _AGENT.fullmatch(text)
    if m is None:
        names = _TOGETHER.split(text)
        return 1 < len(names) < 4 and all(map(_AGENT.fullmatch, names))
    return m["model"] is None or not re.search(r"[.!?;]\s", m["model"])


@lru_cache(maxsize=4096)
def is_role(text: str) -> bool:
    """Return True if a text names a role: a word in capitals, or a word for an agent's work.

    The model in that role may follow in brackets.
    """
    m = _ROLE.fullmatch(text.strip(" *_`[]"))
    if m is None:
        return False
    role = m["role"]
    words = re.split(r"[-_.]", role.lower())
    capitals = role.isupper() and len(role) > 2 and not re.fullmatch(r"[A-Z]{1,4}-?\d.*", role)
    is_model = m["model"] is None or is_agent(m["model"])
    return is_model and (capitals or any(word in ROLES for word in words))


@lru_cache(maxsize=4096)
def stated_agent(text: str, *, known_only: bool = False) -> str:
    """Return the agent that a field states; empty for a branch, a path, a tool or a sentence.

    Args:
        text: the value as written.
        known_only: accept only known agents, as after a label such as `Tool`.
    """
    text = _LINK.sub(r"\1", text[:_LONGEST]).strip(" \t*_`")
    text = _ID_NOTE.sub("", text).strip(" \t*_`")
    if is_agent(text) and "(" not in text:
        return text if _AGENT.fullmatch(text) else _TOGETHER.sub(" ", text)
    noted = _NOTED_VERSION.fullmatch(text)
    if noted and is_agent(noted["name"]):
        return noted["name"]
    vendor, slash, model = text.partition("/")
    if slash and vendor.strip().lower() in _VENDORS and model.strip():
        text = model.strip()
    if known_only:
        return text if is_agent(text) else ""
    if text.lower() in _BRANCHES or (" / " not in text and _PATH.search(text)):
        return ""
    if len(text) > 40 and (len(text.split()) > _MANY_WORDS or _SENTENCE.match(text)):
        return ""
    return text


def is_branch(text: str) -> bool:
    """Return True if a text is a branch or a path, and so not an agent."""
    text = text.strip(" `*")
    return bool(text) and stated_agent(text) == ""
