"""session-codec with real coding agents as its clients: what is right, checked.

    sandbox.sh python3 tests/agents/drive.py [--agent claude] [--agent codex] [SCENARIO...]

Each scenario runs real sessions against the fake model and checks what session-codec makes of
them. A line is printed for each check; the exit code is 1 where one failed. `--list` names the
scenarios. Programs are taken from the PATH: claude, codex, gemini, opencode, session-codec,
session-codec-hook, git, tmux.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import string
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.agents.agents import KEY, Claude, Codex, Gemini, OpenCode, prompt  # noqa: E402
from tests.agents.fake_model import FakeModel  # noqa: E402
from tests.agents.scene import (  # noqa: E402
    BLOCK_MARK,
    CONTEXT_MARK,
    HOME,
    Stage,
    commit,
    must,
    recorded,
    repository,
    session_id,
    sh,
    titles,
    told,
    worktree,
)
from tests.agents.screen import Screen  # noqa: E402

AGENTS = {"claude": Claude, "codex": Codex, "gemini": Gemini, "opencode": OpenCode}
#: Agents that take part in a scenario that names none.
USUAL = ("claude", "codex")
#: What one answer of the fake model costs, as session-codec counts: without what a cache gave.
COST = {"claude": 350, "codex": 250}
MODELS = {"claude": "opus-5.5", "codex": "gpt-5.5-codex"}

Scenario = Callable[["Check", Stage, str], None]
SCENARIOS: dict[str, tuple[tuple[str, ...], Scenario]] = {}


def scenario(*agents: str) -> Callable[[Scenario], Scenario]:
    """Register a scenario for the named agents, or for the usual ones."""

    def keep(function: Scenario) -> Scenario:
        SCENARIOS[function.__name__] = (agents or USUAL, function)
        return function

    return keep


class Check:
    """Counts what is as it should be."""

    def __init__(self) -> None:
        self.passed = self.failed = 0
        self.where = ""

    def __call__(self, what: str, got: object, wanted: object) -> None:
        """Print and count one check."""
        good = got == wanted
        self.passed += good
        self.failed += not good
        mark = "ok   " if good else "FAULT"
        print(
            f"{mark} {self.where}: {what}"
            + ("" if good else f"\n        got    {got!r}\n        wanted {wanted!r}"),
            flush=True,
        )


@scenario()
def plain(check: Check, stage: Stage, name: str) -> None:
    """Run a session with a commit; the context of the next session names it."""
    repo = repository(f"plain-{name}")
    ran = stage.run("Add a greeting", repo, "write hi.txt Hi", commit("Greeting page"), "say Done")
    check("it ends well, and nothing is said", (ran.code, told(ran)), (0, []))
    check(
        "the block reaches the model once",
        stage.asked("Add a greeting").text().count(BLOCK_MARK),
        1,
    )
    check(
        "the context reaches the model once",
        stage.asked("Add a greeting").text().count(CONTEXT_MARK),
        1,
    )
    stage.run("Add a farewell", repo, "write bye.txt Bye", commit("Farewell page"), "say Done")
    text = stage.asked("Add a farewell").text()
    check(
        "the next session sees it",
        "~ Add a greeting +1" in text or "~ Greeting page +1" in text,
        True,
    )
    first, second = recorded(repo)
    check("task", (first.get("title"), second.get("title")), ("Add a greeting", "Add a farewell"))
    check("agent", first["agent"], MODELS[name])
    check("tokens", first.get("tokens_used"), 3 * COST[name])
    check(
        "commits and lines",
        (first["commits"], first.get("lines_added"), first.get("lines_removed")),
        (1, 1, 0),
    )
    check("diff", "+Hi" in must(f"session-codec show {first['key']} --diff", repo), True)


@scenario()
def marked(check: Check, stage: Stage, name: str) -> None:
    """Check that the injected text names its source."""
    repo = repository(f"marked-{name}")
    stage.run("Look", repo, "say Done")
    text = stage.asked("Look").text()
    at = text.index("stack:")
    check(
        "'session-codec context' comes right before it",
        "session-codec context" in text[at - 60 : at],
        True,
    )


@scenario()
def without_a_commit(check: Check, stage: Stage, name: str) -> None:
    """Sessions that commit nothing."""
    repo = repository(f"nothing-{name}")
    stage.run("What is this project about?", repo, "run ls", "say A scratch project")
    stage.run("Write a draft, do not commit", repo, "write draft.txt Draft", "say Done")
    check("tasks", titles(repo), ["What is this project about?", "Write a draft, do not commit"])


@scenario()
def two_at_once(check: Check, stage: Stage, name: str) -> None:
    """Two sessions in one worktree, one of which ends after the other has committed."""
    repo = repository(f"two-{name}")
    threads = []
    for file, pause in (("one", 1), ("two", 3)):
        steps = (
            f"write {file}.txt {file}",
            "wait 2",
            commit(f"Commit {file}", files=f"{file}.txt"),
            f"wait {pause}",
            "say Done",
        )
        threads.append(threading.Thread(target=stage.run, args=(f"Task {file}", repo, *steps)))
        threads[-1].start()
        time.sleep(0.5)
    for thread in threads:
        thread.join()
    sessions = recorded(repo)
    check(
        "both are recorded",
        sorted(s.get("title", s["task"]) for s in sessions),
        ["Task one", "Task two"],
    )
    check("each has its own commit", [s.get("commits") for s in sessions], [1, 1])


@scenario("claude")
def nested(check: Check, stage: Stage, name: str) -> None:
    """Claude Code has Codex do the work; both have hooks."""
    repo = repository("nested")
    inner = Codex(HOME, stage.agent.url)
    text = HOME / "inner.txt"
    text.write_text(prompt("Inner task", "write inner.txt 1", commit("By the inner"), "say Done"))
    line = " ".join(
        [inner.program, *inner.arguments("", None)[:-1], f'"$(cat {text})" < /dev/null']
    )
    stage.run("Outer task", repo, f"run {line}", "say Done", environment=inner.environment())
    check("both are recorded", titles(repo), ["Inner task", "Outer task"])


@scenario()
def two_worktrees(check: Check, stage: Stage, name: str) -> None:
    """Two sessions in two worktrees at once."""
    repo = repository(f"trees-{name}")
    folders = [worktree(repo, "first"), worktree(repo, "second")]
    steps = ("write w.txt 1", commit("W"), "say Done")
    threads = [
        threading.Thread(target=stage.run, args=(f"Task in {f.name}", f, *steps))
        for f in folders
    ]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    every = sorted(f"Task in {f.name}" for f in folders)
    check("both are known everywhere", [sorted(titles(f)) for f in (*folders, repo)], [every] * 3)


@scenario()
def removed_worktree(check: Check, stage: Stage, name: str) -> None:
    """Two sessions in a worktree, which is merged and removed."""
    repo = repository(f"removed-{name}")
    tree = worktree(repo, "feature")
    stage.run(
        "First in the worktree", tree, "write w1.txt 1", commit("W one", files="w1.txt"), "say Done"
    )
    stage.run(
        "Second in the worktree",
        tree,
        "write w2.txt 1",
        commit("W two", files="w2.txt"),
        "say Done",
    )
    must("git merge -q feature", repo)
    check("it can be removed without force", sh(f"git worktree remove '{tree}'", repo).code, 0)
    sh(f"git worktree remove --force '{tree}'", repo)
    check("both are known", titles(repo), ["First in the worktree", "Second in the worktree"])


@scenario()
def clean_tree(check: Check, stage: Stage, name: str) -> None:
    """Check that sessions recorded by hooks do not block git commands."""
    repo = repository(f"clean-{name}")
    stage.run(
        "On a branch", repo, "run git switch -qc topic", "write a.txt 1", commit("A"), "say Done"
    )
    stage.run("More of it", repo, "write b.txt 1", commit("B"), "say Done")
    steps = ("run git status --short", "run git pull --rebase . main", "run git switch main")
    stage.run("Third", repo, *steps, "say Done")
    status, pulled, switched = stage.results("Third")[:3]
    check("nothing is changed when a session begins", "manifest" in status, False)
    check("it can be rebased", "cannot pull with rebase" in pulled, False)
    check("another branch can be checked out", "would be overwritten" in switched, False)


@scenario()
def resumed(check: Check, stage: Stage, name: str) -> None:
    """Resume a session after a while."""
    repo = repository(f"resumed-{name}")
    first = session_id(stage.run("Part one", repo, "write p1.txt 1", commit("P one"), "say Done"))
    recorded(repo)
    time.sleep(100)
    stage.run("Part two", repo, "write p2.txt 2", commit("P two"), "say Done", resume=first)
    sessions = recorded(repo)
    check("tasks", [s.get("title") for s in sessions], ["Part one", "Part two"])
    check("minutes, without those between", [s.get("duration_min") for s in sessions], [0, 0])
    check("tokens", [s.get("tokens_used") for s in sessions], [3 * COST[name]] * 2)


@scenario()
def forked(check: Check, stage: Stage, name: str) -> None:
    """Fork a session from another one."""
    repo = repository(f"forked-{name}")
    first = session_id(stage.run("Part one", repo, "write p1.txt 1", commit("P one"), "say Done"))
    steps = ("write p2.txt 2", commit("P two"), "say Done")
    if name == "claude":
        stage.run("Part two", repo, *steps, resume=first, more=["--fork-session"])
    else:
        line = [stage.agent.program, *stage.agent.arguments("", None)[:-1], "fork", first]
        sh(
            " ".join(line) + ' "$T"',
            repo,
            T=prompt("Part two", *steps),
            **stage.agent.environment(),
        )
    sessions = recorded(repo)
    check("tasks", [s.get("title") for s in sessions], ["Part one", "Part two"])
    check(
        "tokens, the other's not counted again",
        [s.get("tokens_used") for s in sessions],
        [3 * COST[name]] * 2,
    )


@scenario()
def killed(check: Check, stage: Stage, name: str) -> None:
    """Sessions that get a signal, then another session."""
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        repo = repository(f"killed-{name}")
        stage.killed(
            f"Work until {number.name}", repo, "write k.txt 1", commit("Before"), signal=number
        )
        stage.run(f"After {number.name}", repo, "write n.txt 1", commit("After"), "say Done")
        check(
            f"{number.name}: both are recorded",
            titles(repo),
            [f"Work until {number.name}", f"After {number.name}"],
        )


@scenario()
def in_a_subdirectory(check: Check, stage: Stage, name: str) -> None:
    """Start an agent below the repository's root."""
    repo = repository(f"below-{name}")
    folder = repo / "packages" / "app"
    folder.mkdir(parents=True)
    stage.run("Work below", folder, "write app.txt 1", commit("App"), "say Done")
    check("the context reaches the model", stage.asked("Work below").text().count(CONTEXT_MARK), 1)
    check("it is recorded", titles(repo), ["Work below"])


@scenario()
def odd_path(check: Check, stage: Stage, name: str) -> None:
    """Spaces, quotes and letters of other scripts."""
    repo = repository(f"h Grüße 日本 'q' {name}")
    stage.run(
        "Ändere die Begrüßung – 挨拶",
        repo,
        "run echo Grüße > 'Grüße datei.txt'",
        commit("Grüße 挨拶"),
        "say Fertig",
    )
    (session,) = recorded(repo)
    check("title", session.get("title"), "Ändere die Begrüßung – 挨拶")
    check("diff", "+Grüße" in must("session-codec show latest --diff", repo), True)


@scenario("claude")
def plugin(check: Check, stage: Stage, name: str) -> None:
    """Run the plugin without and with hooks in the repository."""
    folder = json.loads(
        must("session-codec install --dry-run --json", repository("plugin-path", ""))
    )["plugin"]
    repo = repository("plugin", "")
    stage.run(
        "By the plugin",
        repo,
        "write p.txt 1",
        commit("P"),
        "say Done",
        more=["--plugin-dir", folder],
    )
    check(
        "the context reaches the model", stage.asked("By the plugin").text().count(CONTEXT_MARK), 1
    )
    check(
        "and the skill", "session-codec:session-codec" in stage.asked("By the plugin").text(), True
    )
    check("it is recorded", titles(repo), ["By the plugin"])
    repo = repository("plugin-and-hooks")
    stage.run(
        "By both", repo, "write p.txt 1", commit("P"), "say Done", more=["--plugin-dir", folder]
    )
    check(
        "with hooks as well: the context once", stage.asked("By both").text().count(CONTEXT_MARK), 1
    )
    check("with hooks as well: recorded once", titles(repo), ["By both"])


@scenario("claude")
def sub_agent(check: Check, stage: Stage, name: str) -> None:
    """Check that the tokens of a sub-agent are counted."""
    repo = repository(f"sub-{name}")
    stage.run(
        "Let a helper do it",
        repo,
        "agent Help",
        "  run ls",
        "  say Helped",
        "run sleep 2",
        commit("Nothing") + "; true",
        "say Done",
    )
    (session,) = recorded(repo)
    asked = len(stage.model.asked("Help"))
    check("tokens of all requests", session.get("tokens_used"), asked * COST[name])


@scenario()
def recorded_by_itself(check: Check, stage: Stage, name: str) -> None:
    """Let an agent run `record` as AGENTS.md says."""
    record = "run session-codec record --agent m --task 'By itself' --status PASS --notes Why"
    for title, steps, commits in (
        ("after its commit", ("write a.txt 1", commit("A"), record), 1),
        (
            "after two commits",
            ("write a.txt 1", commit("A"), "write b.txt 1", commit("B"), record),
            2,
        ),
        (
            "between two commits",
            ("write a.txt 1", commit("A"), record, "write b.txt 1", commit("B")),
            2,
        ),
        ("without a commit", ("run ls", record + " --no-diff"), None),
    ):
        repo = repository(f"itself-{name}")
        stage.run(f"Record {title}", repo, *steps, "say Done")
        sessions = recorded(repo)
        check(f"{title}: one session", [s["status"] for s in sessions], ["PASS"])
        check(
            f"{title}: each commit once",
            sum(s.get("commits") or 0 for s in sessions) or None,
            commits,
        )
        check(
            f"{title}: tokens",
            sum(s.get("tokens_used") or 0 for s in sessions),
            (len(steps) + 1) * COST[name],
        )


@scenario()
def branches(check: Check, stage: Stage, name: str) -> None:
    """Make commits that are not between the first HEAD and the last."""
    back = ("run git switch -qc topic", "write a.txt 1", commit("A"), "run git switch -q main")
    amended = ("write a.txt 1", "run git add -A && git commit -q --amend -m Amended")
    by_hand = (
        "run git worktree add -qb wt ../hand-wt && cd ../hand-wt && echo 1 > a.txt"
        " && git add -A && git commit -qm A",
    )
    ways = (
        ("on a branch, and back", back),
        ("amended", amended),
        ("in a worktree by hand", by_hand),
    )
    for title, steps in ways:
        repo = repository(f"branches-{name}")
        shutil.rmtree(repo.parent / "hand-wt", ignore_errors=True)
        stage.run(f"Commit {title}", repo, *steps, "say Done")
        (session,) = recorded(repo)
        check(
            f"{title}: a commit, a line",
            (session.get("commits"), session.get("lines_added")),
            (1, 1),
        )


@scenario()
def secret(check: Check, stage: Stage, name: str) -> None:
    """Put a token into a prompt."""
    repo = repository(f"secret-{name}")
    letters = random.Random(7)  # noqa: S311 - not a real token
    token = "ghp_" + "".join(
        letters.choice(string.ascii_letters + string.digits) for _ in range(36)
    )
    stage.run(f"Deploy with {token} please", repo, "write d.txt 1", commit("Deploy"), "say Done")
    recorded(repo)
    check("it is in no tracked file", sh(f"git grep -l {token}", repo).out, "")


@scenario("claude")
def terminal(check: Check, stage: Stage, name: str) -> None:
    """Paste a prompt, run /compact and /clear, and close the window."""
    repo = repository("terminal")
    path = HOME / ".claude.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    known["hasCompletedOnboarding"] = True
    known.setdefault("customApiKeyResponses", {})["approved"] = [KEY[-20:]]
    known.setdefault("projects", {}).setdefault(str(repo), {})["hasTrustDialogAccepted"] = True
    path.write_text(json.dumps(known))

    def ask(text: str, done: str, *, paste: bool = False) -> None:
        screen.type(text) if paste else screen.keys("-l", text)
        time.sleep(1)
        screen.keys("Enter")
        screen.wait(f"● {done}")
        time.sleep(1)

    line = f"{stage.agent.program} --permission-mode acceptEdits --allowedTools Bash,Write,Edit"
    with Screen(line, repo, stage.agent.environment()) as screen:
        time.sleep(3)
        ask(
            prompt("A pasted task", "write a.txt 1", commit("A"), "say Finished one"),
            "Finished one",
            paste=True,
        )
        ask("/compact", "nothing")
        ask(f"Typed ```steps write b.txt 1 ;; {commit('B')} ;; say Finished two```", "Finished two")
        ask("/clear", "nothing")
        ask(
            f"Typed after clear ```steps write c.txt 1 ;; {commit('C')} ;; say Finished three```",
            "Finished three",
        )
        screen.close()
        time.sleep(2)
    check(
        "tasks",
        [t.partition(" ```")[0] for t in titles(repo)],
        ["A pasted task", "Typed after clear"],
    )


@scenario()
def no_program(check: Check, stage: Stage, name: str) -> None:
    """Hooks in a repository whose user has no session-codec."""
    repo = repository(f"without-{name}")
    folder = HOME / "agents-only"
    folder.mkdir(exist_ok=True)
    link = folder / stage.agent.program
    link.unlink(missing_ok=True)
    link.symlink_to(os.path.realpath(shutil.which(stage.agent.program) or ""))
    ran = stage.run(
        "Work", repo, "run ls", "say Done", environment={"PATH": f"{folder}:/usr/bin:/bin"}
    )
    check("it ends well, and nothing is said", (ran.code, told(ran)), (0, []))


@scenario("claude")
def permissions(check: Check, stage: Stage, name: str) -> None:
    """Check that an agent may run what AGENTS.md asks it to run."""
    repo = repository("permissions")
    sh(
        f'{stage.agent.program} -p "$T"',
        repo,
        T=prompt("Ask", "run session-codec context", "say Done"),
        **stage.agent.environment(),
    )
    check("it is not asked for", "requires approval" in "".join(stage.results("Ask")), False)


@scenario("codex")
def sandboxed(check: Check, stage: Stage, name: str) -> None:
    """Record in Codex's own sandbox, which keeps folders outside of a worktree read-only.

    A worktree shares the lock and the store of the main one, so `record` cannot write there: it
    says how to go on, and the hook, which runs outside of the sandbox, records the session.
    """
    repo = repository("sandboxed")
    tree = worktree(repo, "boxed")
    record = "run session-codec record --agent m --task t --status PASS --no-diff"
    flags = "--trust -s workspace-write --dangerously-bypass-hook-trust"
    for folder in (repo, tree):
        task = f"Record in {folder.name}"
        sh(
            f'{stage.agent.program} exec {flags} "$T"',
            folder,
            T=prompt(task, record, "say Done"),
            **stage.agent.environment(),
        )
        said = "".join(stage.results(task))
        advice = "'.session-codec' can be written, outside of the agent's sandbox" in said
        check(f"{folder.name}: it is recorded, or record says how", advice, folder == tree)
    check("each session is recorded once", sorted(titles(repo)), [f"Record in {tree.name}", "t"])


@scenario()
def hint(check: Check, stage: Stage, name: str) -> None:
    """Check that `verify` reports events of another worktree."""
    repo = repository(f"hint-{name}")
    stage.run("In the worktree", worktree(repo, "other"), "write d.txt 1", commit("D"), "say Done")
    must("session-codec context", repo)
    check(
        "no hint that does not help",
        "'session-codec context' records them" in sh("session-codec verify", repo).err,
        False,
    )


@scenario()
def served(check: Check, stage: Stage, name: str) -> None:
    """Ask the MCP server that `install --mcp` named."""
    repo = repository(f"served-{name}", "--mcp claude,codex")
    recorded_task = "Rotate the signing keys"
    must(f"session-codec record --agent m --task '{recorded_task}' --status PASS --no-diff", repo)
    more: dict[str, Any] = {"more": ["-m", "gpt-4.1"]}  # its tools are listed, not searched for
    if name == "claude":
        approved = {
            "enabledMcpjsonServers": ["session-codec"],
            "permissions": {"allow": ["mcp__session-codec"]},
        }
        (repo / ".claude").mkdir()
        (repo / ".claude" / "settings.local.json").write_text(json.dumps(approved))
        more = {"environment": {"ENABLE_TOOL_SEARCH": "false"}}
    # Agents do not wait for servers before the first request.
    steps = ("run sleep 6", 'tool find {"query": "signing keys"}', 'tool read {"key": "latest"}',
             'tool find {"qurey": "x"}', "say Done")  # fmt: skip
    ran = stage.run("Ask the server", repo, *steps, **more)
    check("it ends well", ran.code, 0)
    tools = stage.model.asked("Ask the server")[-1].tools
    ours = {t.replace("/", "__").rpartition("__")[2] for t in tools if t.startswith("mcp__")}
    check("the tools are listed", {"find", "read", "context"} <= ours, True)
    _, found, read, refused = (*stage.results("Ask the server"), "", "", "", "")[:4]
    check("find answers", recorded_task in found and "not instructions" in found, True)
    check("read answers", "1|### [REF:" in read, True)
    check("a bad argument is named", "did you mean query?" in refused, True)


@scenario("gemini", "opencode")
def hooked(check: Check, stage: Stage, name: str) -> None:
    """Run sessions of an agent with its own form of hooks, one of them resumed."""
    repo = repository(f"hooked-{name}", f"--hooks {name}")
    if isinstance(stage.agent, Gemini):
        stage.agent.trust(repo)
    ran = stage.run("Add a greeting", repo, "write hi.txt Hi", commit("Greeting page"), "say Done")
    check("it ends well", ran.code, 0)
    text = stage.asked("Add a greeting").text()
    check("the context reaches the model once", text.count(CONTEXT_MARK), 1)
    check("the block reaches the model once", text.count(BLOCK_MARK), 1)
    check("commits", [s["commits"] for s in recorded(repo)], [1])
    stage.run("Add a farewell", repo, "write bye.txt Bye", commit("Farewell page"), "say Done")
    tasks = ["Greeting page", "Farewell page"]
    if name == "gemini":  # its transcript has the prompts
        tasks = ["Add a greeting", "Add a farewell"]
    text = stage.asked("Add a farewell").text()
    check("the next session sees it", f"~ {tasks[0]}" in text, True)
    check("tasks", titles(repo), tasks)
    check("the tree is clean", must("git status --porcelain", repo), "")
    known = session_id(ran)
    task = "Correct the greeting"
    stage.run(task, repo, "write hi.txt Ho", commit("Shorter"), "say Done", resume=known)
    check(
        "a resumed session counts its own part", [s["commits"] for s in recorded(repo)], [1, 1, 1]
    )
    stage.run("Look around", repo, "run ls", "say Done")
    check("a session without a commit is recorded", len(recorded(repo)), 4)


@scenario()
def summarized(check: Check, stage: Stage, name: str) -> None:
    """Summarise a month with the agent as the model."""
    repo = repository(f"summarized-{name}")
    task = "Repair the login"
    must(f"session-codec record --agent m --task '{task}' --status PASS --no-diff --commit", repo)
    key = must('session-codec query --json | grep -o \'"key": "[^"]*\' | cut -c9-', repo).strip()
    key = key.strip('"')
    claims = [{"text": "The login was repaired.", "keys": [key]},
              {"text": "Bob repaired 99 logins.", "keys": [key]}]  # fmt: skip
    stage.model.answer = json.dumps({"claims": claims})
    environment = stage.agent.environment()
    command = f"session-codec summarize --period {key[:7]} --model {name} --yes --json"
    ran = sh(command, repo, **environment)
    check(f"it ends well: {ran.err[-300:]}", ran.code, 0)
    found = json.loads(ran.out)["summary"] if ran.code == 0 else {"claims": [], "dropped": {}}
    check("the honest claim is kept", [c["text"] for c in found["claims"]], [claims[0]["text"]])
    check("the lie is dropped", sum(found["dropped"].values()), 1)
    check("tokens are reported", (found.get("output_tokens") or 0) > 0, True)
    asked = [r for r in stage.model.requests if "Repair the login" in r.text()]
    check("the question is asked once", len(asked), 1)
    check("no tool can write", {"Bash", "Write", "Edit"} & set(asked[0].tools), set())
    again = sh(command, repo, **environment)
    check(
        "a second run asks nothing", len([r for r in stage.model.requests if task in r.text()]), 1
    )
    check("and says the same", again.out == ran.out, True)
    check("no session is recorded of it", len(recorded(repo)), 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--agent", action="append", choices=AGENTS)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--journal")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    given = parser.parse_args()
    if given.list:
        for name, (agents, function) in SCENARIOS.items():
            print(f"{name:<20} {','.join(agents):<14} {(function.__doc__ or '').strip()}")
        return 0
    check = Check()
    for name in given.scenarios or SCENARIOS:
        agents, function = SCENARIOS[name]
        for agent in agents:
            if agent in (given.agent or AGENTS):
                check.where = f"{name} ({agent})"
                with FakeModel(journal=given.journal) as model:
                    try:
                        function(check, Stage(AGENTS[agent](HOME, model.url), model), agent)
                    except Exception as e:
                        check(f"runs to its end: {type(e).__name__}: {e}", False, True)
    print(f"{check.passed} passed, {check.failed} failed")
    return int(check.failed > 0)


if __name__ == "__main__":
    sys.exit(main())
