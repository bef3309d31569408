"""What most verbs begin with: the settings of this call, the store, an object by name.

Misuse is told apart from trouble here: a command outside a repository, or with a state folder inside the work tree,
is `Invalid` (exit 2); a store that cannot be opened stays `Unusable` (exit 1). `wiring` knows every adapter, so it is
imported only by the verbs that open something.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from orchestrator import settings as settings_module
from orchestrator.core.suggest import did_you_mean, listed
from orchestrator.errors import Invalid, Refused, Unusable
from orchestrator.model.base import Resource
from orchestrator.ports import Cluster
from orchestrator.settings import Settings

if TYPE_CHECKING:
    from orchestrator.wiring import OpenRepository

R = TypeVar("R", bound=Resource)


def settings_of(args: argparse.Namespace) -> Settings:
    """Return the settings of this call. Raises Invalid where the flags or the place make no sense."""
    try:
        return settings_module.load(
            repo=getattr(args, "repo", None),
            state=getattr(args, "state", None),
            jobs=getattr(args, "jobs", None),
            kube=_kube(args),
        )
    except Unusable as error:
        raise Invalid(str(error)) from error


def _kube(args: argparse.Namespace) -> settings_module.Kube | None:
    """Return the cluster that was asked for."""
    namespace, context = getattr(args, "namespace", None), getattr(args, "context", None)
    if getattr(args, "kube", False):
        return settings_module.Kube(namespace, context)
    if namespace is not None or context is not None:
        raise Unusable("--namespace and --context name a place in a cluster; add --kube to work there")
    return None


def store_of(args: argparse.Namespace, *, is_watching: bool = False) -> Cluster:
    """Return the store of this call: the repository's own, or the cluster's.

    `is_watching`: it will be looked at again and again.
    """
    from orchestrator import wiring

    return wiring.open_store(settings_of(args), actor="interlock", is_watching=is_watching)


def found(cluster: Cluster, kind: type[R], name: str, settings: Settings) -> R:
    """Return the object. Raises Refused, with a guess at what was meant, if there is none."""
    obj = cluster.get(kind, name)
    if obj is None:
        raise Refused(unknown(kind.KIND, name, [other.name for other in cluster.list(kind)], settings))
    return obj


def unknown(what: str, name: str, names: Sequence[str], settings: Settings) -> str:
    """Return that nothing is called so, and what was probably meant or how anything comes to be there at all."""
    if not names:
        return f"there is no {what} `{name}`: {settings.nothing_yet()}"
    return f"there is no {what} `{name}`{did_you_mean(name, names) or '; there is ' + listed(sorted(names), 'and')}"


def repository_of(args: argparse.Namespace, train: str) -> OpenRepository:
    """Return the repository behind a train: its git and its forge."""
    from orchestrator import wiring

    return wiring.open_repository(settings_of(args))


def leads(settings: Settings) -> bool:
    """Return whether some process leads on this state now."""
    from orchestrator import wiring

    return wiring.leads(settings)


def log_of(settings: Settings, run: str) -> Path | None:
    """Return the file with the run's output; None if there is none."""
    from orchestrator import wiring

    return wiring.log_path(settings, run)
