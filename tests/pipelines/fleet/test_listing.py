"""Lists of repositories: every entry is named once, none is lost or split, no secret is stored."""

from __future__ import annotations

import inspect
import json
import os
import sys
import tempfile
from pathlib import Path

import pytest

from codec.errors import FormatError
from pipelines.fleet.listing import Sources, members_of

SECRET = "hunter2-not-stored"  # noqa: S105


def repository(root: Path) -> Path:
    (root / ".git").mkdir(parents=True)
    return root


def found(folder: Path) -> list[str]:
    return [member.source for member in members_of(Sources(folders=(str(folder),)))]


def listed(tmp_path: Path, text: str | bytes) -> list[str]:
    path = tmp_path / "list.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [member.source for member in members_of(Sources(lists=(str(path),)))]


def organization(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "org.json"
    path.write_text(text)
    return [member.source for member in members_of(Sources(organizations=(str(path),)))]


def test_one_repository_under_many_names_is_one_member(tmp_path: Path) -> None:
    root = repository(tmp_path / "app")
    (tmp_path / "link").symlink_to(root)
    names = ("app", "app/", "./app", "link", str(root), f"{root}//", " app \r")
    assert listed(tmp_path, "\n".join(names)) == [str(root)]


@pytest.mark.parametrize(
    "name",
    ["with space", "ünï☃", "line\u2028separator", "next\x85line", "form\x0cfeed", "-option",
     "a:b", "host:path", "user@host:path"]
)  # fmt: skip
def test_a_folder_with_an_unusual_name_is_one_line(tmp_path: Path, name: str) -> None:
    root = repository(tmp_path / name)
    assert listed(tmp_path, f"{name}\n") == [str(root)]
    assert found(tmp_path) == [str(root)]


@pytest.mark.parametrize("name", ["new\nline", " blanks ", "#hash"])
def test_json_and_find_take_names_that_a_list_cannot_have(tmp_path: Path, name: str) -> None:
    root = repository(tmp_path / name)
    assert organization(tmp_path, json.dumps([{"path": name}])) == [str(root)]
    assert found(tmp_path) == [str(root)]


def test_a_name_that_is_not_utf_8_is_found(tmp_path: Path) -> None:
    root = repository(tmp_path / os.fsdecode(b"bad\xff"))
    assert found(tmp_path) == [str(root)]
    assert listed(tmp_path, b"bad\xff\n") == [str(root)]


@pytest.mark.parametrize(
    "document",
    ["", "{", '"x"', "5", "null", "{}", '{"repositories":{"a":1}}', '{"repositories":"abc"}', "[1]",
     "[null]", "[[]]", '[{"clone_url":5}]', '[{"clone_url":{}}]', '[{"name":"app"}]', "[" * 100_000,
     r'["a\u0000b"]', r'["a\ud800b"]'],
)  # fmt: skip
def test_json_of_another_form_is_refused(tmp_path: Path, document: str) -> None:
    with pytest.raises(FormatError):
        organization(tmp_path, document)


def test_a_nul_in_a_list_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"list\.txt:2"):
        listed(tmp_path, "app\nb\0c\n")


@pytest.mark.parametrize(
    "address",
    [f"https://ann:{SECRET}@example.com/a.git", f"https://:{SECRET}@example.com/a.git",
     f"https://ann:a@{SECRET}@example.com/a.git", f"https://ann:a/{SECRET}@example.com/a.git",
     f"ssh://ann:{SECRET}@example.com/a", f"ann:{SECRET}@example.com:a",
     f"https://example.com/a.git?private_token={SECRET}"],
)  # fmt: skip
@pytest.mark.parametrize("read", [listed, organization])
def test_a_password_is_neither_taken_nor_repeated(
    tmp_path: Path, address: str, read: object
) -> None:
    text = json.dumps([{"clone_url": address}]) if read is organization else f"\n{address}\n"
    with pytest.raises(FormatError) as caught:
        read(tmp_path, text)  # type: ignore[operator]
    assert SECRET not in str(caught.value)
    assert ("list.txt:2" in str(caught.value)) == (read is listed)


@pytest.mark.parametrize(
    ("address", "source"),
    [
        (f"https://{SECRET}@example.com/a.git", "https://example.com/a.git"),
        ("https://example.com:8443/@scope/a", "https://example.com:8443/@scope/a"),
        ("git@example.com:team/a@b", "git@example.com:team/a@b"),
        ("ssh://git@example.com:22/a", "ssh://git@example.com:22/a"),
        ("host:team/@scope/a", "host:team/@scope/a"),
    ],
)
def test_a_user_name_of_http_which_may_be_a_token_is_left_out(
    tmp_path: Path, address: str, source: str
) -> None:
    assert listed(tmp_path, address) == [source]
    (member,) = members_of(Sources(lists=(str(tmp_path / "list.txt"),)))
    assert SECRET not in repr(member)


def test_find_does_not_go_into_repositories_runs_links_and_bare_ones(tmp_path: Path) -> None:
    outer = repository(tmp_path / "outer")
    repository(outer / "nested")
    repository(tmp_path / "run" / "clones" / "a")
    (tmp_path / "run" / "fleet.json").touch()
    for name in ("objects", "refs"):
        (tmp_path / "bare" / name).mkdir(parents=True)
    (tmp_path / "bare" / "HEAD").touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    assert found(tmp_path) == [str(outer)]


def test_find_goes_deeper_than_python_recurses(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(60):
        deep = deep / "d"
    repository(deep)
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 50)
    try:
        assert found(tmp_path) == [str(deep)]
    finally:
        sys.setrecursionlimit(before)


def test_find_names_a_folder_that_it_cannot_read() -> None:
    with tempfile.TemporaryDirectory() as name:  # other users cannot enter pytest's own
        top = Path(name)
        repository(top / "app")
        shut = repository(top / "shut" / "app").parent
        shut.chmod(0)
        top.chmod(0o755)
        expected = [str(top / "app"), str(shut)]
        if os.getuid():
            assert found(top) == expected
        else:  # root reads everything: another user looks
            if not (pid := os.fork()):
                os.setuid(65534)
                os._exit(found(top) != expected)
            assert os.waitpid(pid, 0)[1] == 0
        shut.chmod(0o700)
