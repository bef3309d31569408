"""What programs say: bounded, masked, byte for byte, and not to be forged."""

from __future__ import annotations

import signal

from orchestrator.adapters.process.job import Limits
from tests.contract.process.process_world import World, until


def test_a_gigabyte_of_output_costs_a_bounded_log_that_keeps_both_ends(world: World) -> None:
    script = "echo first; head -c 1000000000 /dev/zero; echo; echo last"
    key = world.start("sh", "-c", script, log_bytes_max=100_000)
    fact = world.ended(key, within_s=60)
    text = world.log(key)
    assert fact.output_bytes == 1_000_000_000 + len("first\n\nlast\n")
    assert text.startswith("first\n\0\0\0")
    assert text.endswith("\0\0\0\nlast\n")
    assert f"[... {fact.dropped_bytes} bytes of output dropped here ...]" in text
    assert len(text.replace(f"\n[... {fact.dropped_bytes} bytes of output dropped here ...]\n", "")) == 100_000
    assert fact.dropped_bytes == fact.output_bytes - 100_000


def test_the_tail_of_a_chatty_job_can_be_read_while_it_runs(world: World) -> None:
    script = "head -c 100000 /dev/zero | tr '\\0' x; echo; echo recent; sleep 60"
    key = world.start("sh", "-c", script, log_bytes_max=2000)
    until(lambda: world.log(key).endswith("recent\n"), within_s=5)
    world.host.kill_now(key)
    world.end(key)


def test_binary_output_without_a_newline_arrives_byte_for_byte(world: World) -> None:
    data = bytes(range(256)) * 300
    (world.root / "data").write_bytes(data)
    key = world.start("cat", "data")
    world.ended(key)
    assert (world.root / key / "output.log").read_bytes() == data


def test_secrets_are_masked_also_where_they_arrive_in_pieces(world: World) -> None:
    script = "printf 'a hunt'; sleep 0.1; printf 'er2 b'; sleep 0.1; echo; echo hunter2-long hunter"
    key = world.start("sh", "-c", script, masks=("hunter2", "hunter2-long", ""))
    world.ended(key)
    assert world.log(key) == "a *** b\n*** hunter\n"


def test_masking_holds_back_only_what_may_be_a_secret(world: World) -> None:
    key = world.start("sh", "-c", "printf 'at once, hun'; sleep 60", masks=("hunter2", "another-long-secret"))
    until(lambda: world.log(key) == "at once, ")
    world.host.kill_now(key)
    world.end(key)
    assert world.log(key) == "at once, hun"


def test_a_program_that_closes_its_output_runs_on(world: World) -> None:
    fact = world.sh("exec >&- 2>&-; sleep 0.3; exit 9")
    assert fact.code == 9
    assert (fact.ended_at - fact.started_at).total_seconds() >= 0.3


def test_a_file_over_the_limit_ends_its_writer_not_the_log(world: World) -> None:
    fact = world.sh("head -c 3000000 /dev/zero > big", limits=Limits(file_bytes_max=1_000_000, open_files_max=64))
    assert fact.code == 128 + signal.SIGXFSZ
    assert (world.root / "big").stat().st_size == 1_000_000


def test_a_pipeline_learns_that_its_reader_is_gone(world: World) -> None:
    # Python ignores SIGPIPE; a child that inherited that would see an error, or go on for ever.
    assert world.sh("yes | head -n 1; exit 0", timeout_s=5).code == 0


def test_nothing_of_the_keeper_is_open_in_the_job(world: World) -> None:
    key = world.start("ls", "/proc/self/fd")
    world.ended(key)
    assert world.log(key).split() == ["0", "1", "2", "3"]  # 3 is the folder ls reads


def test_a_job_that_removes_its_own_folder_is_still_seen_to_end(world: World) -> None:
    key = world.start("sh", "-c", 'rm -rf "$0"; exit 6', str(world.root / "job-1"))
    assert world.ended(key).code == 6


def test_a_job_cannot_forge_its_own_end(world: World) -> None:
    forged = '{"exit_code": 0}'
    key = world.start(
        "sh",
        "-c",
        f'echo \'{forged}\' > "$0/ended.json"; mkdir "$0/.ended.json.new"; exit 3',
        str(world.root / "job-1"),
    )
    assert world.ended(key).code == 3
