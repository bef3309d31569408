"""Persons and strangers: who holds, cancels, approves and edits, who pushes where nobody expected it.

Persons speak through the store as the command line does; strangers act on the repository and forge behind everybody's
back. During trouble they act at random; afterwards `help` answers whatever waits for a person.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from orchestrator.model.base import ObjectMeta
from orchestrator.model.condition import Phase, Reason
from orchestrator.model.decision import Decision, DecisionSpec, Verb
from orchestrator.model.facts import BaseCheckout, PullState
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec, Tier
from orchestrator.model.train import Frozen
from tests.sim.repository import BRANCHES, Files
from tests.sim.scenario import TRAIN
from tests.sim.script import Quality, Script, quality, value

if TYPE_CHECKING:
    from tests.sim.world import World

REVIEWERS = ("reviewer-1", "reviewer-2", "reviewer-3")


class People:
    """Everybody but the leader."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.pushes = 0
        self.spoken: dict[str, DecisionSpec] = {}
        """Every word ever said, by the name of its Decision."""
        self.events = 0
        """How often a person changed what is wanted."""
        self.foreign: list[str] = []
        """Heads strangers pushed to our branches."""
        self.rewritten = 0

    def happen(self, kind: str) -> None:
        """Let one thing of this kind happen, if it can."""
        getattr(self, f"_{kind}")()

    # -- persons -----------------------------------------------------------------------------------------------------

    def say(self, verb: Verb, subject: str, *, head: str = "", text: str = "", actor: str = "owner-1") -> None:
        """Write a Decision, as the command line does."""
        spec = DecisionSpec(verb=verb, subject=subject, head=head, reason="so", actor=actor, value=text)
        created = self.world.store.create(
            Decision(metadata=ObjectMeta(generate_name=f"{verb.value.lower()}-"), spec=spec)
        )
        assert created is not None
        self.spoken[created.name] = created.spec
        self.world.said_at[created.name] = self.world.clock.now()
        # Two words never have the same time: their order has to mean something.
        self.world.clock.true += timedelta(milliseconds=1)
        self.events += 1
        self.world.note(f"a person says: {verb.value} {subject} {head[:7]}{text}")

    def _some_spec(self, *phases: Phase) -> ImplementationSpec | None:
        specs = [spec for spec in self.world.specs() if not phases or spec.status.phase in phases]
        return self.world.rng.choice(specs) if specs else None

    def _hold(self) -> None:
        spec = self._some_spec()
        if spec is not None:
            verb = Verb.RELEASE if spec.status.reason is Reason.HELD else Verb.HOLD
            self.say(verb, spec.name)

    def _cancel(self) -> None:
        spec = self._some_spec()
        if spec is not None:
            self.say(Verb.CANCEL, spec.name)

    def _retry(self) -> None:
        spec = self._some_spec(Phase.STALLED, Phase.CANCELLED) or self._some_spec()
        if spec is not None:
            self.say(Verb.RETRY, spec.name)

    def _waive(self) -> None:
        spec = self._some_spec(Phase.STALLED) or self._some_spec()
        if spec is not None:
            self.say(Verb.WAIVE, spec.name)

    def _approve(self) -> None:
        pulls = [pull for pull in self.world.forge.pulls() if pull.state is PullState.OPEN]
        if pulls:
            pull = self.world.rng.choice(pulls)
            actor = self.world.rng.choice(REVIEWERS)
            self.say(Verb.APPROVE, pull.branch.removeprefix("interlock/"), head=pull.head, actor=actor)

    def _priority(self) -> None:
        spec = self._some_spec()
        if spec is not None:
            self.say(Verb.PRIORITY, spec.name, text=str(self.world.rng.choice((-5, 0, 7, 20))))

    def _release_train(self) -> None:
        """Say what the command line says: which freeze it answers, on which tip. Or what any API client may."""
        frozen = self.world.train().status.frozen
        mark = frozen.mark if frozen is not None and self.events % 4 else ""
        self.say(Verb.RELEASE, TRAIN, head=self.world.tip(), text=mark)

    def _hold_train(self) -> None:
        self.say(Verb.HOLD, TRAIN)

    def _answer_scope(self) -> None:
        specs = [spec for spec in self.world.specs() if spec.status.reason is Reason.WAITING_FOR_SCOPE]
        if specs:
            rng = self.world.rng
            self.say(rng.choice((Verb.GRANT_SCOPE, Verb.DENY_SCOPE)), rng.choice(specs).name)

    def _edit_spec(self) -> None:
        rng, spec = self.world.rng, self._some_spec()
        if spec is None:
            return
        said = spec.spec
        edit: dict[str, object] = {}
        match rng.randrange(5):
            case 0:
                edit = {"text": f"{said.text} More."}
            case 1:
                edit = {"tier": rng.choice(tuple(Tier))}
            case 2:
                edit = {"priority": rng.choice((-5, 0, 7))}
            case 3:
                others = [other.name for other in self.world.specs() if other.name < spec.name]
                edit = {"depends_on": (rng.choice(others),) if others and not said.depends_on else ()}
            case _:
                edit = {"validation": () if said.validation else said.validation, "summary": f"{said.summary} again"}
        self.world.note(f"a person edits {spec.name}: {edit}")
        self.events += 1
        self.world.store.update(spec.model_copy(update={"spec": said.model_copy(update=edit)}))

    def _delete_spec(self) -> None:
        spec = self._some_spec()
        if spec is not None:
            self.world.note(f"a person deletes {spec.name}")
            self.events += 1
            self.world.store.delete(ImplementationSpec, spec.name)

    def _recreate_spec(self) -> None:
        spec = self._some_spec()
        if spec is not None:
            self.world.note(f"a person deletes {spec.name} and applies it anew")
            self.events += 1
            self.world.store.delete(ImplementationSpec, spec.name)
            fresh = ImplementationSpec(metadata=ObjectMeta(name=spec.name), spec=spec.spec)
            self.world.store.create(fresh)

    # -- strangers ---------------------------------------------------------------------------------------------------

    def _commit(self, parent: str, changes: dict[str, str], message: str) -> str:
        repository = self.world.repository
        files = {**repository.files(parent), **changes}
        return repository.commit(files, (parent,), message, self.world.clock.true)

    def _move_base(self, commit: str) -> None:
        repository = self.world.repository
        repository.point("refs/heads/main", commit)
        checkout = repository.checkout
        if checkout is not None and not checkout.obstacles:
            repository.checkout = BaseCheckout(checkout.path, repository.commits[commit].tree)
            repository.changes += 1
        self.world.forge.pulls()

    def _push_base(self) -> None:
        self.pushes += 1
        path = self.world.rng.choice(sorted(self.world.repository.files(self.world.tip())))
        self.world.note(f"a stranger pushes {path} to the base")
        content = value("stranger", self.pushes, Quality.GOOD)
        self._move_base(self._commit(self.world.tip(), {path: content}, "A stranger's work"))

    def _redden_base(self) -> None:
        self.pushes += 1
        kind = self.world.rng.choice((Quality.BAD, Quality.BAD, Quality.BREAKING, Quality.FLAKY))
        self.world.note(f"a stranger pushes something {kind} to the base")
        content = value("stranger", self.pushes, kind)
        self._move_base(self._commit(self.world.tip(), {"top/readme": content}, "A stranger's mistake"))

    def _rewrite_base(self) -> None:
        repository, rng = self.world.repository, self.world.rng
        history = repository.first_parents(self.world.tip())
        if len(history) < 2:
            return
        back = history[rng.randint(1, min(3, len(history) - 1))]
        self.rewritten += 1
        self.pushes += 1
        self.world.note("a stranger rewrites the base")
        content = value("stranger", self.pushes, Quality.GOOD)
        self._move_base(self._commit(back.id, {"top/rewritten": content}, "A stranger's rewrite"))

    def _push_branch(self) -> None:
        world, rng = self.world, self.world.rng
        names = sorted(ref.removeprefix(BRANCHES) for ref in world.repository.refs if ref.startswith(BRANCHES))
        if rng.random() < 0.15:
            names = sorted(world.items)
        if not names:
            return
        name = rng.choice(names)
        item = world.items.get(name)
        if item is None:
            return
        parent = world.repository.refs.get(f"{BRANCHES}{name}", world.tip())
        self.pushes += 1
        path = rng.choice(item.outside if rng.random() < 0.2 else item.files)
        kind = rng.choice((Quality.ADAPTED, Quality.ADAPTED, Quality.BAD))
        head = self._commit(parent, {path: value("stranger", self.pushes, kind)}, "A stranger's help")
        world.note(f"a stranger pushes {path} to interlock/{name}: {head[:7]}")
        world.repository.point(f"{BRANCHES}{name}", head)
        self.foreign.append(head)

    def _close_pull(self) -> None:
        pulls = [pull for pull in self.world.forge.pulls() if pull.state is PullState.OPEN]
        if pulls:
            pull = self.world.rng.choice(pulls)
            self.world.note(f"a stranger closes pull request {pull.number} of {pull.branch}")
            self.world.forge.amend(pull.number, close=True)

    def _dirty(self) -> None:
        repository = self.world.repository
        checkout = repository.checkout
        if checkout is not None:
            obstacles = () if checkout.obstacles else ("top/readme",)
            self.world.note(f"the checkout's obstacles: {obstacles}")
            tree = repository.commits[self.world.tip()].tree if not obstacles else checkout.index_tree
            repository.checkout = BaseCheckout(checkout.path, tree, obstacles)
            repository.changes += 1

    # -- the machine -------------------------------------------------------------------------------------------------

    def _kill_agent(self) -> None:
        live = self.world.machine.live()
        if live:
            process = self.world.rng.choice(list(live))
            self.world.note(f"somebody kills the agent of {process.run}")
            self.world.machine.kill(process, with_leader=False)

    def _jump_clock(self) -> None:
        hours = self.world.rng.choice((-3.0, -0.02, 0.02, 1.0, 30.0))
        self.world.note(f"the leader's clock jumps by {hours} h")
        self.world.clock.offset += timedelta(hours=hours)

    def _outage(self) -> None:
        self.world.machine.outage = not self.world.machine.outage
        self.world.note(f"outage of the gates: {self.world.machine.outage}")

    # -- afterwards --------------------------------------------------------------------------------------------------

    def calm(self) -> None:
        """Put right what only strangers can put right."""
        world = self.world
        world.machine.outage = False
        if world.repository.checkout is not None and world.repository.checkout.obstacles:
            self._dirty()
        self.mend_base()

    def mend_base(self) -> None:
        """Make every file of the base good, as a stranger's commit, if one is not."""
        tip = self.world.tip()
        files = self.world.repository.files(tip)
        fine = (Quality.GOOD, Quality.ADAPTED)
        mended = {
            path: value("stranger", self.pushes + 1, Quality.ADAPTED)
            for path, content in files.items()
            if quality(content) not in fine
        }
        clashing = {name for pair in self.world.scenario.clashes for name in pair}
        for path, content in files.items():
            name, number, kind = content.split("/")
            if name in clashing and kind == Quality.GOOD:
                mended[path] = f"{name}/{number}/{Quality.ADAPTED.value}"
        if mended and self.world.is_red(tip):
            self.pushes += 1
            self.world.note(f"a stranger mends the base: {sorted(mended)}")
            self._move_base(self._commit(tip, mended, "A stranger mends the base"))

    def help(self) -> bool:
        """Answer everything that waits for a person; return whether there was anything."""
        world = self.world
        before = self.events
        train = world.train()
        frozen: Frozen | None = train.status.frozen
        if frozen is not None or world.is_train_held():
            self.say(Verb.RELEASE, TRAIN, head=world.tip(), text=frozen.mark if frozen is not None else "")
        for spec in world.specs():
            match spec.status.reason:
                case Reason.HELD:
                    self.say(Verb.RELEASE, spec.name)
                case Reason.WAITING_FOR_SCOPE:
                    self.say(Verb.DENY_SCOPE, spec.name)
                case Reason.QUOTA_EXHAUSTED | Reason.BUDGET_EXHAUSTED:
                    self.say(Verb.CANCEL, spec.name)
                case Reason.WAITING_FOR_APPROVAL:
                    head = world.repository.refs.get(f"{BRANCHES}{spec.name}", "")
                    for actor in REVIEWERS:
                        self.say(Verb.APPROVE, spec.name, head=head, actor=actor)
                case _:
                    if spec.status.phase is Phase.STALLED and spec.name not in self.waived():
                        self.say(Verb.WAIVE, spec.name)
        return self.events > before

    def waived(self) -> set[str]:
        """Return the subjects somebody waived."""
        return {said.subject for said in self.spoken.values() if said.verb is Verb.WAIVE}

    def repair_script(self, spec: str, number: int, tree: Files) -> Script:
        """Return what an agent does whose item nobody planned: it mends whatever is bad."""
        writes = tuple(
            (path, value(spec, number, Quality.ADAPTED))
            for path, content in sorted(tree.items())
            if quality(content) not in (Quality.GOOD, Quality.ADAPTED)
        )
        return Script(duration_s=20.0, writes=writes)

    def current_run(self, spec: str) -> AgentRun | None:
        """Return the spec's last run."""
        runs = self.world.runs_of(spec)
        return runs[-1] if runs else None
