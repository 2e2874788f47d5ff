"""Whether torch can use the GPUs that are listed, and what a file says of the device that its process used."""

import sys
from types import SimpleNamespace

import pytest
import torch

from tritgolf import provenance, torch_devices
from tritgolf.devices import VARIABLE
from tritgolf.errors import InputError
from tritgolf.torch_devices import Found, check_gpus, computing_on, found_elsewhere, found_here

NO_CUDA, CANNOT = "and this torch has no CUDA: make TORCH=cuda install", "and this torch can use"
CPU_BUILD, NO_DRIVER = Found("2.13.0+cpu", False, 0), Found("2.13.0", True, 0)


@pytest.fixture
def listed(monkeypatch):
    """A machine of which the driver lists so many GPUs."""
    monkeypatch.setattr("tritgolf.devices._listed", lambda: ())
    return lambda count: monkeypatch.setenv(VARIABLE, ",".join(map(str, range(count))))


@pytest.mark.parametrize(
    ("asked", "count", "found", "told"),
    [
        (
            2,
            2,
            CPU_BUILD,
            f"torch 2.13.0+cpu: 2 GPUs are listed here, {NO_CUDA};",
        ),
        (
            1,
            1,
            CPU_BUILD,
            f"torch 2.13.0+cpu: 1 GPU is listed here, {NO_CUDA};",
        ),
        (
            2,
            2,
            NO_DRIVER,
            f"torch 2.13.0: 2 GPUs are listed here, {CANNOT} none of them; install a driver",
        ),
        (2, 2, Found("2.13.0", True, 1), f"2 GPUs are listed here, {CANNOT} 1 of them; install a driver"),
        (
            8,
            0,
            CPU_BUILD,
            "gpus: 8 are asked for, none is here; compute on the CPU, in 8 processes: --config",
        ),
        (1, 0, NO_DRIVER, "gpus: 1 is asked for, none is here; compute on the CPU: --config device=cpu"),
        (4, 2, CPU_BUILD, "gpus: 4 are asked for, 2 are here; ask for fewer, or compute on the CPU, in 4 processes"),
        (2, 0, Found("2.13.0", True, 1), "gpus: 2 are asked for, 1 is here; ask for fewer"),
    ],
)
def test_gpus_that_torch_cannot_use_are_told(listed, asked, count, found, told):
    listed(count)
    with pytest.raises(InputError) as caught:
        check_gpus(asked, found)
    assert told in str(caught.value) and "--config device=cpu" in str(caught.value)


@pytest.mark.parametrize(("asked", "count"), [(1, 2), (2, 2), (2, 0)])
def test_what_torch_finds_will_do_though_no_driver_tells_it(listed, asked, count):
    listed(count)
    check_gpus(asked, Found("2.13.0", True, 2))


def test_another_process_finds_what_this_one_does(monkeypatch):
    monkeypatch.setenv(VARIABLE, "")
    assert found_elsewhere() == found_here() == Found(torch.__version__, torch.version.cuda is not None, 0)


def test_a_torch_that_cannot_be_imported_is_told(monkeypatch):
    monkeypatch.setattr(torch_devices, "PROGRAM", "import no_torch_here")
    with pytest.raises(InputError, match=r"cannot import torch .*no_torch_here.*; make install"):
        found_elsewhere()


def test_a_job_that_computes_on_gpus_does_not_fall_back_on_the_cpu(listed, monkeypatch):
    monkeypatch.setattr(torch_devices, "found_here", lambda: CPU_BUILD)
    listed(0)
    with pytest.raises(InputError, match="gpus: 1 is asked for, none is here"), computing_on(1):
        pass
    with computing_on(0):
        pass


def test_hardware_is_what_the_process_used_not_what_the_machine_has(monkeypatch):
    cuda = SimpleNamespace(is_initialized=lambda: used, get_device_name=lambda: "G")
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    monkeypatch.setattr(provenance, "_driver", lambda: "570")
    used = False
    assert provenance.hardware()["gpus"] == [] and "driver" not in provenance.hardware()
    used = True
    assert (provenance.hardware()["gpus"], provenance.hardware()["driver"]) == (["G"], "570")
    monkeypatch.delitem(sys.modules, "torch")
    assert provenance.hardware()["gpus"] == []
