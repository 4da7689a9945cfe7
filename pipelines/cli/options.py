"""Arguments that several verbs take."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import click

from codec.timestamps import is_canonical
from codec.tokens.tokenizers import DEFAULT, TOKENIZERS

_FINGERPRINT = re.compile(r"[0-9a-f]{16}")


def _fingerprints(_ctx: object, _param: object, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not _FINGERPRINT.fullmatch(value):
            raise click.BadParameter(f"{value!r} is no fingerprint: it has 16 digits, 0-9 and a-f")
    return values


class _Time(click.ParamType[str]):
    """A time in v2 form or the beginning of one: a year, a month, a day, a minute."""

    name = "time"
    _REST = "0000-01-01T00:00:00Z"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        text = str(value)
        completed = text + self._REST[len(text) :]
        whole = len(text) in (4, 7, 10, 13, 16, 20)
        if not whole or not (is_canonical(text) or is_canonical(completed)):
            self.fail(f"{text!r} is no time: write it as 2025-11-06 or 2025-11-06T14:30:00Z")
        return text


TIME = _Time()
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

repo: Decorator = click.argument("repo", default=".", type=click.Path())
as_json: Decorator = click.option(
    "--json", "as_json", is_flag=True, help="One JSON document on stdout."
)
tokenizer: Decorator = click.option(
    "--tokenizer",
    type=click.Choice(TOKENIZERS),
    default=DEFAULT,
    show_default=True,
    help="What counts tokens.",
)
allow_secret: Decorator = click.option(
    "--allow-secret",
    "allow",
    multiple=True,
    callback=_fingerprints,
    metavar="FINGERPRINT",
    help="Let this one pass; repeatable.",
)
trust_repo_config: Decorator = click.option(
    "--trust-repo-config",
    is_flag=True,
    help="Let .session-codec/config.toml of the repository decide as well.",
)
