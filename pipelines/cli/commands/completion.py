"""`session-codec completion`."""

from __future__ import annotations

import sys
from typing import Final

from pipelines.cli.declared import HELP, JSON, PROGRAM, Argument, Misuse, Verb
from pipelines.cli.output import say_json
from pipelines.cli.parser import guess, load_verb
from pipelines.cli.verbs import VERBS

SHELLS: Final = ("bash", "zsh", "fish")
_BASH: Final = """\
_session_codec() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" words
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="{verbs} help"
    else
        case "${{COMP_WORDS[1]}}" in
{cases}
        esac
    fi
    if [ "$COMP_CWORD" -eq 1 ] || [[ "$current" == -* ]]; then
        COMPREPLY=($(compgen -W "$words" -- "$current"))
    fi
}}
complete -o default -F _session_codec {program}
"""
_ZSH: Final = f"""\
#compdef {PROGRAM}
autoload -U +X bashcompinit && bashcompinit
"""


def run(shell: str, as_json: bool) -> int:
    """Print a script that completes verbs and options in SHELL: bash, zsh or fish.

    Examples:
      source <(session-codec completion bash)          in ~/.bashrc
      source <(session-codec completion zsh)           in ~/.zshrc, after compinit
      session-codec completion fish | source           in ~/.config/fish/config.fish
    """
    if shell not in SHELLS:
        known = ", ".join(SHELLS)
        raise Misuse(f"unknown shell {shell!r} (choose from {known}){guess(shell, SHELLS)}")
    script = _fish() if shell == "fish" else (_ZSH if shell == "zsh" else "") + _bash()
    if as_json:
        say_json("completion", {"shell": shell, "script": script})
    else:
        sys.stdout.write(script)
    return 0


def _options(name: str) -> list[str]:
    verb = load_verb(name)
    return [n for option in verb.all_options for n in option.names] + list(HELP)


def _bash() -> str:
    cases = [f'        {name}) words="{" ".join(_options(name))}" ;;' for name in VERBS]
    cases.append(f'        help) words="{" ".join(VERBS)}" ;;')
    return _BASH.format(verbs=" ".join(VERBS), cases="\n".join(cases), program=PROGRAM)


def _fish() -> str:
    none = f"complete -c {PROGRAM} -n __fish_use_subcommand -f"
    lines = [f"{none} -a {name} -d {_quoted(text)}" for name, text in VERBS.items()]
    for name in VERBS:
        seen = f"complete -c {PROGRAM} -n '__fish_seen_subcommand_from {name}'"
        for option in load_verb(name).all_options:
            short = f" -s {option.short[1:]}" if option.short else ""
            value = "" if option.flag else " -r"
            choices = f" -f -a {_quoted(' '.join(option.choices))}" if option.choices else ""
            lines.append(
                f"{seen} -l {option.name[2:]}{short}{value}{choices} -d {_quoted(option.help)}"
            )
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


VERB: Final = Verb(run, (Argument("shell", "SHELL"),), (JSON,))
