"""What people said, folded in the order the leader took it in."""

from orchestrator.core.voice import SILENCE, voices
from orchestrator.model.decision import Verb
from tests.unit.make import decision


def test_the_last_word_counts() -> None:
    said = [decision(Verb.HOLD, "x", at_s=1), decision(Verb.RELEASE, "x", at_s=2)]
    assert voices(said, {})["x"].held is False
    assert voices(said[:1], {})["x"].held is True


def test_the_order_in_which_words_were_taken_in_beats_the_clock() -> None:
    said = [decision(Verb.HOLD, "x", at_s=9, sequence=1), decision(Verb.RELEASE, "x", at_s=1, sequence=2)]
    assert voices(said, {})["x"].held is False


def test_a_new_word_comes_after_all_that_were_taken_in() -> None:
    said = [decision(Verb.RELEASE, "x", at_s=9, sequence=7), decision(Verb.HOLD, "x", at_s=1)]
    assert voices(said, {})["x"].held is True


def test_a_retry_undoes_a_cancellation_and_forgives_the_runs_so_far() -> None:
    said = [decision(Verb.CANCEL, "x", at_s=1), decision(Verb.RETRY, "x", at_s=2)]
    voice = voices(said, {"x": 3})["x"]
    assert (voice.cancelled, voice.retry_after) == (False, 3)
    settled = decision(Verb.RETRY, "x", sequence=4)
    settled = settled.model_copy(update={"status": settled.status.model_copy(update={"after_run": 1})})
    assert voices([settled], {"x": 3})["x"].retry_after == 1, "a retry forgives no runs that came after it"


def test_an_approval_names_a_head_and_a_person() -> None:
    said = [decision(Verb.APPROVE, "x", at_s=n, head=head) for n, head in enumerate(["h1", "h1", "h2"])]
    voice = voices(said, {})["x"]
    assert voice.approvers("h1") == {"somebody"}
    assert voice.approvers("h3") == frozenset()


def test_a_refused_word_does_nothing() -> None:
    refused = decision(Verb.CANCEL, "x", sequence=1)
    refused = refused.model_copy(update={"status": refused.status.model_copy(update={"effective": False})})
    assert voices([refused], {}).get("x", SILENCE).cancelled is False


def test_a_priority_that_is_no_number_changes_nothing() -> None:
    said = [decision(Verb.PRIORITY, "x", at_s=1, value="7"), decision(Verb.PRIORITY, "x", at_s=2, value="high")]
    assert voices(said, {})["x"].priority == 7
