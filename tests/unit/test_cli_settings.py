"""Which repository and which state folder a command works on, and the places it refuses."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from orchestrator import settings, wiring
from orchestrator.errors import Unusable


def repository(path: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(path)], check=True)
    return path.resolve()


def test_the_repository_is_found_upward(tmp_path: Path) -> None:
    root = repository(tmp_path / "shop")
    (root / "src/deep").mkdir(parents=True)
    assert settings.load(cwd=root / "src/deep", env={"HOME": str(tmp_path)}).repository == root


def test_outside_a_repository_the_refusal_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=r"not inside a git repository.*git init"):
        settings.load(cwd=tmp_path, env={})


def test_a_bare_repository_is_refused(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "bare")], check=True)
    with pytest.raises(Unusable, match="without a work tree"):
        settings.load(cwd=tmp_path / "bare", env={})


def test_a_named_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="no such folder"):
        settings.load(repo=str(tmp_path / "nowhere"), env={})


def test_the_state_lies_under_the_state_home_and_differs_by_repository(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")}
    one, two = (settings.load(cwd=repository(tmp_path / where / "shop"), env=env).state for where in ("a", "b"))
    assert one.parent == two.parent == tmp_path.resolve() / "state/interlock"
    assert one.name.startswith("shop-")
    assert one != two


def test_a_relative_state_home_is_ignored(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "XDG_STATE_HOME": "state"}
    state = settings.load(cwd=repository(tmp_path / "shop"), env=env).state
    assert state.parent == tmp_path.resolve() / ".local/state/interlock"


@pytest.mark.parametrize("how", ["flag", "environment"])
def test_a_named_state_is_the_folder_itself(tmp_path: Path, how: str) -> None:
    root = repository(tmp_path / "shop")
    wanted = tmp_path / "kept"
    env = {"HOME": str(tmp_path), **({"INTERLOCK_STATE": str(wanted)} if how == "environment" else {})}
    found = settings.load(cwd=root, env=env, state=str(wanted) if how == "flag" else None)
    assert found.state == wanted.resolve()


@pytest.mark.parametrize("inside", [".", "state", ".git/interlock"])
def test_a_state_inside_the_work_tree_is_refused(tmp_path: Path, inside: str) -> None:
    root = repository(tmp_path / "shop")
    with pytest.raises(Unusable, match="inside the work tree"):
        settings.load(cwd=root, env={}, state=str(root / inside))


def test_a_link_into_the_work_tree_is_seen_through(tmp_path: Path) -> None:
    root = repository(tmp_path / "shop")
    (tmp_path / "link").symlink_to(root)
    with pytest.raises(Unusable, match="inside the work tree"):
        settings.load(cwd=root, env={}, state=str(tmp_path / "link/state"))


def test_linked_work_trees_share_the_state_of_their_repository(tmp_path: Path) -> None:
    root = repository(tmp_path / "shop")
    commit = ["commit", "-q", "--allow-empty", "-m", "Start"]
    for arguments in (commit, ["worktree", "add", "-q", str(tmp_path / "other")]):
        subprocess.run(["git", "-C", str(root), *arguments], check=True)
    env = {"HOME": str(tmp_path)}
    main, linked = (settings.load(cwd=path, env=env) for path in (root, tmp_path / "other"))
    assert main.state == linked.state
    assert linked.repository == (tmp_path / "other").resolve()


def test_a_state_that_remembers_another_repository_is_refused(tmp_path: Path) -> None:
    mine, other, state = repository(tmp_path / "shop"), repository(tmp_path / "bakery"), str(tmp_path / "state")
    for _ in range(2):
        wiring.open_store(settings.load(cwd=mine, env={}, state=state)).close()
    with pytest.raises(Unusable, match=r"belongs to the repository .*/shop, not to .*/bakery"):
        settings.load(cwd=other, env={}, state=state)


def test_a_repository_that_was_moved_keeps_its_state(tmp_path: Path) -> None:
    mine, state = repository(tmp_path / "shop"), str(tmp_path / "state")
    wiring.open_store(settings.load(cwd=mine, env={}, state=state)).close()
    moved = mine.rename(tmp_path / "store")
    wiring.open_store(settings.load(cwd=moved, env={}, state=state)).close()
    other = repository(tmp_path / "bakery")
    with pytest.raises(Unusable, match=r"belongs to the repository .*/store"):
        settings.load(cwd=other, env={}, state=state)


def test_commands_are_shown_as_they_are_typed_for_a_cluster(tmp_path: Path) -> None:
    made = settings.Settings(tmp_path, tmp_path, kube=settings.Kube("shop", "work"))
    flags = "--kube --namespace shop --context work"
    assert made.typed("interlock approve apple --reason '…'") == f"interlock approve apple --reason '…' {flags}"
    assert made.typed("interlock run --jobs N") == f"interlock leader {flags} --jobs N"
    assert made.typed("when a leader goes on: interlock run") == f"when a leader goes on: interlock leader {flags}"
    assert made.typed("git show 0123") == "git show 0123"
    assert "namespace shop" in made.nothing_yet() and f"interlock apply -f FILE {flags}" in made.nothing_yet()
    embedded = settings.Settings(tmp_path, tmp_path)
    assert embedded.typed("interlock approve apple") == "interlock approve apple"


@pytest.mark.parametrize("text", ["{{", "- a\n- b\n", "just words\n", "contexts: 3\n", "clusters:\n- 1\n", "\x00"])
def test_a_kubeconfig_that_is_none_is_refused_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(file))
    kube = settings.Settings(tmp_path, tmp_path / "state", kube=settings.Kube())
    with pytest.raises(Unusable, match=f"cannot be reached: {file}.*KUBECONFIG"):
        wiring.open_store(kube, actor="interlock")
