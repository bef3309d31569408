"""What test runners print about failures, and what of it is a change's own."""

import pytest

from orchestrator.core.failures import Compared, compared, failure_set

PYTEST = """\
..F.E
=========================== short test summary info ============================
FAILED tests/test_a.py::test_one - AssertionError: assert 1 == 2
FAILED tests/test_a.py::test_many[a - b] - ValueError
ERROR tests/test_b.py::TestC::test_x
ERROR tests/test_broken.py - ImportError: no module
ERROR could not do something else
========================= 2 failed, 2 errors in 0.12s =========================
"""
GO = (
    "=== RUN   TestA\n--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/sub (0.00s)\nFAIL\nFAIL\texample.com/m/pkg\t0.003s\n"
)
TAP = "1..4\nok 1 - fine\nnot ok 2 - adds numbers\nnot ok 3 later # TODO some day\nnot ok 4 - parses\n"


@pytest.mark.parametrize(
    ("output", "names"),
    [
        (
            PYTEST,
            {
                "tests/test_a.py::test_one",
                "tests/test_a.py::test_many[a",
                "tests/test_b.py::TestC::test_x",
                "tests/test_broken.py",
            },
        ),
        ("\x1b[31mFAILED\x1b[0m tests/test_a.py::\x1b[1mtest_one\x1b[0m - no\n", {"tests/test_a.py::test_one"}),
        ("FAIL: test_sum (tests.test_m.Sums)\nERROR: test_b (m.B)\n", {"test_sum (tests.test_m.Sums)", "test_b (m.B)"}),
        (GO, {"TestA", "TestA/sub", "example.com/m/pkg"}),
        (TAP, {"adds numbers", "parses"}),
        ("test tests::it_works ... FAILED\ntest tests::fine ... ok\n", {"tests::it_works"}),
        ("make: *** [check] Error 1\n", set()),
        ("", set()),
    ],
)
def test_the_failed_tests_are_read_from_what_the_runner_prints(output: str, names: set[str]) -> None:
    assert failure_set(output) == names


def test_what_fails_only_with_the_change_is_its_own() -> None:
    base = "FAILED t.py::test_old - no\n"
    assert compared(f"{base}FAILED t.py::test_new - no\n", base) == Compared(
        ("t.py::test_new",), "but t.py::test_new fails only with this change"
    )
    assert compared(base, f"{base}FAILED t.py::test_other\n").new == ()


def test_outputs_that_name_no_test_blame_nobody() -> None:
    assert compared("Error 1 after 0.4s", "error 1 after 12s") == Compared((), "and prints the same there")
    assert compared("FAILED t.py::test_a", "Error 1").new == ()
    assert compared("FAILED t.py::test_a", "." * 16_001 + "\nFAILED t.py::test_b").new == (), "the rest is not known"
    assert "does not say" in compared("one thing", "another thing").words
