"""Progress on a terminal and without one."""

from __future__ import annotations

import io
import sys

import pytest

from pipelines.cli.output import Stages


class Terminal(io.StringIO):
    """A stderr that is shown on a terminal."""

    def isatty(self) -> bool:
        return True


def _said(monkeypatch: pytest.MonkeyPatch, stderr: io.StringIO, *, in_bytes: bool) -> str:
    monkeypatch.setattr(sys, "stderr", stderr)
    with Stages().stage("pack", 4_000_000, in_bytes=in_bytes) as advance:
        advance(1_000_000)
        advance(4_000_000)
    return stderr.getvalue()


@pytest.mark.parametrize(("in_bytes", "total"), [(True, "/4.00M ["), (False, "/4000000 [")])
def test_a_terminal_shows_a_bar_that_is_gone_at_the_end(
    monkeypatch: pytest.MonkeyPatch, in_bytes: bool, total: str
) -> None:
    said = _said(monkeypatch, Terminal(), in_bytes=in_bytes)
    assert "pack:   0%" in said
    assert total in said
    last = said.rpartition("\r")[2]
    assert last.startswith("pack ")
    assert last.endswith(" s\n")


def test_a_file_gets_one_line_a_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    said = _said(monkeypatch, io.StringIO(), in_bytes=True)
    assert said.startswith("pack ")
    assert said.count("\n") == 1
    assert "\r" not in said
