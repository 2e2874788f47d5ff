import json
import shutil

import pytest

from tests.artifact.conftest import PUBLISHED, header_for
from tests.small import RECORDS, random_transformer
from tritgolf.artifact.container import write_artifact
from tritgolf.artifact.inspect import inspect_artifact, open_artifact, render_facts
from tritgolf.artifact.storage import store
from tritgolf.cli import main
from tritgolf.config.record import load_record
from tritgolf.errors import InputError
from tritgolf.model.counts import count_parameters


@pytest.fixture
def own(model, state, storage, header, tmp_path):
    write_artifact(tmp_path / "own.tgolf", store(state, model, storage.by_role(model)), header)
    return tmp_path / "own.tgolf"


@pytest.fixture
def published(tmp_path):
    return shutil.copy(PUBLISHED / "sample_pr920.ternary.ptz", tmp_path / "final_model.ternary.ptz")


@pytest.mark.parametrize("which", ["own", "published"])
def test_facts_of_both_formats(which, request):
    path = request.getfixturevalue(which)
    facts = inspect_artifact(path)
    assert json.loads(json.dumps(facts)) == facts
    artifact = open_artifact(path)
    counts = count_parameters(artifact.header.model)
    assert (facts["ternary_weights"], facts["scales"], facts["stored_fp"]) == (
        counts.ternary,
        counts.groups,
        counts.stored_fp,
    )
    assert facts["bytes"] == path.stat().st_size
    assert list(facts["zero_fraction"]) == ["attn.qkv", "attn.proj", "mlp.fc", "mlp.proj", "all"]
    assert facts["payload_digest"] == artifact.stored.payload_digest


def test_text_shows_what_matters(own):
    text = render_facts(inspect_artifact(own))
    for part in (
        "own.tgolf",
        "record              tiny",
        "layout base3",
        "bytes, trits",
        "compressed)",
        "zeros, all",
        "sha256:",
    ):
        assert part in text


def test_every_command_about_a_file_reads_trits_that_a_transformer_trains(tmp_path, capsys):
    """ternary_best's artifact, whose model states its quantizer by role, once crashed two commands."""
    sizes = {"layers": 4, "width": 128, "heads": 2, "kv_heads": 1, "rotary_dims": 64, "vocab_size": 300}
    record = load_record("ternary_best", RECORDS, {"model": {**sizes, "xsa_layers": 2, "parallel_from": 2}})
    storage, weights = record.export.storage("own"), random_transformer(record.model).state_dict()
    path = tmp_path / "own.tgolf"
    write_artifact(
        path, store(weights, record.model, storage), header_for(record.model, storage), code_layouts=["columns"]
    )
    assert main(["inspect", str(path)]) == 0
    told = capsys.readouterr().out
    assert "4 layers, width 128, absmean scales" in told and "layout columns" in told and "zeros, attn.q" in told
    assert main(["laboratory", str(path), "--records", str(RECORDS), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["estimator"] == "absmean"
    assert found["rows"]["lossless"]["relative_error"] == 0  # nothing rounds the file's trits and scales again
    assert main(["laboratory", str(path), "--records", str(RECORDS), "--grid", "trinity"]) == 0
    told = capsys.readouterr().err
    assert told.startswith("warning: grid trinity: ") and "left out: nearest_matrices, " in told
    other_grid = found["rows"]["matrices_int8_nearest"]
    assert other_grid["trits_changed"] is None and 0 < other_grid["relative_error"] < 0.1


def test_other_files_are_input_errors(tmp_path):
    (tmp_path / "text").write_text("not an artifact")
    with pytest.raises(InputError, match=r"neither a \.tgolf nor a published \.ptz"):
        open_artifact(tmp_path / "text")
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError, match="is not a file"):
            open_artifact(path)
