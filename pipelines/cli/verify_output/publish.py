"""Publish a verdict: on stdout, in a file, as annotations and in the summary of a GitHub job."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from codec.errors import CodecError
from pipelines.cli.declared import absolute
from pipelines.cli.output import say, tell, tell_findings, write_output
from pipelines.cli.verify_output.json import json_of
from pipelines.cli.verify_output.text import text_of
from pipelines.outcomes.errors import PipelineError
from pipelines.verification.report import Verdict


def say_verdict(made: Callable[[str], str], form: str, output: str | None) -> None:
    """Print a verdict in a format; with `output`, write the format there and print the text."""
    if output is None:
        say(made(form).removesuffix("\n"))
        return
    write_output(absolute(output), made(form).encode())
    say(f"{made('text')}{form}: {output}")


@contextmanager
def errors_on_github() -> Iterator[None]:
    """Report errors as annotations and in the summary as well, in a job of GitHub."""
    try:
        yield
    except (CodecError, PipelineError) as e:
        if os.environ.get("GITHUB_ACTIONS") == "true":
            from pipelines.cli.verify_output.github import annotation_of

            tell(annotation_of(e))
        if os.environ.get("GITHUB_STEP_SUMMARY"):
            from pipelines.cli.verify_output.markdown import markdown_of_error

            _add_to_summary(markdown_of_error(e))
        raise


def _add_to_summary(text: str) -> None:
    with open(os.environ["GITHUB_STEP_SUMMARY"], "a", encoding="utf-8", newline="\n") as f:
        f.write(text)


def in_format(verdict: Verdict, form: str, *, began: datetime, seconds: float) -> str:
    """Return a verdict in a format, and import only the module of that format."""
    if form == "junit":
        import platform

        from pipelines.cli.verify_output.junit import junit_of

        return junit_of(verdict, host=platform.node(), began=began, seconds=seconds)
    if form == "sarif":
        from importlib.metadata import version

        from pipelines.cli.verify_output.sarif import sarif_of

        return sarif_of(verdict, version=version("session-codec"))
    if form == "markdown":
        from pipelines.cli.verify_output.markdown import markdown_of

        return markdown_of(verdict)
    return json_of(verdict) if form == "json" else text_of(verdict)


def tell_verdict(verdict: Verdict) -> None:
    """Print the findings on stderr; in a job of GitHub, annotate them and write the summary."""
    tell_findings(verdict.findings)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        from pipelines.cli.verify_output.github import annotations_of

        for line in annotations_of(verdict.findings, verdict.root):
            tell(line)
    if os.environ.get("GITHUB_STEP_SUMMARY"):
        from pipelines.cli.verify_output.markdown import markdown_of

        _add_to_summary(markdown_of(verdict))
