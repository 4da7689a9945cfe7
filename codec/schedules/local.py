"""The monthly job as text: a systemd service and timer, a crontab line, and shared parts.

1. The job runs on the second of a month, when the last month is over in every time zone. A job
   also packs everything that earlier runs missed.
2. After packing, the workspace is verified as a whole. The copy is made even if either step had
   findings, and the job exits with their exit code.
3. A text contains its own hash, so that one that a user edited is recognized and kept.
4. Paths and addresses reach a program unchanged, whatever spaces, quotes, `%` and `$` they have.
   A value that cannot be written safely is refused.
5. A job on a machine does not commit, because the working tree belongs to the user. Jobs that start
   with a clone do (`schedules.cloned`).
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Sequence
from typing import Final

from codec.errors import FormatError

#: Day of the month, hour, minute; not on the full hour, when many other jobs start.
CRON: Final = "17 4 2 * *"
_CALENDAR: Final = "*-*-02 04:17:00"
#: cron on Debian silently truncates longer commands.
_CRON_LIMIT: Final = 998

_SEAL = re.compile(rb"(?m:^)# (?P<title>session-codec[^\r\n]*) \[(?P<digest>[0-9a-f]{16})\]\r?\n")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NAME = re.compile(r"[^A-Za-z0-9]+")


def job_name(root: str) -> str:
    """Return the name of a workspace's job on its machine.

    Args:
        root: absolute path of the workspace.
    """
    return f"session-codec-{slug(root.rpartition('/')[2])}-{_short_hash(root)}"


def local_command(program: Sequence[str], root: str, remote: str | None) -> str:
    """Return the command of a job on a machine, for a shell.

    Args:
        program: the command line of session-codec, with absolute paths.
        root: absolute path of the workspace.
        remote: the address of the copy; None for no copy.

    Raises:
        FormatError: a path has characters that a job cannot have.
    """
    archive = shlex.join([*map(safe, program), "archive", safe(root)])
    verify = shlex.join([*program, "verify", "--full", root])
    looked = f"{archive}; found=$?; {verify} || found=$?; "
    if remote is None:
        return f"{looked}exit $found"
    sync = shlex.join([*program, "sync", root, "--remote", safe(remote)])
    return f"{looked}{sync} && exit $found"


def systemd_service(command: str, root: str) -> bytes:
    """Return the unit that runs a shell command once.

    Source: systemd.service(5), "Command lines"; systemd.unit(5), "Specifiers".
    """
    escaped = command.replace("\\", "\\\\").replace('"', '\\"')
    escaped = escaped.replace("%", "%%").replace("$", "$$")
    return sealed(
        "session-codec, once a month; commits nothing, you commit the manifest",
        f"""\
[Unit]
Description=Archive the sessions of {safe(root).replace("%", "%%")}

[Service]
Type=oneshot
Nice=10
ExecStart=/bin/sh -c "{escaped}"
""",
    )


def systemd_timer(root: str) -> bytes:
    """Return the unit that starts the service each month, or later if the machine was off."""
    return sealed(
        "session-codec, once a month",
        f"""\
[Unit]
Description=Archive the sessions of {safe(root).replace("%", "%%")} once a month

[Timer]
OnCalendar={_CALENDAR}
RandomizedDelaySec=1h
Persistent=true

[Install]
WantedBy=timers.target
""",
    )


def with_cron_job(crontab: bytes, name: str, command: str) -> bytes:
    """Return a crontab with the line of a job and the marked line above it.

    Raises:
        FormatError: the line was edited, or is longer than cron reads.
    """
    # cron ends a command at an unescaped %. A backslash escapes it, unless another backslash
    # precedes it: then two quotes, which mean nothing to a shell, separate them.
    line = f"{CRON} " + command.replace("\\%", "\\''%").replace("%", "\\%") + "\n"
    if len(line.encode()) > _CRON_LIMIT:
        raise FormatError(
            f"the line would be longer than the {_CRON_LIMIT} bytes that cron reads",
            hint="Use --schedule systemd, or a shorter path",
        )
    start, end = _cron_job(crontab, name)
    before, after = crontab[:start], crontab[end:]
    if before and not before.endswith(b"\n"):
        before += b"\n"
    return before + sealed(_cron_title(name), line) + after


def without_cron_job(crontab: bytes, name: str) -> bytes:
    """Return a crontab without the line of a job.

    Raises:
        FormatError: the line was edited.
    """
    start, end = _cron_job(crontab, name)
    return crontab[:start] + crontab[end:]


def _cron_title(name: str) -> str:
    return f"{name}, once a month; commits nothing, you commit the manifest"


def _cron_job(crontab: bytes, name: str) -> tuple[int, int]:
    """Return the position of a job's marked line and command, or the end of the crontab."""
    for m in _SEAL.finditer(crontab):
        if m["title"] == _cron_title(name).encode():
            end = crontab.find(b"\n", m.end()) + 1 or len(crontab)
            if _digest(crontab[m.end() : end]) != m["digest"]:
                raise FormatError(
                    "the line was edited; it is left as it is", line=crontab.count(b"\n", 0, end)
                )
            return m.start(), end
    return len(crontab), len(crontab)


def sealed(title: str, body: str) -> bytes:
    """Return a text below a comment line with its title and its hash."""
    data = body.encode()
    return b"# %s [%s]\n%s" % (title.encode(), _digest(data), data)


def replaced(data: bytes | None, text: bytes | None) -> bytes | None:
    """Return the new content of a file with a sealed text; None to delete the file.

    Args:
        data: its content; None for a file that does not exist.
        text: the new content; None to delete our text.

    Raises:
        FormatError: the user wrote the file, or edited our text in it.
    """
    m = _SEAL.match(data or b"")
    if data is None or (m is not None and _digest(data[m.end() :]) == m["digest"]):
        return text
    if m is None and text is None:
        return data
    raise FormatError(
        "it was written or edited by hand; it is left as it is",
        hint="Remove it, and run the same command again",
    )


def _digest(data: bytes) -> bytes:
    """Return the digest of a text, independent of its line ends."""
    return hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest()[:16].encode()


def safe(text: str) -> str:
    """Return the text itself if it is valid UTF-8 without control characters.

    Raises:
        FormatError: it is not.
    """
    if _UNSAFE.search(text):
        raise FormatError(
            f"{text!a}: a job needs UTF-8 text without control characters",
            hint="Rename the folder, or use another address",
        )
    return text


def slug(text: str) -> str:
    """Return a name of at most forty letters, digits and hyphens for a text."""
    name = _NAME.sub("-", text).strip("-") or "workspace"
    if len(name) > 30:  # texts that differ only at their ends get different names
        name = f"{name[:30].strip('-')}-{_short_hash(text)}"
    return name


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:8]
