"""Agent programs on PATH, by name only, and whether a command's program can be started at all."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class AgentGuess:
    """An agent program that is installed and how the `command` adapter would start it."""

    name: str
    argv: tuple[str, ...]
    env: tuple[str, ...]
    """What it needs of the environment to reach its model."""
    note: str


KNOWN = (
    AgentGuess(
        "codex",
        ("sh", "-c", 'exec codex exec --skip-git-repo-check --sandbox workspace-write - < "$INTERLOCK_DIR/prompt.md"'),
        ("OPENAI_API_KEY",),
        "its exit code alone proves nothing; the diff and the gates do",
    ),
    AgentGuess(
        "claude",
        (
            "sh",
            "-c",
            "exec claude -p --setting-sources user --strict-mcp-config --permission-mode acceptEdits "
            '< "$INTERLOCK_DIR/prompt.md"',
        ),
        ("ANTHROPIC_API_KEY",),
        "the two flags keep it from obeying what the repository configures",
    ),
    AgentGuess(
        "opencode",
        ("sh", "-c", 'exec opencode run "$(cat "$INTERLOCK_DIR/prompt.md")"'),
        ("ANTHROPIC_API_KEY", "OPENAI_API_KEY"),
        "costs some seconds of processor time a run: keep maxRuns low",
    ),
)

_WORD = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*=")
_BUILTINS = frozenset(
    {".", ":", "[", "cd", "command", "eval", "exec", "exit", "export", "false", "if", "for", "while", "until", "case",
     "printf", "echo", "read", "return", "set", "shift", "source", "test", "then", "trap", "true", "ulimit", "umask",
     "unset", "wait", "{", "(", "!"}
)  # fmt: skip


def installed_agents(path_env: str) -> tuple[AgentGuess, ...]:
    """Return the known agent programs that are on PATH."""
    return tuple(agent for agent in KNOWN if shutil.which(agent.name, path=path_env))


def missing_program(command: str, root: Path, path_env: str) -> str | None:
    """Return the program a shell command begins with if it cannot be started here; None if it can or may."""
    try:
        words = shlex.split(command, comments=True)
    except ValueError:
        return None
    while words and (_WORD.match(words[0]) or words[0] in ("env", "exec", "time", "nice")):
        words = words[1:]
    if not words or words[0] in _BUILTINS or any(char in words[0] for char in "$`*?(){};|&<>"):
        return None
    return None if is_startable(words[0], root, path_env) else words[0]


def is_startable(program: str, root: Path, path_env: str) -> bool:
    """Return whether the program is on PATH, or an executable file below the root."""
    if "/" in program:
        target = root / program
        return target.is_file() and os.access(target, os.X_OK)
    return shutil.which(program, path=path_env) is not None


def missing_agent(argv: tuple[str, ...], root: Path, path_env: str) -> str | None:
    """Return what keeps the command of an agent from being started; None if nothing does."""
    if not argv:
        return "names no program"
    program = argv[0]
    if not is_startable(program, root, path_env):
        if Path(program).is_absolute() and Path(program).is_file():
            return f"`{program}` is not executable; make it so: chmod +x {shlex.quote(program)}"
        where = "there is no such file" if "/" in program else "is not on PATH"
        return f"`{program}` {where}; install it, or name another program in `command`"
    if program == "sh" or program.endswith("/sh"):
        script = argv[2] if argv[1:2] == ("-c",) and len(argv) > 2 else ""
        missing = missing_program(script, root, path_env) if script else None
        if missing:
            return f"`{missing}`, which its script starts, is not on PATH; install it, or name another program"
    told = _script(argv)
    if told and not (root / told).is_file():
        return f"`{told}`, which `{Path(program).name}` is to run, is not there; write it, or name another in `command`"
    return None


_INTERPRETERS = (
    (re.compile(r"(?:ba|da|z|k)?sh"), re.compile(r"-[a-zA-Z]*[cs]")),
    (re.compile(r"(?:python|pypy)[0-9.]*"), re.compile(r"-[a-zA-Z]*[cm]")),
    (re.compile(r"node|ruby|perl|php|lua"), re.compile(r"-[a-zA-Z]*[eEpr]|--eval|--print")),
)
"""Programs that run a file, and the options after which none follows: the program's text is in the command itself."""


def _script(argv: tuple[str, ...]) -> str | None:
    """Return the file an interpreter is told to run; None where it is told otherwise, or no interpreter is started."""
    inline = next((inline for name, inline in _INTERPRETERS if name.fullmatch(Path(argv[0]).name)), None)
    for word in argv[1:] if inline else ():
        if inline and inline.match(word):
            return None
        if not word.startswith("-"):
            # Of other words it is not known what they are: `node inspect`, an option's value.
            return word if "/" in word or "." in word else None
    return None
