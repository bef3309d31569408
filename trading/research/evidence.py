"""Reads what goes into the ledger from where it lies: a run's folder, a walk's file, a report of the paper desk.

Evidence is read and checked, not typed: files must be those their manifest names, the manifest must follow from its
inputs, and the program that made it must be the one that is here, or nobody could say which strategy ran.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from trading.engine import artifacts, runner
from trading.engine.artifacts import Damaged
from trading.engine.backtest import Day
from trading.research import source
from trading.research.source import Files, Unreadable

T = TypeVar("T", bound=msgspec.Struct)


class Unusable(ValueError):
    """Evidence cannot be used. `problems` has everything that is wrong with it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Inputs(msgspec.Struct, frozen=True):
    """Digests of what a run depends on."""

    code: str
    config: str
    data: str
    profile: str
    costs: str
    limits: str


class RunSaid(msgspec.Struct, frozen=True):
    """What a manifest says of the run file."""

    name: str
    strategy: str
    profile: str
    cash: int
    parameters: dict[str, Any]


class Manifest(msgspec.Struct, frozen=True):
    """What of a manifest the ledger takes over."""

    version: str
    run: str
    dataset: str
    inputs: Inputs
    artifacts: dict[str, str]
    file: RunSaid


class Costs(msgspec.Struct, frozen=True):
    """What of a summary the ledger takes over."""

    cost_estimated: int
    cost_realised: int


class PaperReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a paper desk reports of a strategy."""

    version: str
    strategy: str
    source: str
    first: str
    last: str
    orders: int
    fills: int
    denied: int
    cost_estimated: int
    cost_realised: int
    returns: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run, as its folder has it."""

    name: str
    strategy: str
    profile: str
    setup: str
    parameters: str
    dataset: str
    data: str
    days: tuple[str, ...]
    equity: tuple[int, ...]
    cost_estimated: int
    cost_realised: int


def run(folder: Path) -> Run:
    """Return a finished run of the program that is here; raise `Unusable`."""
    try:
        plain = artifacts.read_json(folder, artifacts.MANIFEST)
        manifest = msgspec.convert(plain, Manifest)
    except (Damaged, msgspec.ValidationError) as error:
        where = "" if isinstance(error, Damaged) else f"{folder / artifacts.MANIFEST}: "
        raise Unusable([f"{where}{error}"]) from error
    problems = _manifest_problems(folder, plain, manifest)
    problems += [
        f"{folder / name}: is not what the manifest names; run the backtest again"
        for name, said in manifest.artifacts.items()
        if not (folder / name).is_file() or artifacts.digest(folder / name) != said
    ]
    if problems:
        raise Unusable(problems)
    try:
        costs = msgspec.convert(artifacts.read_json(folder, artifacts.SUMMARY), Costs)
        days = [msgspec.json.decode(line, type=Day) for line in (folder / artifacts.EQUITY).read_bytes().splitlines()]
    except (Damaged, OSError, msgspec.MsgspecError) as error:
        raise Unusable([f"{folder}: {error}; run the backtest again"]) from error
    return Run(
        manifest.run,
        manifest.file.strategy,
        manifest.file.profile,
        setup_of(plain["file"], manifest.inputs),
        json.dumps(manifest.file.parameters, sort_keys=True),
        manifest.dataset,
        manifest.inputs.data,
        tuple(day.day for day in days),
        (manifest.file.cash, *(day.equity for day in days)),
        costs.cost_estimated,
        costs.cost_realised,
    )


def setup_of(file: Mapping[str, Any], inputs: Inputs) -> str:
    """Return the digest of everything that was chosen for a run but its name and its profile."""
    chosen = {name: value for name, value in file.items() if name not in ("name", "profile")}
    chosen |= {"data": inputs.data, "costs": inputs.costs, "limits": inputs.limits}
    return "sha256:" + sha256(msgspec.json.encode(chosen, order="sorted")).hexdigest()


def unrecorded(runs: Path, strategy: str, known: frozenset[str]) -> tuple[str, ...]:
    """Return the finished runs of a strategy below a folder that are not known, in order."""
    found = []
    for path in sorted(runs.glob(f"*/{artifacts.MANIFEST}")):
        try:
            manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
        except (OSError, msgspec.MsgspecError):
            # Not a finished run of this version: whoever wants to record it is told why.
            continue
        # A run on paper is no backtest: what it showed is recorded as such (record-paper).
        is_backtest = artifacts.BARS not in manifest.artifacts
        if is_backtest and manifest.file.strategy == strategy and manifest.run not in known:
            found.append(manifest.run)
    return tuple(found)


def files(folder: Path) -> Files:
    """Return the strategies' files in a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*.py"))
        if path.is_file()
    }


def here(strategy: str) -> tuple[str, str]:
    """Return the digest of a strategy of the program that runs, or an empty one and what is wrong."""
    import trading

    try:
        return source.digest(strategy, files(Path(trading.__file__).parent / "strategies")), ""
    except Unreadable as error:
        return "", str(error)


def document(path: Path, kind: type[T], version: str) -> tuple[T, str]:
    """Return what a file of evidence says, and its digest; raise `Unusable`."""
    try:
        text = path.read_bytes()
        found = msgspec.json.decode(text, type=kind)
    except OSError as error:
        raise Unusable([f"{path}: {error.strerror}; name a file that is there"]) from error
    except msgspec.MsgspecError as error:
        raise Unusable([f"{path}: {error}; it has to be a document of {version}"]) from error
    said = getattr(found, "version", "")
    if said != version:
        raise Unusable([f"{path}: is of version {said!r}, {version!r} is read here"])
    return found, "sha256:" + sha256(text).hexdigest()


def _manifest_problems(folder: Path, plain: Mapping[str, Any], manifest: Manifest) -> list[str]:
    where, problems = folder / artifacts.MANIFEST, []
    if manifest.version != runner.VERSION:
        problems.append(f"{where}: is of version {manifest.version}, {runner.VERSION} is read here")
    # The id of a run is made of its inputs, so neither can be exchanged alone.
    made = sha256(msgspec.json.encode(plain["inputs"])).hexdigest()[:12]
    if manifest.run != f"{manifest.file.name}-{made}":
        problems.append(f"{where}: run {manifest.run} does not follow from its inputs; run the backtest again")
    config = sha256(msgspec.json.encode(plain["file"], order="sorted")).hexdigest()
    if manifest.inputs.config != f"sha256:{config}":
        problems.append(f"{where}: what it says of the run file is not what was run; run the backtest again")
    if manifest.inputs.code != runner.code_digest():
        problems.append(f"{where}: another version of the program made it; run the backtest again with this one")
    missing = [name for name in (artifacts.SUMMARY, artifacts.EQUITY) if name not in manifest.artifacts]
    if missing:
        problems.append(f"{where}: names no {' and no '.join(missing)}; run the backtest again")
    return problems
