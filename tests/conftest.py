import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.model.interpreter import INTERPRETED
from tests.small import build_dataset, build_run, small_model
from tritgolf.processors import use_processors

# Products of BF16 numbers round otherwise with AMX than with AVX-512, by which the published code was run for parity.
# Read at the first product of a process, and inherited.
CPU = Path("/proc/cpuinfo")
if CPU.is_file() and "amx_bf16" in CPU.read_text():
    os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX512_CORE")

# A busy machine must not fail a test, and the same commit must not fail now and then.
settings.register_profile("tritgolf", deadline=None, derandomize=True)
settings.load_profile("tritgolf")


def pytest_collection_modifyitems(items):
    if not INTERPRETED:
        skip = pytest.mark.skip(reason="needs Triton and TRITON_INTERPRET=1: make kernels")
        for item in items:
            if item.get_closest_marker("interpreted"):
                item.add_marker(skip)


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """As the training processes have it, so that both round alike."""
    use_processors(1)


@pytest.fixture(scope="session")
def dataset(tmp_path_factory):
    """A folder with ``shards`` and ``tokenizer`` for ``tests.small.small_model``; not to be changed."""
    return build_dataset(tmp_path_factory.mktemp("dataset"))


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A folder with a checkpoint, artifacts and ``train.json`` of ``small_model()``; not to be changed."""
    return build_run(tmp_path_factory.mktemp("finished"), small_model())
