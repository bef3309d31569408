"""Gates as contained process trees on exactly one tree each: the `Gates` port over the process host.

Called by the reconciler. A gate runs agent-written code, so it runs like an agent: a private clone at exactly the
commit, the same containment, an environment built from nothing, no credentials. What it comes to is one of pass, fail,
could-not-run, or no verdict at all where the machine lost it; flaky is for whoever sees several tries.
"""

from __future__ import annotations

import hashlib
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.adapters.process.environment import Folders, base_environment, environment_digest, remove_tree
from orchestrator.adapters.process.gate_runners import could_not_run
from orchestrator.adapters.process.host import ProcessHost, read_log
from orchestrator.adapters.process.job import KEY, Ended, Job, Limits, Lost, Running
from orchestrator.adapters.process.secrets import masked, plain, secret_values
from orchestrator.errors import InterlockError, Transient
from orchestrator.model.base import seconds
from orchestrator.model.facts import GateFact
from orchestrator.model.gate import Gate, GateResult
from orchestrator.model.validation import Validation
from orchestrator.ports import Workspaces

GRACE_S = 2.0
LOG_BYTES_MAX = 1 << 20
FILE_BYTES_MAX = 4 << 30
OUTPUT_MAX = 16_384
"""What is kept as evidence: the last characters, which go into a prompt."""
SIGNATURE_MAX = 300
_PREFIX = "gate."
"""Of these keys: agents may share the host."""


@dataclass(slots=True)
class _Known:
    """One try of one validation. `fact` is set once its end was seen."""

    key: str
    folders: Folders
    gate: Gate
    is_started: bool = False
    is_unwanted: bool = False
    fact: GateFact | None = None


class ProcessGates:
    """Gates in `folder`, one subfolder a try. Safe to call from several threads for different validations."""

    def __init__(
        self,
        host: ProcessHost,
        workspaces: Workspaces,
        *,
        folder: Path,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._host = host
        self._workspaces = workspaces
        self._folder = folder
        self._environ = dict(os.environ if environ is None else environ)
        self._secrets = secret_values(self._environ)
        self._digest = environment_digest(self._environ)
        self._known: dict[str, _Known] = {}
        self._leaving: list[_Known] = []
        self._tries = 0
        self._lock = threading.Lock()

    def environment(self) -> str:
        """Return the digest of what a verdict depends on beside tree and gate."""
        return self._digest

    # -- start -------------------------------------------------------------------------------------------------------

    def start(self, validation: Validation) -> None:
        """Check the tree out in a workspace of its own and start the command; nothing if it is known already."""
        name = validation.name
        with self._lock:
            if name in self._known:
                return
            self._tries += 1
            # Every try has its own key and folder: the one before may still be on its way out.
            key = f"{_PREFIX}{_safe(name)}.{os.getpid()}.{self._tries}"
            known = self._known[name] = _Known(key, Folders(self._folder / key), validation.spec.gate)
        try:
            job = self._prepare(validation, known)
            if self._host.start(job) is None:
                raise Transient(f"gate {name}: its key {key} is taken", retry_after_s=0.1)
        except OSError as error:
            self._drop(name, known)
            raise Transient(f"gate {name}: cannot prepare {known.folders.root}: {error.strerror or error}") from error
        except BaseException:
            self._drop(name, known)
            raise
        known.is_started = True
        if known.is_unwanted:
            self._host.kill_now(key)

    def _prepare(self, validation: Validation, known: _Known) -> Job:
        folders, gate = known.folders, known.gate
        folders.make(folders.home, folders.tmp, folders.job)
        self._workspaces.checkout(folders.workspace, validation.commit)
        return Job(
            key=known.key,
            argv=("/bin/sh", "-c", gate.run),
            cwd=folders.workspace,
            env=base_environment(self._environ, folders),
            timeout_s=seconds(gate.timeout),
            folder=folders.job,
            grace_s=GRACE_S,
            log_bytes_max=LOG_BYTES_MAX,
            masks=self._secrets,
            marks=("TMPDIR",),
            limits=Limits(file_bytes_max=FILE_BYTES_MAX),
        )

    def _drop(self, name: str, known: _Known) -> None:
        self._known.pop(name, None)
        self._clean(known.folders)

    # -- observe -----------------------------------------------------------------------------------------------------

    def observe(self) -> Mapping[str, GateFact]:
        """Return every gate run this adapter knows, by validation name, until it is stopped."""
        self._tidy()
        return {name: self._fact(known) for name, known in list(self._known.items())}

    def _fact(self, known: _Known) -> GateFact:
        if known.fact is not None:
            return known.fact
        if not known.is_started:  # its tree is being checked out on another thread
            return GateFact(running=True)
        match self._host.observe(known.key):
            case Running():
                return GateFact(running=True)
            case Lost(message=message):
                # Nobody saw the end, but the next try backs off from some time, and this is when it was known.
                now = datetime.now(UTC)
                known.fact = GateFact(running=False, signature=f"lost: {message}"[:SIGNATURE_MAX], ended_at=now)
            case Ended() as ended:
                known.fact = self._ended(known, ended)
        return known.fact

    def _ended(self, known: _Known, ended: Ended) -> GateFact:
        text = plain(masked(read_log(known.folders.job, LOG_BYTES_MAX + 1000), self._secrets))
        result, signature = verdict(known.gate, ended, text)
        # The same trouble must look the same on every try: the folder is the only thing that differs.
        signature = signature.replace(str(known.folders.workspace), ".").replace(str(known.folders.root), "~")
        return GateFact(
            running=False,
            result=result,
            signature=signature[:SIGNATURE_MAX],
            output=text[-OUTPUT_MAX:],
            started_at=ended.started_at,
            ended_at=ended.ended_at,
        )

    # -- stop --------------------------------------------------------------------------------------------------------

    def stop(self, validation: str) -> None:
        """End it if it runs, remove its workspace, forget it. What still runs is cleaned up when it has ended."""
        known = self._known.pop(validation, None)
        if known is not None:
            known.is_unwanted = True
            with self._lock:
                self._leaving.append(known)
            if self._fact(known).running:
                self._host.kill_now(known.key)
        self._tidy()

    def _tidy(self) -> None:
        still: list[_Known] = []
        with self._lock:
            leaving, self._leaving = self._leaving, []
        for known in leaving:
            if self._fact(known).running:
                still.append(known)
            else:
                self._clean(known.folders)
                self._host.forget(known.key)
        with self._lock:
            self._leaving += still

    def _clean(self, folders: Folders) -> None:
        """Remove a try's folder; what cannot be removed stays until the next sweep, it is in nobody's way."""
        try:
            if folders.is_ours():
                self._workspaces.discard(folders.workspace)
            remove_tree(folders.root)
        except (OSError, InterlockError):
            pass

    def sweep(self) -> Sequence[str]:
        """End what a dead predecessor left, remove its folders, return its validations. For a new leader, once."""
        swept = [key for key in self._host.sweep() if key.startswith(_PREFIX)]
        for key in swept:
            self._host.forget(key)
        if self._folder.is_dir():
            mine = {known.folders.root.name for known in self._known.values()}
            for name in sorted(set(os.listdir(self._folder)) - mine):
                self._clean(Folders(self._folder / name))
        return [key.removeprefix(_PREFIX).rsplit(".", 2)[0] for key in swept]


def verdict(gate: Gate, ended: Ended, output: str) -> tuple[GateResult | None, str]:
    """Return what an ended gate says, and for anything but pass or a plain fail its signature in one line.

    No result means that the machine is at fault. Exit 137 is an exit code: only a SIGKILL that waitpid saw and nobody
    here sent may be the out-of-memory killer's.
    """
    if ended.start_error is not None or ended.survivors:
        trouble = ended.start_error.message if ended.start_error else f"{ended.survivors} processes could not be ended"
        return None, f"lost: {trouble}"
    if ended.timed_out:
        return GateResult.FAIL, f"ran over its limit of {gate.timeout}"
    if ended.signal == signal.SIGKILL or ended.stopped or ended.orphaned:
        return None, "lost: killed from outside (SIGKILL), perhaps for lack of memory"
    if ended.signal is not None:
        return GateResult.FAIL, f"ended by signal {ended.signal}"
    assert ended.code is not None
    rules = gate.could_not_run
    if ended.code in rules.exit:
        return GateResult.COULD_NOT_RUN, f"exit {ended.code}, which the gate calls could-not-run"
    for words in rules.output:
        if words in output:
            return GateResult.COULD_NOT_RUN, f"exit {ended.code}: its output holds {words!r}"
    if reason := could_not_run(ended.code, output):
        return GateResult.COULD_NOT_RUN, reason
    return (GateResult.PASS, "") if ended.code == 0 else (GateResult.FAIL, f"exit {ended.code}")


def _safe(name: str) -> str:
    """Return the validation's name where it can be a file name with a suffix, else its digest."""
    if KEY.fullmatch(name) and len(name) <= 90:
        return name
    return hashlib.sha256(name.encode()).hexdigest()
