"""A pattern without wildcards is a file or a folder: where only the file makes sense, the file is meant."""

from orchestrator.core.ownership import Ownership
from tests.unit.make import lane


def test_a_file_a_lane_owns_by_a_wildcard_may_be_named_by_an_item() -> None:
    ownership = Ownership.of([lane("docs", "*.md", "docs/*")])
    assert ownership.scope_gap(["docs"], ["README.md", "docs/index.md"]) is None


def test_a_folder_somebody_names_files_of_is_still_a_folder() -> None:
    ownership = Ownership.of([lane("root", "*"), lane("src", "src/**")])
    gap = ownership.scope_gap(["root"], ["src"])
    assert gap is not None and gap.startswith("src/")


def test_a_file_of_another_lane_stays_outside() -> None:
    ownership = Ownership.of([lane("docs", "*.md"), lane("code", "*.py")])
    assert ownership.scope_gap(["docs"], ["setup.py"]) is not None
