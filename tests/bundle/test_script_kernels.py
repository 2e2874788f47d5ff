"""The kernels of scripts compile for a GPU as they stand there: minified, without most annotations."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bundle.made import made_sources
from tests.model.interpreter import interpreted
from tests.small import TIMEOUT

pytestmark = pytest.mark.xdist_group("scripts")  # so that one worker makes them
TERNARY = {"fused_loss_kernel": 1, "heads_kernel": 2, "joined_kernel": 2, "mlp_kernel": 2, "shared_input_kernel": 1}
FP8 = {
    **TERNARY,
    "fp8_boundary_kernel": 2,
    "fp8_kernel": 2,
    "fp8_mlp_kernel": 2,
    "fp8_stream_kernel": 3,
    "fp8_heads_kernel": 1,
    "fp8_weights_kernel": 2,
}
INT6 = {"fused_loss_kernel": 1, "leaky_mlp_kernel": 3, "mixed_heads_kernel": 2, "partial_heads_kernel": 2}


@interpreted
@pytest.mark.parametrize(
    ("record", "kernels"), [("tiny", TERNARY), ("tiny_fp8", FP8), ("tiny_int6", {**INT6, "streams_kernel": 1})]
)
def test_all_kernels_of_a_script_compile_for_a_gpu(record, kernels, tmp_path):
    modules = made_sources(record).modules
    for name, source in modules.items():
        (tmp_path / f"{name}.py").write_text(source)
    assert {name for name in modules if name.endswith("_kernel")} - {"mlp_kernel"} == kernels.keys() - {"mlp_kernel"}
    program = Path(__file__).with_name("compile_kernels.py")
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    environment |= {"TRITON_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, str(program), str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 0, done.stderr
    compiled = [line.partition(".")[0] for line in done.stdout.splitlines()]
    assert {name: compiled.count(name) for name in compiled} == kernels


@pytest.mark.parametrize("record", ["tiny", "tiny_fp8", "tiny_int6", "tiny_slot"])
def test_every_operator_of_a_script_has_a_form_for_the_compiler(record):
    """Once none had, and on a GPU no script trained."""
    modules = made_sources(record).modules
    operators = {name: source.count("custom_op(") for name, source in modules.items() if "custom_op(" in source}
    assert operators == {name: modules[name].count(".register_fake") for name in operators}
    assert operators["flat"] == 1  # vectors kept rounded
