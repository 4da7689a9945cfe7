"""Find phrases that a reader has to decode: `make check`.

Markdown is searched outside code, quoted output and generated parts; in Python, docstrings,
comments and strings are searched. A phrase is a regular expression, and each has a replacement.
"""

from __future__ import annotations

import io
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

#: What `make check` searches: files, and folders with all Markdown and Python in them.
CHECKED: Final = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "bench",
    "codec",
    "docs",
    "pipelines",
    "tests",
)
#: Phrase, and what to write instead.
PHRASES: Final = {
    r"\b(?!there\b)\w+ (?:is|are|was|were) no (?!(?:more|longer|larger|less|other)\b)\w+": (
        "is not a"
    ),
    r"\b(?:is|are|was) (?-i:none)\b": "name the missing thing",
    r"\b(?:pass|passed): none\b": "all checks passed",
    r"\bthat which\b": "name the thing",
    r"\bthere is (?:none|no such thing)\b": "name the missing thing",
    r"\bno such thing\b": "name the missing thing",
    r"\bwhat is wrong with\b": "problems in",
    r"\bamiss\b": "wrong, missing",
    r"\b(?:tells|told)\b": "report, list, say",
    r"\btell (?:of|that|which|what|where|how)\b": "report, list, say",
    r"\bheld against\b": "compared with",
    r"\bhold(?:s|ing)? (?:it |them |everything )?against\b": "compare with",
    r"\bmade (?:again|anew)\b": "rebuilt",
    r"\bmak(?:e|es|ing) (?:it |them )?(?:again|anew)\b": "rebuild",
    r"\banew\b": "again",
    r"\bstands\b": "is, replaces, follows",
    r"\b(?:stand|stood) (?:there|here|behind|before|in|for|under|at)\b": "be, replace, follow",
    r"\bput right\b": "repair",
    r"(?<!key-)\bclash(?:es)?\b": "conflict",
    r"\bmend(?:s|ed|able)?\b": "repair",
    r"\bgiv(?:e|es|en) (?:it |them |\w+ )?back\b": "restore",
    r"\babsent here\b": "missing locally",
    r"\bwho can commit\b": "a committer",
    r"\bwhat (?:a|the) \w+ (?:brought|brings)\b": "name the thing",
    r"\bbrings? along\b": "contains",
    r"\b(?:if|unless) nobody says\b": "by default",
    r"\bsays? otherwise\b": "selects another",
    r"\ba person(?:'s)? (?:calls|says|files)\b": "user-supplied, user-owned",
    r"\bof (?:itself|himself|themselves) that\b": "state the condition",
    r"\bnothing (?:of it|is in it)\b": "none of it",
    r"\bwhat has the\b": "files that have the",
    r"\bwhat came after\b": "problems introduced since",
    r"\bof what nobody knows\b": "unknown",
    r"\bdoes not know of\b": "does not have",
    r"\bremak(?:e|es|ing)\b": "recompute, rebuild",
    r"\bend(?:s|ed)? with (?:exit code )?\d+(?=[,.;:\s]|$)": "exit with",
    r"\bis the truth\b": "is authoritative",
    r"\bas it is to be\b": "the new",
    r"\bin no order\b": "in any order",
    r"\bwith most (?!of\b)\w+": "with the most",
    r"\bone (?:JSON )?(?:line|row|entry|object|module|step|verb) an? \w+\b": "one per",
    r"\breplaces? (?:\w+ ){1,4}by (?:an?|the|another|others)\b": "replace with",
    r"\bma(?:ke|kes|de) up for\b": "repeat, compensate",
    r"\bhears? of\b": "read",
    r"\bfor want of\b": "without",
    r"\bpass(?:es|ed)? over\b": "skip",
    r"\btak(?:e|es|en|ing) (?:it |them )?out (?:again|what)\b": "remove, extract",
    r"\bof before\b": "former, from before",
    r"\bis not what\b": "differs from",
    r"\b(?:names|states|knows|says) no \w+": "does not name",
    r"\bwhat (?:is|was) (?:left|new|missing|intact|finished|pending)\b": "name the thing",
    r"\bnobody's\b": "assigned to none",
    r"\bfor nothing else\b": "only",
    r"\btaken for\b": "read as, mistaken for",
}
#: A phrase may be broken over lines, of a comment as well.
_PATTERNS: Final = {
    re.compile(phrase.replace(" ", r"[\s#]+"), re.I): instead for phrase, instead in PHRASES.items()
}
#: The phrases themselves, and the tests that search for them.
_EXAMPLES: Final = (
    Path(__file__).resolve(),
    Path(__file__).resolve().parents[1] / "tests/docs/test_phrases.py",
)
#: Parts of a page that are not its own prose: comments, code, and what is generated.
_QUOTED = re.compile(
    r"<!-- (?P<kind>generated|measured): (?P<name>[\w-]+) -->.*?<!-- end of (?:the )?[\w -]+ -->"
    r"|<!--.*?-->"
    r"|^(?P<mark>`{3,}|~{3,})[^\n]*\n.*?^(?P=mark)[ \t]*$"
    r"|`[^`\n]+`",
    re.M | re.S,
)
_NOT_NEWLINE = re.compile(r"[^\n]")
_F_STRING = re.compile(r"(?:[fF][rR]?|[rR][fF])[\"\']")
#: A raw string is a regular expression, not English; a raw docstring is.
_RAW = re.compile(r"[rRfFbB]*[rR][fFbB]*[\"'](?![\"']{2})")
#: A code, a field or an option is spelled as it is, whatever it is called.
_IDENTIFIER = re.compile(r"[fF]?([\"'])[\w.=*/-]*\1")
_EXPRESSION = re.compile(r"\{[^{}]*\}")
#: Tokens with English in them; before Python 3.12 an f-string is a STRING.
_ENGLISH: Final = frozenset(
    (tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING))
)


class Found(NamedTuple):
    """A phrase at a line of a file."""

    path: Path
    line: int
    phrase: str
    instead: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: '{self.phrase}': {self.instead}"


def find(paths: Iterable[Path]) -> Iterator[Found]:
    """Yield the phrases in files and in the Markdown and Python below folders."""
    for path in paths:
        below = [p for p in sorted(path.rglob("*")) if p.suffix in (".md", ".py")]
        for file in below if path.is_dir() else [path]:
            if file.resolve() in _EXAMPLES:
                continue
            text = file.read_text(encoding="utf-8")
            yield from search(file, _python(text) if file.suffix == ".py" else prose(text))


def search(path: Path, text: str) -> Iterator[Found]:
    """Yield the phrases in a text of a file."""
    for pattern, instead in _PATTERNS.items():
        for m in pattern.finditer(text):
            line = 1 + text.count("\n", 0, m.start())
            yield Found(path, line, " ".join(m[0].split()), instead)


def prose(text: str) -> str:
    """Return Markdown with everything but its own prose blanked out."""
    return _QUOTED.sub(lambda m: _NOT_NEWLINE.sub(" ", m[0]), text)


def _python(text: str) -> str:
    """Return the comments and strings of Python, each at its line."""
    lines = [""] * (text.count("\n") + 2)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if (
            token.type in _ENGLISH
            and not _RAW.match(token.string)
            and not _IDENTIFIER.fullmatch(token.string)
        ):
            english = token.string
            if _F_STRING.match(english):
                english = _EXPRESSION.sub(lambda m: _NOT_NEWLINE.sub(" ", m[0]), english)
            for n, line in enumerate(english.split("\n"), token.start[0] - 1):
                lines[n] += f"{line} "
    return "\n".join(lines)


def main() -> None:
    """Print the phrases in the files of the command line, else in those that are checked."""
    found = list(find(Path(p) for p in sys.argv[1:] or CHECKED))
    for one in found:
        print(one)
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
