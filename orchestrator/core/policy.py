"""What a change may contain: the check of the real diff that has authority, for the publisher and for the train.

Pure: it sees raw changes, never an agent's word. A path outside the claimed scope is a scope violation, which the next
attempt is told about; what no scope allows (protected files, those that configure agents, submodules, links out of the
tree, names that collide, a patch over its limits) is policy, and a person has to act. Paths come escaped into reasons:
they are untrusted.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from itertools import takewhile

from orchestrator.core.collisions import Collision, collisions
from orchestrator.core.globs import Scope
from orchestrator.model.action import ScopePolicy
from orchestrator.model.condition import FailureClass
from orchestrator.model.facts import Breach, Change, Diff
from orchestrator.model.run import Denied, ScopeVerdict
from orchestrator.model.train import PatchLimits

DENIED_MAX = 100
"""Entries a verdict lists; `denied_total` counts all. Scope violations come first: the class survives the cut."""
SHOWN_MAX = 400
"""Characters of an untrusted path or link target that are repeated in a verdict."""
WHOLE_CHANGE = "."
"""The path of a denial that is about the change as a whole."""

_OUTSIDE = "outside the scope: "
_POLICY = "policy: "

ABSENT, SYMLINK, SUBMODULE = "000000", "120000", "160000"
_MODES = frozenset({ABSENT, SYMLINK, SUBMODULE, "100644", "100755"})

AGENT_FILES = (
    ".agents",
    ".aider*",
    ".claude",
    ".codex",
    ".cursor",
    ".env",
    ".github",
    ".mcp.json",
    ".opencode",
    ".vscode",
    "AGENTS.md",
    "CLAUDE.md",
)
"""Files and folders, at any depth, that configure agents, editors or CI: who writes them decides what runs next."""
GIT_FILES = (
    ".gitattributes",
    ".githooks",
    ".gitmodules",
    ".hooks",
    ".husky",
    # A folder called `hooks` is nothing special (a web front end has one); git's own names in it are.
    *(
        f"hooks/{name}"
        for name in (
            "applypatch-msg",
            "commit-msg",
            "fsmonitor-watchman",
            "post-applypatch",
            "post-checkout",
            "post-commit",
            "post-merge",
            "post-receive",
            "post-rewrite",
            "post-update",
            "pre-applypatch",
            "pre-auto-gc",
            "pre-commit",
            "pre-merge-commit",
            "pre-push",
            "pre-rebase",
            "pre-receive",
            "prepare-commit-msg",
            "proc-receive",
            "push-to-checkout",
            "reference-transaction",
            "sendemail-validate",
            "update",
        )
    ),
)
"""Files and folders, at any depth, that change what git does or runs."""
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Controls, line and paragraph separators, direction overrides, and what stands for bytes that are not UTF-8."""


def judge(
    diff: Diff, existing_paths: Collection[str], policy: ScopePolicy, breaches: Iterable[Breach] = ()
) -> ScopeVerdict:
    """Return whether every changed path may change as it did, and every one that may not, with the reason.

    `existing_paths` are those of the tree the diff starts from, `breaches` what guardrails refuse in it. Renames must
    come as delete and add. Raises BadPattern for a policy whose patterns cannot be read.
    """
    scope, protected = Scope.of((*policy.paths, *policy.generated)), Scope.of(policy.protected)
    outside = [change.path for change in diff.changes if not scope.matches(change.path)]
    left_out = set(outside)
    clashes = {clash.path: clash for clash in _clashes(diff, existing_paths)}
    denied = [Denied(path=shown(path), reason=f"{_OUTSIDE}{_NO_PATTERN}") for path in outside]
    owned: list[str] = []
    for change in diff.changes:
        if change.path in left_out:
            continue
        reason = _forbidden(change, clashes.get(change.path))
        persons = _persons_reason(change.path, protected) if reason is None else None
        if persons is not None and policy.approved_protected:
            owned.append(shown(change.path))
        elif persons is not None:
            reason = persons
        if reason is not None:
            denied.append(Denied(path=shown(change.path), reason=f"{_POLICY}{reason}"))
    denied.extend(
        Denied(path=f"{shown(breach.path)}:{breach.line}", reason=f"{_POLICY}{breach.reason}") for breach in breaches
    )
    denied.extend(Denied(path=WHOLE_CHANGE, reason=f"{_POLICY}{reason}") for reason in _over(diff, policy.limits))
    return ScopeVerdict(
        allowed=not denied,
        denied=tuple(denied[:DENIED_MAX]),
        denied_total=len(denied),
        protected=tuple(owned[:DENIED_MAX]),
    )


_NO_PATTERN = "no pattern the run may write matches it; leave it alone, or ask for it with a scope request (exit 11)"


def failure_class(verdict: ScopeVerdict) -> FailureClass | None:
    """Return the class of a change that was not allowed: ScopeViolation if any path is outside the scope."""
    if verdict.allowed:
        return None
    # An agent that stays inside its scope next time may well have dropped the rest, so outside wins: it is retried.
    if any(denied.reason.startswith(_OUTSIDE) for denied in verdict.denied):
        return FailureClass.SCOPE_VIOLATION
    return FailureClass.POLICY_DENIED


def shown(text: str) -> str:
    """Return an untrusted path fit to be printed, stored and compared: nothing unprintable, bounded."""
    escaped = _UNPRINTABLE.sub(_escape, text)
    return escaped if len(escaped) <= SHOWN_MAX else f"{escaped[: SHOWN_MAX - 1]}…"


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:
        # How Python spells a byte that is not UTF-8.
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _forbidden(change: Change, clash: Collision | None) -> str | None:
    """Return why a path inside the scope may not change as it did, whoever asked for it; None if it may."""
    return _name_reason(change.path) or _mode_reason(change) or _clash_reason(clash)


def _name_reason(path: str) -> str | None:
    if _UNPRINTABLE.search(path):
        return "its name has bytes that are not UTF-8 or cannot be printed; rename it"
    if any(_plain(part) in (".git", "git~1") for part in path.split("/")):
        return "it lies in what some file systems take for the repository itself; rename it"
    return None


def _mode_reason(change: Change) -> str | None:
    if change.new_mode == SUBMODULE:
        return "it is a submodule, whose content nobody here can check; add the files themselves"
    if change.old_mode == SUBMODULE:
        return "it removes a submodule; a person has to make this change"
    if change.new_mode == SYMLINK:
        return _link_reason(change.path, change.link_target)
    if change.new_mode not in _MODES:
        return f"its mode {shown(change.new_mode)} is none of a file, a program or a link"
    return None


def _link_reason(path: str, target: str | None) -> str | None:
    """Return why a symlink may not point there; None if it stays in the tree, whatever else is linked on its way."""
    if not target:
        return "it is a symlink whose target cannot be read"
    if target.startswith("/"):
        return f"it is a symlink to {shown(target)!r}, which leaves the tree; use a relative target inside it"
    steps = [step for step in target.split("/") if step not in ("", ".")]
    climbs = sum(1 for _ in takewhile(lambda step: step == "..", steps))
    if climbs > path.count("/"):
        return f"it is a symlink to {shown(target)!r}, which leaves the tree; point inside it"
    # The folders above a link are real ones, so climbing first is exact. After a name it is not: that may be a link.
    if ".." in steps[climbs:]:
        return f"it is a symlink to {shown(target)!r}, which climbs after it went down; put every '..' first"
    if any(_plain(step) in (".git", "git~1") for step in steps):
        return f"it is a symlink to {shown(target)!r}, which leaves the tree for the repository itself"
    return None


def _persons_reason(path: str, protected: Scope) -> str | None:
    """Return why the path is a person's to change, whether it exists or not; None for most paths."""
    plain = "/" + "/".join(map(_plain, path.split("/"))) + "/"
    if _AGENT_NAMES.search(plain):
        return f"it configures agents, editors or CI, {_PERSON}"
    if _GIT_NAMES.search(plain):
        return f"it changes what git itself does or runs, {_PERSON}"
    return f"it is protected, {_PERSON}" if protected.matches(path) else None


_PERSON = "in every lane; a person has to make this change"


def _names(globs: Iterable[str]) -> re.Pattern[str]:
    """Return what finds one of the names, as `_plain` reads it, between two slashes."""
    return re.compile("/(?:" + "|".join(re.escape(glob.lower()).replace(r"\*", "[^/]*") for glob in globs) + ")/")


_AGENT_NAMES, _GIT_NAMES = _names(AGENT_FILES), _names(GIT_FILES)


def _plain(name: str) -> str:
    """Return a name as careless file systems read it: no case, no compatibility forms, no invisible characters."""
    if name.isascii():
        return name.lower().rstrip(" .") if name.strip(".") else name
    folded = unicodedata.normalize("NFKC", name).casefold()
    return _plain("".join(char for char in folded if unicodedata.category(char) != "Cf" and ord(char) < 128))


def _clashes(diff: Diff, existing_paths: Collection[str]) -> tuple[Collision, ...]:
    added = [change.path for change in diff.changes if change.old_mode == ABSENT and change.new_mode != ABSENT]
    if not added:
        return ()
    gone = {change.path for change in diff.changes if change.new_mode == ABSENT}
    return collisions(added, set(existing_paths) - gone - set(added))


def _clash_reason(clash: Collision | None) -> str | None:
    if clash is None:
        return None
    name, other = shown(clash.name), shown(clash.other)
    if clash.name == clash.other:
        return f"{name!r} would be both a file and a folder"
    return f"{name!r} and {other!r} differ only by case or Unicode form, and some file systems hold only one; rename it"


def _over(diff: Diff, limits: PatchLimits) -> Iterator[str]:
    """Yield a reason for each limit the change as a whole exceeds."""
    files = len(diff.changes)
    if files > limits.max_files:
        yield f"the change touches {files:,} files, over the limit of {limits.max_files:,}; split the item"
    if diff.lines > limits.max_lines:
        yield f"the change has {diff.lines:,} changed lines, over the limit of {limits.max_lines:,}; split the item"
    if diff.size > limits.max_bytes:
        yield f"the change brings {diff.size:,} bytes, over the limit of {limits.max_bytes:,}; split the item"
