"""The pins of ``envs/``: one set, exact, within the package's ranges."""

import runpy
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.small import REPOSITORY

ENVS = REPOSITORY / "envs"
PLATFORMS = {
    "Linux": {"sys_platform": "linux", "platform_machine": "x86_64"},
    "macOS": {"sys_platform": "darwin", "platform_machine": "arm64"},
}


CONDA = {"cpu": "tritgolf.yaml", "cuda": "tritgolf-cuda.yaml"}
INDEX = "--extra-index-url https://download.pytorch.org/whl/cpu"


def pins(lock: str = "cpu") -> list[Requirement]:
    lines = (ENVS / f"{lock}.lock").read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def pinned_on(platform: str) -> dict[str, str]:
    """Canonical name → version on a platform."""
    found = [pin for pin in pins() if pin.marker is None or pin.marker.evaluate(PLATFORMS[platform])]
    versions = {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in found}
    assert len(versions) == len(found)
    return versions


def requirements() -> list[Requirement]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    return [Requirement(line) for line in project["dependencies"] + project["optional-dependencies"]["dev"]]


@pytest.mark.parametrize("lock", CONDA)
def test_the_conda_environments_are_made_from_the_locks(lock):
    made = runpy.run_path(str(ENVS / "conda.py"))["environment"](lock, (ENVS / f"{lock}.lock").read_text())
    assert (ENVS / CONDA[lock]).read_text() == made


@pytest.mark.parametrize("lock", CONDA)
def test_the_conda_environments_have_the_same_pins_as_the_locks(lock):
    environment = yaml.safe_load((ENVS / CONDA[lock]).read_text())
    (pip,) = (entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    packages = [Requirement(line) for line in pip if not line.startswith("--")]
    assert sorted(map(str, packages)) == sorted(map(str, pins(lock)))
    assert [line for line in pip if line.startswith("--")] == ([INDEX] if lock == "cpu" else [])


def test_the_lock_for_gpus_is_the_other_with_the_cuda_build_of_the_same_torch():
    cpu, cuda = ({canonicalize_name(pin.name): str(pin.specifier) for pin in pins(lock)} for lock in ("cpu", "cuda"))
    cpu["torch"] = f"=={pinned_on('macOS')['torch']}"
    assert {name: version for name, version in cuda.items() if name in cpu} == cpu
    of_cuda = [name for name in cuda.keys() - cpu.keys() if name.startswith(("nvidia-", "cuda-"))]
    assert len(of_cuda) > 10
    assert cuda.keys() - cpu.keys() - set(of_cuda) == {"triton", "setuptools"}


@pytest.mark.parametrize("lock", CONDA)
def test_every_pin_is_exact(lock):
    for pin in pins(lock):
        (specifier,) = pin.specifier
        assert specifier.operator == "==", pin


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_dependency_is_pinned_within_its_range(platform):
    versions = pinned_on(platform)
    for requirement in requirements():
        version = versions[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version, prereleases=True), requirement


def test_linux_gets_the_build_of_torch_without_cuda():
    assert pinned_on("Linux")["torch"].endswith("+cpu")
    assert pinned_on("Linux")["torch"].removesuffix("+cpu") == pinned_on("macOS")["torch"]
    assert not [name for name in pinned_on("Linux") if name.startswith(("nvidia-", "cuda-", "triton"))]


def test_the_ranges_admit_the_torch_of_the_gpu_machine_and_of_the_lock():
    (torch,) = (requirement for requirement in requirements() if requirement.name == "torch")
    assert all(torch.specifier.contains(version) for version in ("2.11.0", "2.12.0", "2.13.0"))
    assert not torch.specifier.contains("2.10.0")


@pytest.mark.xdist_group("environment")
def test_tests_of_a_group_stay_together(request, pytestconfig):
    """pytest-xdist groups by marking a test's id. With a pytest whose ids it cannot mark it does so without a word."""
    if not pytestconfig.getoption("loadgroup", False):
        pytest.skip("no groups: needs -n 2 --dist loadgroup")
    assert request.node.nodeid.endswith("@environment")
