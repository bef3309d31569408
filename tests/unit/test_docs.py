"""The generated pages are what the code says today, and every link in the documentation leads somewhere."""

from __future__ import annotations

import argparse
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from orchestrator.adapters.documents import load
from orchestrator.adapters.process import gate_runners
from orchestrator.model.kinds import KINDS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gen_docs", ROOT / "scripts/gen_docs.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_reference_is_what_the_code_says(generator: ModuleType) -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs/reference").glob("*.md")}
    assert committed == generator.pages(), "run: make docs"


def test_every_reason_has_a_sentence(generator: ModuleType) -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", generator.pages()["reasons.md"], flags=re.MULTILINE)
    assert len(rows) > 50
    assert [word for word, meaning in rows if not re.match(r"[A-Z].{5,}\.$", meaning)] == []


def test_a_command_becomes_a_section_with_its_usage_and_arguments(generator: ModuleType) -> None:
    parser = argparse.ArgumentParser(prog="tool", description="Does things.")
    verbs = parser.add_subparsers()
    run = verbs.add_parser("run", help="Run them.")
    run.add_argument("name", nargs="+", help="what to run")
    run.add_argument("-o", "--output", choices=["table", "json"], default="table", help="format (default %(default)s)")
    run.add_argument("--secret", help=argparse.SUPPRESS)
    page = generator.cli_page(parser)
    section = page[page.index("### tool run") :]
    assert section == (
        "### tool run\n\nRun them.\n\n```text\ntool run NAME… [-o table|json]\n```\n\n"
        "| Argument | Meaning |\n| --- | --- |\n| `NAME…` | what to run |\n"
        "| `-o, --output table\\|json` | format (default table) |\n"
    )


def test_every_kind_and_every_field_of_it_is_described(generator: ModuleType) -> None:
    page = generator.pages()["kinds.md"]
    for kind in KINDS:
        section = page[page.index(f"\n## {kind.KIND}\n") :]
        for half in ("spec", "status"):
            fields = kind.model_fields[half].annotation.model_fields.values()
            table = section[section.index(f"**`{half}`**") :].split("\n\n")[1]
            assert re.findall(r"^\| `(\w+)` ", table, flags=re.MULTILINE) == [field.alias for field in fields]
    links = set(re.findall(r"\]\(#(\w+)\)", page))
    assert links <= {heading.lower() for heading in re.findall(r"^### (\w+)$", page, flags=re.MULTILINE)}


def test_the_lines_of_every_known_runner_are_listed(generator: ModuleType) -> None:
    page = generator.pages()["gates.md"]
    for runner in gate_runners.RUNNERS:
        assert f"\n### {runner.name}\n" in page
        for pattern in (runner.nothing, runner.something):
            assert all(line in page for line in pattern.pattern.removeprefix("(?:")[:-1].split(")|(?:"))


def test_the_agent_that_is_shown_is_the_one_the_readme_runs() -> None:
    shown = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs/agents.md").read_text(), flags=re.MULTILINE | re.DOTALL)
    assert shown == [(ROOT / "docs/hello/agent.py").read_text()]


@pytest.mark.parametrize("page", ["docs/agents.md", "docs/gates.md"])
def test_the_yaml_that_is_shown_can_be_read(page: str, tmp_path: Path) -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL)
    assert blocks
    for number, block in enumerate(blocks):
        whole = "kind:" in block
        train = "apiVersion: interlock.dev/v1alpha1\nkind: MergeTrain\nmetadata: {name: main}\nspec:\n"
        file = tmp_path / f"{number}.yaml"
        file.write_text(block if whole else train + "".join(f"  {line}" for line in block.splitlines(True)))
        assert load([str(file)]).problems == ()


def documents() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", documents(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    prose = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", prose)
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_page_can_be_reached_from_the_index() -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "docs/index.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md" or not page.is_file():
            continue
        seen.add(page)
        links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
        waiting += [(page.parent / link).resolve() for link in links]
    assert [str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md") if p.resolve() not in seen] == []
