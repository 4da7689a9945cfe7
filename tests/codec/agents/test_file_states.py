"""The states of files come from what an agent noted, and are never guessed."""

from __future__ import annotations

import difflib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.agents.claude_edits import edit_of
from codec.agents.codex_edits import noted_edits, patch_edits
from codec.agents.edit_events import ABSENT, Edit, Hunk, Replacement, State
from codec.agents.file_states import FileStates, States, after_edit, could_precede

BEFORE = "def greet():\n\treturn 'hello'\n\n\ndef bye():\n\treturn 'bye'\n"
AFTER = BEFORE.replace("'hello'", "'Hello'")


def shown(before: str, after: str) -> list[dict[str, Any]]:
    """Return a patch as Claude Code displays it: a tab becomes two spaces."""
    hunks: list[dict[str, Any]] = []
    for line in difflib.unified_diff(before.split("\n"), after.split("\n"), lineterm="", n=3):
        if line.startswith("@@"):
            hunks.append({"oldStart": int(line.split()[1][1:].partition(",")[0]), "lines": []})
        elif hunks:
            hunks[-1]["lines"].append(line.replace("\t", "  "))
    return hunks


def edit(**fields: Any) -> Edit:
    found = edit_of({"filePath": "/r/a.py", **fields}, 1, "/r")
    assert found is not None
    return found


def changed(before: str | None, old: str, new: str, **more: Any) -> Edit:
    after = (before or "").replace(old, new, 1) if old else new
    patch = shown(before or "", after)
    strings = {"oldString": old, "newString": new, "replaceAll": False}
    return edit(originalFile=before, structuredPatch=patch, **strings, **more)


def states_of(*edits: Edit) -> FileStates:
    states = States()
    for one in edits:
        states.take(one)
    (found,) = states.files.values()
    return found


def test_a_state_comes_from_the_strings_and_not_from_the_displayed_patch() -> None:
    found = states_of(changed(BEFORE, "'hello'", "'Hello'"))
    assert (found.before, found.after) == (State(BEFORE.encode()), State(AFTER.encode()))
    assert found.is_whole


@given(st.text("ab\t\n\r ", max_size=60), st.data())
def test_every_edit_of_known_strings_is_exact(before: str, data: st.DataObject) -> None:
    at, to = sorted(data.draw(st.tuples(*[st.integers(0, len(before))] * 2)))
    old, new = before[at:to], data.draw(st.text("ab\t\n", min_size=1, max_size=9))
    if old:
        found = states_of(changed(before, old, new))
        assert found.after == State(before.replace(old, new, 1).encode())
        assert not found.contradicted


def test_a_displayed_patch_that_does_not_fit_makes_the_state_unknown() -> None:
    patch = shown(BEFORE, BEFORE.replace("hello", "HELLO"))
    wrong = edit(
        originalFile=BEFORE, oldString="'hello'", newString="'Hello'", structuredPatch=patch
    )
    found = states_of(wrong)
    assert (found.after, found.contradicted, found.is_whole) == (None, 1, False)


def test_deleting_a_text_takes_its_line_end_as_claude_code_does() -> None:
    before = "a\nb\nc\n"
    one = edit(originalFile=before, oldString="b", newString="", structuredPatch=[])
    assert states_of(one).after == State(b"a\nc\n")


def test_several_edits_of_one_call_apply_in_order() -> None:
    edits = [
        {"old_string": "a", "new_string": "b", "replace_all": True},
        {"old_string": "bb", "new_string": "c"},
    ]
    one = edit(originalFileContents="aab", edits=edits, structuredPatch=[])
    assert states_of(one).after == State(b"cb")


def test_a_notebook_has_the_states_that_newer_versions_note() -> None:
    fields = {"notebook_path": "/r/n.ipynb", "new_source": "1", "cell_id": "x"}
    old = edit_of(fields, 1, "/r")
    new = edit_of({**fields, "original_file": "{}", "updated_file": "{1}"}, 1, "/r")
    assert old is not None
    assert new is not None
    assert (old.before, old.after) == (None, None)
    assert (new.before, new.after) == (State(b"{}"), State(b"{1}"))


def test_a_missing_state_is_that_after_the_edit_before() -> None:
    written = edit(type="create", content="a\n", structuredPatch=[], originalFile=None)
    long = edit(oldString="a", newString="b", structuredPatch=shown("a\n", "b\n"))
    found = states_of(written, long)
    assert (found.before, found.after, found.exact) == (ABSENT, State(b"b\n"), 2)


def test_an_unrecorded_state_is_looked_up_and_checked() -> None:
    asked: list[str] = []
    long = edit(oldString="hello", newString="Hello", structuredPatch=shown(BEFORE, AFTER))

    def find(path: str, one: Edit) -> State | None:
        asked.append(path)
        fit = [t for t in ("other\n", "hello\n", BEFORE) if could_precede(one, t.encode())]
        return State(fit[0].encode()) if len(fit) == 1 else None

    states = States(find)
    states.take(long)
    assert states.files["/r/a.py"].after == State(AFTER.encode())
    assert asked == ["/r/a.py"]


def test_an_edit_without_any_state_stays_unknown_and_is_counted() -> None:
    long = edit(oldString="hello", newString="Hello", structuredPatch=shown(BEFORE, AFTER))
    found = states_of(long, changed("x\n", "x", "y"))
    assert (found.edits, found.exact, found.is_whole) == (2, 1, False)
    assert (found.before, found.after) == (State(b"x\n"), State(b"y\n"))


def test_a_change_by_something_else_is_noticed() -> None:
    found = states_of(changed("a\n", "a", "b"), changed("B\n", "B", "c"))
    assert (found.before, found.after) == (State(b"a\n"), State(b"c\n"))
    assert found.changed_between == 1


def test_bytes_that_are_not_utf_8_are_kept() -> None:
    line = json.dumps({"a": 1}).encode()[:-1] + b',"b":"\xff\xc3\xa4"}'
    value = json.loads(line.decode(errors="surrogateescape"))["b"]
    found = states_of(edit(type="create", content=value, structuredPatch=[], originalFile=None))
    assert found.after == State(b"\xff\xc3\xa4")


# ------------------------------------------------------------------------------- Codex


def test_changes_that_codex_noted_are_exact() -> None:
    diff = "@@ -1,2 +1,2 @@\n def greet():\n-\treturn 'hello'\n+\treturn 'Hello'\n"
    changes = {"a.py": {"type": "update", "unified_diff": diff, "move_path": None}}
    (one,) = noted_edits(changes, 1, "/r")
    assert after_edit(one, State(BEFORE.encode())) == (State(AFTER.encode()), True)
    assert after_edit(one, State(b"something else\n"))[0] is None
    assert could_precede(one, BEFORE.encode())
    assert not could_precede(one, b"\n" + BEFORE.encode())


@given(
    st.lists(st.sampled_from(["a\n", "b\n", "\tc\n", "\n"]), max_size=12),
    st.lists(st.sampled_from(["a\n", "b\n", "\tc\n", "\n"]), max_size=12),
    st.booleans(),
)
def test_a_unified_diff_leads_from_each_state_to_the_next(
    before: list[str], after: list[str], is_torn: bool
) -> None:
    old, new = "".join(before), "".join(after)
    old, new = (text.removesuffix("\n") if is_torn else text for text in (old, new))
    lines = difflib.unified_diff(old.splitlines(True), new.splitlines(True), n=3)
    diff = "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        for line in [*lines][2:]
    )
    (one,) = noted_edits({"a": {"type": "update", "unified_diff": diff}}, 1, "/r")
    if diff:
        assert after_edit(one, State(old.encode())) == (State(new.encode()), True)


@pytest.mark.parametrize(
    ("patch", "before", "after"),
    [
        ("*** Add File: a.py\n+x\n+\n", None, "x\n\n"),
        ("*** Update File: a.py\n@@\n-b\n+B\n c\n", "a\nb\nc\n", "a\nB\nc\n"),
        ("*** Update File: a.py\n@@ two\n-b\n+B\n", "one\nb\ntwo\nb\n", "one\nb\ntwo\nB\n"),
        ("*** Update File: a.py\n@@\n-b \n+B\n", "a\nb\n", "a\nB\n"),
        ("*** Update File: a.py\n@@\n+z\n*** End of File\n", "a\n", "a\nz\n"),
        ("*** Update File: a.py\n@@\n-b\n+B\n", "a\n", None),
    ],
)
def test_a_patch_of_the_tool_applies_as_codex_applies_it(
    patch: str, before: str | None, after: str | None
) -> None:
    (one,) = patch_edits(f"*** Begin Patch\n{patch}*** End Patch\n", 1, "/r")
    state = ABSENT if before is None else State(before.encode())
    expected = State(after.encode()) if after is not None else None
    assert after_edit(one, state)[0] == expected


def test_a_renamed_file_is_two_files() -> None:
    states = States(lambda path, one: State(b"a\nb\n"))
    patch = "*** Begin Patch\n*** Update File: a\n*** Move to: b\n@@\n-b\n+B\n*** End Patch"
    for one in patch_edits(patch, 1, "/r"):
        states.take(one)
    assert states.files["/r/a"].after == ABSENT
    assert (states.files["/r/b"].before, states.files["/r/b"].after) == (ABSENT, State(b"a\nB\n"))


def test_hunks_without_a_place_prove_nothing() -> None:
    assert not could_precede(Edit(1, "a", steps=(Hunk(-1, (b"a\n",), (b"b\n",)),)), b"a\n")
    assert not could_precede(Edit(1, "a", steps=(Replacement(b"a", b"b"),)), b"a\n")
