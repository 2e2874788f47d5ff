"""An artifact as a folder to share, and to a stand-in of the hub; what the card says is what the results say."""

import json
import resource
import shutil

import pytest
import torch
from huggingface_hub import ModelCard
from safetensors import safe_open
from safetensors.torch import load_file

import tritgolf
from tests.commands import refuse, run
from tests.kept import MEASURED
from tests.use.upload_server import UploadHub
from tritgolf.artifact.container import read_artifact
from tritgolf.use.card import model_card

TOKEN = "hf_made_up"


@pytest.fixture
def hub(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    server = UploadHub(TOKEN)
    yield server
    server.close()


def test_the_folder_has_all_that_loading_needs(artifact, tmp_path, capsys):
    folder = tmp_path / "shared"
    assert run(capsys, "export", artifact, "--to", "safetensors", "--out", folder).strip() == str(folder)
    assert {path.name for path in folder.iterdir()} == {
        "README.md", "config.json", "model.safetensors", "model.tgolf", "tokenizer.model"
    }  # fmt: skip
    shutil.rmtree(tmp_path / "results")
    model = tritgolf.load(folder / "model.tgolf")
    assert model.generate("Line", 5)
    weights = load_file(folder / "model.safetensors")
    own = model.network.state_dict()
    assert weights.keys() == own.keys() and all(torch.equal(weights[name].float(), own[name].float()) for name in own)
    with safe_open(folder / "model.safetensors", "pt") as file:
        assert json.loads(file.metadata()["header"]) == model.header.model_dump(mode="json")


def test_others_may_read_its_files_as_any_other(artifact, tmp_path, capsys):
    (tmp_path / "usual").touch()
    run(capsys, "export", artifact, "--to", "safetensors", "--out", tmp_path / "shared")
    modes = {path.name: path.stat().st_mode for path in (tmp_path / "shared").iterdir()}
    assert set(modes.values()) == {(tmp_path / "usual").stat().st_mode}, modes


def test_a_disk_that_is_full_is_one_line(artifact, tmp_path, capsys):
    """Files may grow to this size and no further, so that the weights are what finds no room."""
    most, soft_and_hard = artifact.stat().st_size + 4096, resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, soft_and_hard[1]))
    try:
        line = refuse(capsys, "export", artifact, "--to", "safetensors", "--out", tmp_path / "shared")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, soft_and_hard)
    assert line.startswith(f"{tmp_path / 'shared'}: File too large; free space")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results"]


def test_the_card_is_of_the_results(finished, tmp_path):
    """A kept run of three seeds, as if the artifact lay in it."""
    kept = MEASURED / "ternary_honest_docs_en"
    shutil.copytree(kept, tmp_path / "ternary_honest")
    place = tmp_path / "ternary_honest" / "seed42" / "final" / "export" / "bf16.tgolf"
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(finished / "export" / "bf16.tgolf", place)
    card = ModelCard(model_card(read_artifact(place), "model.tgolf", tokenizer=True))
    assert card.data.library_name == "tritgolf"
    assert "0.7544" in card.text and "0.0026" in card.text and "NVIDIA H200" in card.text
    for part in ("## Text", "## Hardware", "## Scores", "## Limits", "## How to load it"):
        assert part in card.text
    told = read_artifact(place).header
    assert f"**Not of this file**, which is checkpoint {told.checkpoint}, storage `bf16`" in card.text


def test_without_results_the_card_says_what_it_lacks(finished):
    card = model_card(read_artifact(finished / "export" / "bf16.tgolf"), "model.tgolf", tokenizer=False)
    assert card.count("Not known: the artifact does not lie in the results of a run.") == 3
    assert 'tritgolf.load("model.tgolf", "tokenizer.model")' in card


def test_it_is_uploaded_as_one_commit(hub, artifact, capsys):
    arguments = ["export", artifact, "--to", "hub", "--repo", "someone/golf", "--private", "--endpoint", hub.endpoint]
    facts = json.loads(run(capsys, *arguments, "--json"))
    assert facts["address"].startswith(f"{hub.endpoint}/") and sorted(hub.files) == facts["files"]
    assert hub.files["model.tgolf"] == artifact.read_bytes()
    assert hub.made[0]["name"] == "golf" and "private" in json.dumps(hub.made[0])


def test_what_can_not_be_shared_is_one_line(hub, artifact, tmp_path, pieces_1024, monkeypatch, capsys):
    to_hub = ["export", artifact, "--to", "hub", "--endpoint", hub.endpoint, "--repo"]
    assert refuse(capsys, *to_hub, "a/b/c").startswith("--repo: ")
    assert refuse(capsys, *to_hub[:-1]) == "--repo: is missing; give USER/NAME of the model repo"
    assert "--out: is missing" in refuse(capsys, "export", artifact, "--to", "safetensors")
    existing = ["export", artifact, "--to", "safetensors", "--out", tmp_path]
    assert "--repo: is of the hub; say --to hub, or leave it out" in refuse(capsys, *existing, "--repo", "me/model")
    assert "is there already" in refuse(capsys, *existing)
    other = [*existing[:-1], tmp_path / "new", "--tokenizer", pieces_1024]
    assert "is not the tokenizer of" in refuse(capsys, *other) and not (tmp_path / "new").exists()
    monkeypatch.setenv("HF_TOKEN", "hf_another")
    assert "refuses it (HTTP 403); check that the token may write" in refuse(capsys, *to_hub, "someone/golf")
    hub.close()
    monkeypatch.setattr("huggingface_hub.hf_api.get_session", _unreachable)
    assert "can't be reached; check the network" in refuse(capsys, *to_hub, "someone/golf")
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("tritgolf.use.share.get_token", lambda: None)
    assert "can't be written without a token; run `hf auth login`" in refuse(capsys, *to_hub, "someone/golf")


def _unreachable():
    raise ConnectionError("nobody there")
