"""What known runners print, and whether that is a verdict. Every text is as the runner writes it."""

from __future__ import annotations

import time

import pytest

from orchestrator.adapters.process.gate_runners import could_not_run
from orchestrator.adapters.process.secrets import masked, plain, secret_values

NO_VERDICT = [
    (5, "\nno tests ran in 0.01s\n", "pytest ran no test: no tests ran in 0.01s"),
    (5, "============ no tests ran in 0.00s ============", "no tests ran"),
    (5, "collecting ... collected 0 items\n\n== no tests ran in 0.12s ==", "no tests ran"),
    (5, "3 deselected in 0.02s\n", "3 deselected"),
    (0, "ss                     [100%]\n2 skipped in 0.01s\n", "2 skipped"),
    (0, "\n----\nRan 0 tests in 0.000s\n\nOK\n", "Ran 0 tests"),
    (5, "\n----\nRan 0 tests in 0.000s\n\nNO TESTS RAN\n", "unittest"),
    (0, "?   \texample.org/m\t[no test files]\n?   \texample.org/m/a\t[no test files]\n", "[no test files]"),
    (0, "ok  \texample.org/m\t0.002s [no tests to run]\n", "no tests to run"),
    (
        0,
        "\nrunning 0 tests\n\ntest result: ok. 0 passed; 0 failed\n\n   Doc-tests m\n\nrunning 0 tests\n",
        "running 0 tests",
    ),
    (4, "error: no tests to run\n", "cargo test"),
    (1, "No tests found, exiting with code 1\nRun with `--passWithNoTests`\n", "jest"),
    (0, "No tests found, exiting with code 0\n", "jest"),
    (1, "\n No test files found, exiting with code 1\n", "vitest"),
    (1, 'Error: No test files found: "test"\n', "mocha"),
    (0, "\n\n  0 passing (1ms)\n\n", "mocha"),
    (0, "# tests 0\n# suites 0\n# pass 0\n", "node --test"),
    (1, 'npm error Missing script: "test"\nnpm error\n', "Missing script"),
    (1, 'npm ERR! Missing script: "test"\n', "Missing script"),
    (1, '> echo "Error: no test specified" && exit 1\n\nError: no test specified\n', "no test specified"),
    (0, "[INFO] No tests to run.\n[INFO] BUILD SUCCESS\n", "No tests to run"),
    (0, "[INFO] Tests run: 0, Failures: 0, Errors: 0, Skipped: 0\n", "Tests run: 0"),
    (8, "No tests were found!!!\n", "ctest"),
    (0, "No examples found.\n\n0 examples, 0 failures\n", "rspec"),
    (1, "No tests executed!\n", "phpunit"),
    (127, "sh: 1: pytest: not found\n", "exit 127, a program was not found: sh: 1: pytest: not found"),
    (127, "bash: line 1: tox: command not found\n", "tox"),
    (127, "", "exit 127, a program was not found"),
    (126, "sh: 1: ./run: Permission denied\n", "exit 126, a program cannot be executed"),
    (2, "make: pytest: No such file or directory\nmake: *** [Makefile:2: check] Error 127\n", "Error 127"),
    (2, "make: *** No rule to make target 'check'.  Stop.\n", "No rule to make target 'check'"),
    (2, "make: *** No targets specified and no makefile found.  Stop.\n", "no makefile found"),
    (2, "Makefile:3: *** missing separator.  Stop.\n", "missing separator"),
    (2, "make[1]: *** [Makefile:9: unit] Error 126\nmake: *** [Makefile:4: check] Error 2\n", "Error 126"),
    (2, "5 passed in 0.1s\nsh: 1: mypy: not found\nmake: *** [Makefile:2: check] Error 127\n", "Error 127"),
    (1, "/usr/bin/python3: No module named pytest\n", "No module named pytest"),
    (1, "./check.sh: 4: golangci-lint: not found\n", "golangci-lint"),
    (1, "check.sh: line 4: golangci-lint: command not found\n", "golangci-lint"),
]

VERDICT = [
    (0, ""),
    (1, ""),
    (5, ""),
    (0, "5 passed in 0.02s\n"),
    (1, "1 failed, 4 passed in 0.02s\n"),
    (0, "4 passed, 1 skipped in 0.02s\n"),
    # A test file that cannot be imported is broken work, not an absent gate.
    (2, "collected 0 items / 1 error\n\nERROR test_a.py\n===== 1 error in 0.05s =====\n"),
    (0, "?   \texample.org/m\t[no test files]\nok  \texample.org/m/a\t0.003s\n"),
    (2, "?   \texample.org/m\t[no test files]\nFAIL\texample.org/m/a [build failed]\n"),
    (101, "running 0 tests\n\ntest result: ok.\n\nrunning 2 tests\ntest a ... FAILED\n"),
    (0, "Ran 3 tests in 0.001s\n\nOK\n"),
    # A suite that says nothing ran beside one that ran.
    (0, "no tests ran in 0.01s\n12 passed in 1.00s\n"),
    (2, "make: *** [Makefile:2: check] Error 1\n"),
    (2, "1 failed in 0.1s\nmake: *** [Makefile:2: check] Error 1\n"),
    # Tests about missing programs print these lines themselves.
    (1, "sh: 1: nope: not found\nE   assert 1 == 0\n1 failed in 0.1s\n"),
    (2, "make: *** No rule to make target 'x'.  Stop.\n1 failed, 3 passed in 0.1s\nmake: *** [check] Error 1\n"),
    (0, "sh: 1: optional-tool: not found\nall good\n"),
    (137, "Killed\n"),
    (1, "the command not found page says: command not found\n"),
]


@pytest.mark.parametrize(("code", "output", "reason"), NO_VERDICT)
def test_a_gate_that_ran_nothing_has_no_verdict_and_says_which_line_told(code: int, output: str, reason: str) -> None:
    found = could_not_run(code, output)
    assert reason in found
    assert "\n" not in found


@pytest.mark.parametrize(("code", "output"), VERDICT)
def test_a_gate_that_ran_has_a_verdict(code: int, output: str) -> None:
    assert could_not_run(code, output) == ""


def test_secrets_are_known_by_their_names() -> None:
    environ = {
        "OPENAI_API_KEY": "sk-123456",
        "GH_TOKEN": "ghp_abcdef",
        "DB_PASSWORD": "hunter22",
        "AWS_SECRET_ACCESS_KEY": "aws-999",
        "GIT_AUTHOR_NAME": "Some Body",
        "SSH_AUTH_SOCK": "/run/agent",
        "KEYBOARD": "qwertz",
        "CI_TOKEN": "abc",
        "PATH": "/usr/bin",
        "XDG_SESSION_ID": "1234567",
    }
    assert secret_values(environ) == ("aws-999", "ghp_abcdef", "hunter22", "sk-123456")
    assert masked("hunter22 and sk-123456", secret_values(environ)) == "*** and ***"


def test_text_for_people_holds_no_terminal_commands() -> None:
    assert plain("\x1b[31mred\x1b[0m\x1b]0;title\x07 a\tb\r\nc\rd\x00\x9b") == "red a\tb\ncd"


@pytest.mark.parametrize(
    "piece", ["1 passed ", "python", "No module named ", "3 skipped, ", "a: line 1: ", "=", "make: *** "]
)
def test_output_made_to_keep_us_busy_does_not(piece: str) -> None:
    begin = time.process_time()
    could_not_run(1, piece * 200_000)
    could_not_run(1, (piece * 30 + "\n") * 5_000)
    assert time.process_time() - begin < 2
