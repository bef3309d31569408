"""`make demo-kube`: the corner shop opens in a cluster, on a real control plane that is thrown away afterwards.

Shows every command as a person would type it, and while the leader works what `kubectl get specs` says of each item.
Exit 0 only if the whole story went as staged. Nothing is left behind.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from tests.kube import shop as shops
from tests.kube.assets import Missing, made
from tests.kube.plane import Plane
from tests.kube.shop import DOCUMENTS, NAMESPACE, Shop

WITHIN_S = 240.0
PACE = 0.6
"""Long enough to see the agents at work, short enough for a minute."""
BOLD, DIM, PLAIN = ("\033[1m", "\033[2m", "\033[0m") if sys.stdout.isatty() else ("", "", "")


def main() -> int:
    """Play it; return 0 if every part of the story happened."""
    made()
    began = time.monotonic()
    heading("A control plane: etcd, kube-apiserver, kube-controller-manager; real certificates, real tokens")
    with Plane.start() as plane:
        say(f"ready after {time.monotonic() - began:.1f} s at {plane.server}")
        typed("kubectl apply --server-side -k manifests/overlays/outside")
        with shops.opened(plane, pace=PACE) as shop:
            happened = play(shop)
    say(f"\nIt took {time.monotonic() - began:.0f} seconds, and nothing is left of it.")
    return 0 if happened else 1


def play(shop: Shop) -> bool:
    """Plan, apply, lead, look; return whether the story went as staged."""
    say("definitions, roles and the namespace are there: no database, no certificate manager")
    heading("A shop with a roadmap, four lanes and scripted agents, behind a git server")
    typed(f"git clone {shop.address}/shop")
    typed("interlock plan roadmap.md --out specs/")
    typed("git add specs && git commit -m 'Plan the opening' && git push")
    shop.prepare()
    typed(f"kubectl apply --server-side -n {NAMESPACE} {' '.join(f'-f {name}' for name in DOCUMENTS)}")
    print(shop.apply().out, end="")
    heading("The leader, a process with the service account `interlock-leader` and no right beyond its role")
    typed(f"interlock leader --kube --namespace {NAMESPACE} --once")
    shop.lead("--once", "--max-minutes", "4")
    shop.attend(WITHIN_S, Lookout())
    typed(f"kubectl get specs -n {NAMESPACE}")
    print(shop.kubectl("get", "specs").out, end="")
    typed(f"kubectl get mergetrains,decisions,validations -n {NAMESPACE}")
    print(shop.kubectl("get", "mergetrains,decisions,validations").out, end="")
    story = shop.story()
    typed("git pull && git log --first-parent --oneline")
    print(shop.git("log", "--graph", "--first-parent", "--oneline", "main"), end="")
    heading("What happened")
    for chapter in story:
        print(f"{'✓' if chapter.happened else '✗'} {chapter.promise:50} {chapter.told}")
    return all(chapter.happened for chapter in story)


class Lookout:
    """Prints a line whenever an item's phase or reason is another one than at the last look."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[str, str]] = {}
        self._began = time.monotonic()

    def __call__(self, specs: dict[str, Any]) -> None:
        for name, spec in specs.items():
            status = spec.get("status", {})
            now = (status.get("phase", ""), status.get("reason", ""))
            if now[0] and self._seen.get(name) != now:
                self._seen[name] = now
                print(f"{DIM}{time.monotonic() - self._began:5.1f} s{PLAIN}  {name:15} {now[0]:9} {now[1]}", flush=True)


def heading(text: str) -> None:
    print(f"\n{BOLD}{text}{PLAIN}", flush=True)


def typed(command: str) -> None:
    print(f"{DIM}${PLAIN} {BOLD}{command}{PLAIN}", flush=True)


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Missing as missing:
        print(f"demo-kube: {missing}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
