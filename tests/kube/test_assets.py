"""Where the programs of a control plane come from: what is named goes first, and what is missing is said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.kube import assets
from tests.kube.assets import PROGRAMS, SOURCE, Missing

ENVTEST = ("etcd", "kube-apiserver", "kubectl")


def programs(folder: Path, *names: str) -> Path:
    """Return a folder with programs of these names."""
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(assets, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(assets, "NAMED", None)
    return tmp_path / "cache"


def built(cache: Path) -> Path:
    return programs(cache / "controlplane" / assets._digest(), *PROGRAMS)


def test_a_folder_with_everything_is_taken_as_it_is(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = programs(tmp_path / "named", *PROGRAMS)
    monkeypatch.setattr(assets, "NAMED", str(named))
    assert (assets.ready(), assets.made()) == (named, named)


def test_what_the_named_folder_lacks_comes_from_the_build(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, named = built(cache), programs(tmp_path / "named", *ENVTEST)
    monkeypatch.setattr(assets, "NAMED", str(named))
    for folder in (assets.ready(), assets.made()):
        assert {name: (folder / name).resolve().parent for name in PROGRAMS} == {
            name: named if name in ENVTEST else ours for name in PROGRAMS
        }


def test_a_named_folder_without_any_is_a_mistake(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "NAMED", str(tmp_path))
    with pytest.raises(Missing, match=rf"KUBEBUILDER_ASSETS names {re.escape(str(tmp_path))}, where none of etcd,"):
        assets.ready()


def test_without_a_build_the_command_that_makes_one_is_named(cache: Path) -> None:
    with pytest.raises(Missing, match="run `make test-kube`"):
        assets.ready()


def test_a_build_is_found_again_and_belongs_to_its_sources(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = built(cache)
    assert (assets.ready(), assets.made()) == (ours, ours)
    monkeypatch.setattr(assets, "GO_FLAGS", (*assets.GO_FLAGS, "-race"))
    with pytest.raises(Missing):
        assets.ready()


def test_a_go_that_is_too_old_is_not_taken(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = programs(tmp_path / "old", "go")
    (old / "go").write_text("#!/bin/sh\necho go1.25.5\n")
    monkeypatch.setenv("PATH", f"{old}:/usr/bin:/bin")
    assert assets._go("1.25.5") == old / "go"
    pinned = programs(cache / f"go-{assets._short((SOURCE / 'go.txt').read_bytes())}/go/bin", "go")
    assert assets._go("1.26.0") == pinned / "go"


def test_the_module_pins_one_kubernetes_and_everything_by_its_sum() -> None:
    module = (SOURCE / "go.mod").read_text()
    (version,) = re.findall(r"k8s\.io/kubernetes v1\.([0-9.]+)\s", module)
    staged = set(re.findall(r"^\s*k8s\.io/\S+ => k8s\.io/\S+ v0\.([0-9.]+)$", module, re.MULTILINE))
    assert staged == {version}
    assert f"k8s.io/kubernetes v1.{version} h1:" in (SOURCE / "go.sum").read_text()
    assert "--hash=sha256:" in (SOURCE / "go.txt").read_text()
