"""What a report concludes from stored facts: stretches and waits, the axis of time, claims, the order, the sums."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from orchestrator.core.chronicle import Facts, Recorded, page
from orchestrator.core.chronicle.axis import FOLD_WIDTH, WIDTH, axis
from orchestrator.core.chronicle.bill import bill
from orchestrator.core.chronicle.claims import holdings
from orchestrator.core.chronicle.places import places
from orchestrator.core.chronicle.story import Mood, mood_of, stretches, tries_of
from orchestrator.core.chronicle.trouble import TAIL_CHARS, denials, denied_total, gate_tallies, tail
from orchestrator.model.condition import FailureClass, Phase, Reason
from orchestrator.model.decision import Verb
from orchestrator.model.event import Event
from orchestrator.model.gate import GateResult
from orchestrator.model.run import AgentResult, Denied, ScopeVerdict, Usage
from orchestrator.model.spec import ImplementationSpecStatus, Tier
from orchestrator.model.train import Claim, Floor, MergeTrain, MergeTrainSpec, MergeTrainStatus
from orchestrator.model.validation import ValidationPhase, ValidationStatus
from tests.unit import make
from tests.unit.make import START
from tests.unit.test_decision_log import verdict_on


def at(second: float):  # type: ignore[no-untyped-def]
    return START + timedelta(seconds=second)


def said(second: float, phase: Phase, reason: Reason, message: str = "why", name: str = "a") -> Event:
    return Event(at(second), "ImplementationSpec", name, reason.value, f"{phase.value}: {message}")


def train(*claims: Claim, **spec: object) -> MergeTrain:
    return MergeTrain(
        metadata=make.meta("main"),
        spec=MergeTrainSpec.model_validate(spec),
        status=MergeTrainStatus(claims=claims),
    )


def record(second: float, *claims: Claim) -> Recorded:
    return Recorded(at(second), "main", MergeTrainStatus(claims=claims))


def claim(spec: str, epoch: int = 1, lent_to: str | None = None) -> Claim:
    return Claim(spec=spec, paths=(f"src/{spec}/**",), epoch=epoch, lent_to=lent_to)


# --- stretches


def test_a_stretch_lasts_until_the_next_thing_that_was_said_of_the_item() -> None:
    told = stretches(
        [
            said(0, Phase.WAITING, Reason.WAITING_FOR_CLAIM, "b writes there"),
            said(5, Phase.RUNNING, Reason.AGENT_RUNNING),
            said(9, Phase.PROPOSED, Reason.WAITING_FOR_TRAIN),
        ],
        at(12),
    )
    assert [(s.reason, s.seconds, s.mood) for s in told] == [
        (Reason.WAITING_FOR_CLAIM, 5.0, Mood.WAIT),
        (Reason.AGENT_RUNNING, 4.0, Mood.AGENT),
        (Reason.WAITING_FOR_TRAIN, 3.0, Mood.LINE),
    ]
    assert told[0].message == "b writes there"
    assert [s.is_last for s in told] == [False, False, True]


def test_what_took_no_time_is_left_out_and_what_it_parted_is_one_again() -> None:
    told = stretches(
        [
            said(0, Phase.RUNNING, Reason.AGENT_RUNNING),
            said(4, Phase.RUNNING, Reason.COLLECTING),
            said(4, Phase.RUNNING, Reason.AGENT_RUNNING),
        ],
        at(10),
    )
    assert [(s.reason, s.seconds) for s in told] == [(Reason.AGENT_RUNNING, 10.0)]


def test_events_that_say_nothing_of_an_items_standing_make_no_stretch() -> None:
    other = Event(at(1), "ImplementationSpec", "a", "Created", "Phase: unknown")
    assert stretches([other, said(2, Phase.STALLED, Reason.CONFLICT, "x: y")], at(3)) == (
        stretches([said(2, Phase.STALLED, Reason.CONFLICT, "x: y")], at(3))
    )


def test_a_clock_that_was_set_back_gives_no_negative_time() -> None:
    told = stretches([said(9, Phase.WAITING, Reason.NEW), said(2, Phase.RUNNING, Reason.AGENT_RUNNING)], at(4))
    assert min(s.seconds for s in told) >= 0


def test_time_that_only_a_person_can_end_is_told_apart_from_time_the_machine_takes() -> None:
    assert mood_of(Phase.PROPOSED, Reason.WAITING_FOR_APPROVAL) is Mood.PERSON
    assert mood_of(Phase.WAITING, Reason.HELD) is Mood.PERSON
    assert mood_of(Phase.PROPOSED, Reason.VALIDATING) is Mood.CHECK
    assert mood_of(Phase.WAITING, Reason.BACKING_OFF) is Mood.WAIT
    assert mood_of(Phase.STALLED, Reason.HELD) is Mood.STALLED


# --- the axis


def test_time_runs_evenly_where_nothing_is_folded() -> None:
    line = axis(at(0), at(100), [(at(0), at(100))], [])
    assert [line.x(at(second)) for second in (-5, 0, 25, 100, 200)] == [0.0, 0.0, 250.0, WIDTH, WIDTH]
    assert line.folds == ()


def test_a_long_pause_in_which_nothing_happened_is_folded() -> None:
    day = 86_400.0
    line = axis(at(0), at(day), [(at(0), at(60)), (at(day - 60), at(day))], [])
    assert [(fold.width, fold.seconds) for fold in line.folds] == [(FOLD_WIDTH, day - 120)]
    assert line.x(at(60)) == line.folds[0].x == (WIDTH - FOLD_WIDTH) / 2
    assert line.x(at(day - 60)) == line.folds[0].x + FOLD_WIDTH


def test_a_pause_in_which_something_was_said_is_folded_on_both_sides_of_it() -> None:
    day = 86_400.0
    line = axis(at(0), at(day), [(at(0), at(60)), (at(day - 60), at(day))], [at(day / 2)])
    assert len(line.folds) == 2


def test_places_on_the_axis_never_go_backwards() -> None:
    spans = [(at(n * n * 40), at(n * n * 40 + 30)) for n in range(40)]
    line = axis(at(0), at(70_000), spans, [])
    places = [line.x(at(second)) for second in range(0, 70_000, 37)]
    assert places == sorted(places)
    assert len(line.ticks) <= 9
    assert all(a.x < b.x for a, b in zip(line.ticks, line.ticks[1:], strict=False))


def test_a_swarm_of_one_moment_has_an_axis() -> None:
    line = axis(at(0), at(0), [], [at(0)])
    assert (line.x(at(0)), line.x(at(1))) == (0.0, WIDTH)


def test_years_are_named_by_a_few_ticks() -> None:
    line = axis(at(0), at(3e8), [(at(0), at(3e8))], [])
    assert 2 <= len(line.ticks) <= 9


def test_the_crowd_counts_every_open_item_once_wherever_one_looks() -> None:
    events = [said(0, Phase.WAITING, Reason.WAITING_FOR_CLAIM, name=name) for name in "abc"]
    events += [
        said(50, Phase.RUNNING, Reason.AGENT_RUNNING, name="a"),
        said(100, Phase.STALLED, Reason.CONFLICT, name="b"),
    ]
    told = page(Facts(specs=tuple(make.spec(name) for name in "abc"), events=tuple(events)))
    assert told.crowd.peak == 3.0
    assert {layer.high[-1] for layer in told.crowd.layers if layer.mood is Mood.WAIT} == {3.0}
    agents = next(layer for layer in told.crowd.layers if layer.mood is Mood.AGENT)
    assert (agents.high[0], agents.high[-1]) == (0.0, 1.0)
    for below, above in zip(told.crowd.layers, told.crowd.layers[1:], strict=False):
        assert below.high == above.low
    assert agents.outline(100, 3.0).startswith("M0 100.0H8L8 100.0H16")


# --- claims


def test_a_claim_is_told_from_its_grant_to_its_release() -> None:
    facts = Facts(
        records=(record(0), record(1, claim("a")), record(5, claim("a"), claim("b", 2)), record(8, claim("b", 2)))
    )
    assert [(h.spec, h.begin, h.end, h.is_live) for h in holdings(facts)] == [
        ("a", at(1), at(8), False),
        ("b", at(5), at(8), True),
    ]


def test_a_claim_that_yielded_is_told_with_the_time_it_was_lent() -> None:
    facts = Facts(
        records=(record(1, claim("a")), record(3, claim("a", 1, lent_to="b")), record(6, claim("a", 2)), record(9))
    )
    (held,) = holdings(facts)
    assert [(lent.to, lent.begin, lent.end) for lent in held.lent] == [("b", at(3), at(6))]
    assert (held.begin, held.end, held.epoch) == (at(1), at(9), 1)


def test_a_claim_that_was_released_and_taken_again_is_told_twice() -> None:
    facts = Facts(records=(record(1, claim("a")), record(3), record(6, claim("a", 2)), record(9)))
    assert [(h.begin, h.end) for h in holdings(facts)] == [(at(1), at(3)), (at(6), at(9))]


def test_without_a_history_the_live_claims_are_told() -> None:
    facts = Facts(trains=(train(claim("a")),), events=(said(2, Phase.WAITING, Reason.NEW),))
    assert [(h.spec, h.is_live) for h in holdings(facts)] == [("a", True)]


# --- the order


def placed(facts: Facts) -> dict[str, tuple[int, Tier, str, str]]:
    return {p.spec.name: (p.number, p.tier, p.raised_by, p.priority_from) for p in places(facts, {})}


def effective(name: str, tier: Tier, **spec: object):  # type: ignore[no-untyped-def]
    made = make.spec(name, **spec)
    return made.model_copy(update={"status": ImplementationSpecStatus(tier=tier)})


def test_the_order_says_which_need_raised_a_tier() -> None:
    facts = Facts(specs=(make.spec("a"), make.spec("b", depends_on=("a",), tier="safety"), make.spec("c")))
    assert placed(facts) == {
        "a": (1, Tier.SAFETY, "b needs it and is safety", ""),
        "b": (2, Tier.SAFETY, "", ""),
        "c": (3, Tier.EXECUTION, "", ""),
    }


def test_the_order_says_which_floor_raised_a_tier() -> None:
    floored = train(floors=(Floor(paths=("src/a/**",), tier=Tier.SAFETY),))
    facts = Facts(specs=(effective("a", Tier.SAFETY), effective("b", Tier.EXECUTION)), trains=(floored,))
    assert placed(facts)["a"] == (1, Tier.SAFETY, "its paths touch src/a/**", "")


def test_a_tier_that_only_the_leader_could_explain_is_believed() -> None:
    facts = Facts(
        specs=(effective("a", Tier.VALIDITY), effective("b", Tier.VALIDITY, depends_on=("a",))), trains=(train(),)
    )
    assert placed(facts) == {
        "a": (1, Tier.VALIDITY, "b needs it and is validity", ""),
        "b": (2, Tier.VALIDITY, "a floor over what it touched", ""),
    }


def test_the_order_says_whose_word_changed_a_priority() -> None:
    facts = Facts(
        specs=(make.spec("a"), make.spec("b"), make.spec("c", depends_on=("b",))),
        decisions=(make.decision(Verb.PRIORITY, "c", sequence=1, value="5"),),
    )
    assert {name: (p[0], p[3]) for name, p in placed(facts).items()} == {
        "b": (1, "an item that needs it"),
        "c": (2, "a person"),
        "a": (3, ""),
    }


# --- trouble and sums


def test_denied_paths_are_listed_by_run_and_counted_beyond_the_list() -> None:
    verdict = ScopeVerdict(allowed=False, denied=(Denied(path="x", reason="outside"),), denied_total=7)
    facts = Facts(runs=(make.run("a", failure=FailureClass.SCOPE_VIOLATION, scope=verdict, ended_at=at(3)),))
    assert [(d.run, d.path, d.at) for d in denials(facts)] == [("a-1", "x", at(3))]
    assert denied_total(facts) == 7


def test_the_tail_of_a_long_output_is_its_end_from_a_line_on() -> None:
    text = "".join(f"line {n}\n" for n in range(5_000))
    cut = tail(text)
    assert len(cut) <= TAIL_CHARS + 2
    assert cut.startswith("…\nline ")
    assert cut.endswith("line 4999")
    assert tail("x" * 9_000) == "… " + "x" * TAIL_CHARS


def test_what_agents_say_they_used_is_added_up_and_what_they_do_not_say_is_not_zero() -> None:
    used = AgentResult(usage=Usage(input_tokens=10, output_tokens=2, cost_usd=Decimal("0.10")))
    facts = Facts(
        specs=(make.spec("a", lane="x"), make.spec("b", lane="y")),
        runs=(
            make.run("a", 1, started_at=at(0), ended_at=at(30), result=used),
            make.run("a", 2, started_at=at(30), ended_at=at(40), result=used),
            make.run("b", 1, started_at=at(0), ended_at=at(5), failure=FailureClass.AGENT_ERROR),
        ),
    )
    total = bill(facts)
    assert [(line.name, line.runs, line.failed, line.agent_s, line.cost_usd, line.told) for line in total.by_lane] == [
        ("x", 2, 0, 40.0, Decimal("0.20"), 2),
        ("y", 1, 1, 5.0, Decimal(0), 0),
    ]
    assert (total.total.runs, total.total.told, total.total.input_tokens) == (3, 2, 20)


def test_an_empty_store_makes_a_page() -> None:
    told = page(Facts())
    assert (told.items, told.timeline, told.as_of) == (0, (), told.begin)


def test_time_ends_with_the_last_fact_and_not_with_a_clock() -> None:
    facts = Facts(
        specs=(make.spec("a"),), events=(said(0, Phase.WAITING, Reason.NEW), said(7, Phase.WAITING, Reason.HELD))
    )
    assert page(facts).as_of == at(7)
    assert page(facts) == page(facts)


# --- gates


def test_a_validation_that_was_stopped_is_not_said_to_be_running() -> None:
    begun = {"started_at": at(0)}
    stopped = verdict_on().model_copy(update={"status": ValidationStatus(phase=ValidationPhase.PENDING, **begun)})
    running = verdict_on().model_copy(update={"status": ValidationStatus(phase=ValidationPhase.RUNNING, **begun)})
    (tally,) = gate_tallies(Facts(validations=(verdict_on((5, GateResult.PASS)), stopped, running)))
    assert tally.says == (("pass", 1), ("running", 1), ("stopped", 1))
    assert ([each.result for each in tries_of(running, at(3))], tries_of(stopped, at(3))) == (["running"], [])
