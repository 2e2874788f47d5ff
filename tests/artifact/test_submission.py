import json
import subprocess
import sys

from tritgolf.artifact.submission import code_bytes, submission_files
from tritgolf.model.specs import MODELS
from tritgolf.provenance import PACKAGE

NETWORK = MODELS["unet"].network


def test_all_that_the_stages_load_is_counted():
    """What Python has loaded of the package once it has imported the stages."""
    program = """
import json, sys
import tritgolf.stages.export, tritgolf.stages.evaluate, tritgolf.stages.train
print(json.dumps([m.__file__ for name, m in sys.modules.items() if name.split(".")[0] == "tritgolf"]))
"""
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = [file for file in json.loads(answer.stdout) if not file.endswith("__init__.py")]
    assert set(loaded) <= {str(file) for file in submission_files(NETWORK)}
    assert len(loaded) > 30


def test_what_is_imported_late_counts_and_what_a_submission_does_without_does_not():
    counted = {str(file.relative_to(PACKAGE)) for file in submission_files(NETWORK)}
    assert {
        "model/unet.py",
        "model/mlp_kernel.py",
        "model/fused_loss_kernel.py",
        "config/model.py",
        "errors.py",
    } <= counted
    assert not counted & {"data/hub.py", "artifact/published/ptz.py", "artifact/inspect.py", "cli.py"}
    assert not any(name.startswith(("report/", "laboratory/", "commands/")) for name in counted)


def test_bytes_are_those_of_the_files():
    assert code_bytes(NETWORK) == sum(file.stat().st_size for file in submission_files(NETWORK))
