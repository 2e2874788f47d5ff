"""The grid on the published samples alone."""

import json

import numpy as np
import pytest
import torch

from tests.artifact.conftest import PUBLISHED
from tests.small import RECORDS
from tritgolf.artifact.inspect import open_artifact
from tritgolf.cli import main
from tritgolf.evaluate.bytes import TextBytes, TokenBytes
from tritgolf.evaluate.text import ScoredText
from tritgolf.evaluate.windows import chunked_windows
from tritgolf.laboratory.grid import GridConfig, load_grid
from tritgolf.laboratory.published import restorations
from tritgolf.quantize.base import dequantize

SAMPLES = {"pr640": "float16", "pr920": "bfloat16"}
ROWS = {
    "scales_fp32": {"scales": "float32"},
    "scales_e4m3": {"scales": "e4m3"},
    "scales_e8m0": {"scales": "e8m0"},
    "decide_bf16": {"decide": "master_bfloat16"},
    "reload_fp32": {"reload_dtype": "float32"},
    "direct": {"shrinkage": False},
    "cross": {"estimator": "other"},
    "cross_direct": {"estimator": "other", "shrinkage": False},
}


def sample(name: str):
    return PUBLISHED / f"sample_{name}.ternary.ptz"


@pytest.mark.parametrize("name", SAMPLES)
def test_what_moves_in_a_published_sample(name):
    found = restorations(open_artifact(sample(name)), GridConfig(rows=ROWS))
    rows, names = found["rows"], found["names"]
    own = rows["own"]
    assert own["factors"]["scales"] == SAMPLES[name]
    assert (own["trits_changed"], own["max_weight_error"], own["relative_error"], own["max_tensor_error"]) == (0,) * 4
    assert "decide_bf16" not in names  # there are no weights to decide anew
    assert "cross_direct" not in names  # nothing of the other estimator is left
    assert names["scales_fp32"] == "scales_fp32"
    assert rows["scales_fp32"]["relative_error"] == 0  # wider adds nothing
    # e4m3 has steps of at most 1/16 of a number where it is normal, e8m0 errs by up to 1/3 (from 1.5 to 1 or 2).
    assert 2.0**-9 < rows["scales_e4m3"]["relative_error"] < 0.6
    assert rows["scales_e8m0"]["relative_error"] < 1 / 3
    # The reload quantizes again: the same trits, scales within a few BF16 roundings.
    assert rows["direct"]["trits_changed"] == 0
    assert 0 < rows["direct"]["relative_error"] < 2.0**-7
    # The compiled forward pass doesn't round weights to BF16, so that of the reload is felt: by less than half a step.
    assert 0 < rows["reload_fp32"]["relative_error"] < 2.0**-8
    # The other estimator's correction is off by √(share of nonzeros), or its inverse.
    assert rows["cross"]["relative_error"] > 0.1
    assert rows["scales_fp32"]["payload_bytes"] > own["payload_bytes"] > rows["scales_e8m0"]["payload_bytes"]


def test_the_error_of_the_lossless_row_is_that_of_the_reload_itself():
    artifact = open_artifact(sample("pr640"))
    row = restorations(artifact, GridConfig(rows={}))["rows"]["lossless"]
    wrong = size = 0.0
    for name, used in artifact.restore().quantized.items():
        kept, reloaded = dequantize(artifact.stored.quantized[name]).double(), dequantize(used).double()
        wrong, size = wrong + (kept - reloaded).square().sum().item(), size + reloaded.square().sum().item()
    assert row["relative_error"] == pytest.approx((wrong / size) ** 0.5)


def test_scores_are_paired_with_the_own_reload():
    artifact = open_artifact(sample("pr640"))
    tokens = np.random.default_rng(1).integers(0, 1024, 2 * 64 + 1).astype(np.uint16)
    sizes = TextBytes(TokenBytes(np.full(1024, 3), np.zeros(1024, bool), np.zeros(1024, bool)))
    text = ScoredText(tokens, chunked_windows(len(tokens), 64), sizes, 1, 1e-4)
    torch.manual_seed(0)
    rows = restorations(artifact, GridConfig(rows={"scales_e8m0": {"scales": "e8m0"}}), text)["rows"]
    assert (rows["own"]["over_own_bpb"], rows["own"]["over_own_se"]) == (0, 0)
    assert rows["scales_e8m0"]["over_own_bpb"] == pytest.approx(rows["scales_e8m0"]["bpb"] - rows["own"]["bpb"])
    assert rows["scales_e8m0"]["over_own_bpb"] != 0


@pytest.mark.parametrize("name", SAMPLES)
def test_the_command_prints_a_table_and_writes_json(name, tmp_path, capsys):
    facts = tmp_path / "facts.json"
    options = ["--records", str(RECORDS), "--grid", "essential"]
    assert main(["laboratory", str(sample(name)), *options, "--json", str(facts)]) == 0
    printed = capsys.readouterr().out
    assert "scales_fp32" in printed
    assert "own but for scales float32" in printed
    assert max(map(len, printed.splitlines())) <= 140
    assert "used directly: scales float32, trits by master," in " ".join(printed.split())
    found = json.loads(facts.read_text())
    assert found["schema"] == "tritgolf/restorations/1"
    assert main(["laboratory", str(sample(name)), *options, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == found["rows"]


def test_our_own_artifact_will_do(finished, capsys):
    assert main(["laboratory", str(finished / "export" / "bf16.tgolf"), "--records", str(RECORDS)]) == 0
    assert "scales_bfp8" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--grid", "mine"], "grid 'mine': is unknown"),
        (["--shards", "a.bin"], "only one of them is given"),
        (["--batch", "4"], "--batch: is of a text that is scored, and none is given"),
    ],
)
def test_bad_options_are_told(options, told, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["laboratory", str(sample("pr640")), "--records", str(RECORDS), *options])
    assert stopped.value.code == 2
    assert told in capsys.readouterr().err


def test_the_whole_grid_fits_the_samples():
    for name in SAMPLES:
        found = restorations(open_artifact(sample(name)), load_grid("roundtrip", RECORDS / "grids"))
        assert len(found["rows"]) > 20
