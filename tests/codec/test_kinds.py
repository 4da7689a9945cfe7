"""mypy refuses a text of one kind where another is meant, and a text without a kind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mypy import api

START = """
from codec.archive.snapshot import archive_object, pack_object
from codec.kinds import Key, Sha256, sha256_of
from codec.names import diff_name, session_key
from codec.records import PatchRef
from pipelines.remotes.base import Remote, read_whole
from pipelines.workspace.location import MANIFEST
from pipelines.workspace.transaction import Append
remote: Remote
patch = PatchRef.of(b"")
text = "2025-11-06T14:30:00Z"
"""
REFUSED = {
    "PatchRef(text, 1)": "Sha256",
    "PatchRef.of(text)": "bytes",
    "PatchRef(sha256_of(b''), sha256_of(b''))": "int",
    "diff_name(text)": "Key",
    "diff_name(patch.sha256)": "Key",
    "PatchRef(session_key(text, '', ()), 1)": "Sha256",
    "read_whole(remote, text)": "ObjectName",
    "read_whole(remote, Key(text))": "ObjectName",
    "pack_object(archive_object(text))": "Sha256",
    "Append('/etc/passwd', ())": "RelPath",
    "Append(archive_object(text), ())": "RelPath",
}
TAKEN = (
    "PatchRef(sha256_of(b''), 0)",
    "PatchRef(Sha256('0' * 64), 1)",
    "PatchRef.of(b'')",
    "diff_name(session_key(text, '', ()))",
    "diff_name(Key(text))",
    "read_whole(remote, archive_object(text))",
    "Append(MANIFEST, ())",
    "read_whole(remote, pack_object(sha256_of(b'')))",
)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return what mypy says about a program of these lines."""
    program = tmp_path_factory.mktemp("kinds") / "program.py"
    program.write_text(START + "\n".join([*REFUSED, *TAKEN]) + "\n")
    options = ("--config-file=", "--strict", "--no-incremental", "--follow-imports=silent")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MYPYPATH", str(Path(__file__).parents[2]))
        out, problem, _ = api.run([*options, str(program)])
    assert not problem
    return out.splitlines()


def test_each_mix_is_refused_and_nothing_else(said: list[str]) -> None:
    first = START.count("\n") + 1
    lines = {
        int(m[1]): m[2] for x in said if (m := re.match(r".*program.py:(\d+): error: (.*)", x))
    }
    assert {number - first for number in lines} == set(range(len(REFUSED))), said
    for number, expected in enumerate(REFUSED.values(), first):
        assert f'expected "{expected}' in lines[number]
