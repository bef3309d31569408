"""Object ids of what lies on disk: what git would store for it, without storing it."""

from collections.abc import Sequence

from orchestrator.adapters.git.run import Place, Runner, encoded


def hash_files(runner: Runner, place: Place, paths: Sequence[str]) -> list[str]:
    """Return the ids the plain files would have, line endings and filters applied as the place's settings say."""
    if not paths:
        return []
    if any("\n" in path for path in paths):
        return [runner.run(place, "hash-object", "--", path).text for path in paths]
    listed = encoded("".join(f"{path}\n" for path in paths))
    return runner.run(place, "hash-object", "--stdin-paths", input=listed).text.splitlines()


def hash_bytes(runner: Runner, place: Place, content: bytes) -> str:
    """Return the id the bytes would have as a file, just as they are."""
    return runner.run(place, "hash-object", "--stdin", input=content).text
