"""``tritgolf.load`` and ``tritgolf generate``: logits, text and scores of an artifact, and bad input in one line."""

import json
import math
import shutil
import struct
import subprocess
import sys

import pytest
import torch
import yaml
from sentencepiece import SentencePieceTrainer

import tritgolf
from tests.commands import refuse
from tests.small import REPOSITORY, small_model
from tritgolf.artifact.container import read_artifact
from tritgolf.artifact.inspect import open_artifact
from tritgolf.cli import main
from tritgolf.errors import InputError
from tritgolf.evaluate.load import reloaded_network

TEXT = "Line 3: ternary weight scale café group round zero plus minus one byte."


@pytest.fixture
def model(artifact):
    return tritgolf.load(artifact)


def test_the_package_and_an_audit_import_no_torch():
    program = """
import sys, tritgolf
assert "load" in dir(tritgolf) and issubclass(tritgolf.InputError, Exception)
assert tritgolf.audit_folder("tests/fixtures/submissions/int6")["findings"]
sys.exit("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=False).returncode == 0
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        tritgolf.lod  # noqa: B018


def test_its_call_gives_the_logits_of_the_reloaded_network(artifact, model):
    tokens = torch.randint(300, (3, 9), generator=torch.Generator().manual_seed(1))
    network = reloaded_network(read_artifact(artifact))
    with torch.inference_mode():
        logits = model(tokens)
        expected = network.head().logits(network(tokens)[1])
    assert logits.shape == (3, 9, 300) and logits.dtype == torch.float32
    assert torch.equal(logits[1], expected) and isinstance(model, torch.nn.Module)
    for bad in (tokens[0], torch.zeros(1, 17, dtype=torch.long), torch.full((1, 1), 300)):
        with pytest.raises(InputError, match=r"^tokens: "):
            model(bad)


def test_bits_per_byte_are_the_nats_of_its_own_logits(model):
    text = "café one"
    tokens = torch.tensor([[model.tokenizer.bos_id(), *model.tokenizer.encode(text)]])
    assert tokens.shape[1] <= 16
    with torch.inference_mode():
        nats = -model(tokens[:, :-1]).double().log_softmax(-1).gather(-1, tokens[:, 1:, None]).sum()
    assert model.bits_per_byte(text) == pytest.approx(float(nats) / math.log(2) / 9, rel=1e-5)


@pytest.mark.parametrize(
    "around", ["{}" + " " * 999, "\n\n{}\n", "\t{}", "\u200b{}\u200b"], ids=["end", "lines", "tab", "no width"]
)
def test_white_space_that_the_tokenizer_drops_lowers_no_score(model, around):
    text = "Line 3: one"
    assert model.bits_per_byte(around.format(text)) == model.bits_per_byte(text)
    assert model.bits_per_byte("Line  3:\n \n\tone") == model.bits_per_byte(text)


def test_tokens_that_can_not_be_scored_are_one_line(model):
    """65,536 more than an id would be that id in 16 bits."""
    for tokens, complaint in (([], "are 0, "), ([1], "are 1, "), ([1, 300], "vocabulary"), ([1, 65541], "vocabulary")):
        with pytest.raises(InputError, match=f"^tokens: .*{complaint}"):
            model.token_nats(tokens)


def test_a_text_beyond_the_context_is_scored_by_windows(model):
    first, long = len(model.token_nats([1, *model.tokenizer.encode(TEXT)])), model.bits_per_byte(TEXT * 3, stride=1)
    assert first > 16 and 1 < long < 20
    assert model.bits_per_byte(TEXT * 3) != long  # half a window apart, tokens see less
    for text, stride, complaint in (("", None, "text: is empty"), (TEXT, 17, "stride: 17 is not possible")):
        with pytest.raises(InputError, match=complaint):
            model.bits_per_byte(text, stride)


def test_what_it_writes_is_what_the_command_writes(artifact, model, capsys):
    arguments = ["generate", artifact, "--prompt", "Line 3:", "--tokens", "12", "--seed", "7", "--temperature", "1.5"]
    assert main([*map(str, arguments)]) == 0
    with_cache = capsys.readouterr()
    assert main([*map(str, arguments), "--no-cache"]) == 0
    assert capsys.readouterr().out == with_cache.out
    assert with_cache.out == "Line 3:" + model.generate("Line 3:", 12, temperature=1.5, seed=7) + "\n"
    assert with_cache.err.startswith("12 tokens, ")
    first, second = (model.generate("Line 3:", 12, temperature=1.5, seed=seed) for seed in (7, 8))
    assert first != second
    assert main([*map(str, arguments), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["continuation"] == first and facts["tokens"] == 12 and facts["cache"]
    assert model.generate(tokens=9, top_k=1) == model.generate(tokens=9, temperature=0)


PUBLISHED = REPOSITORY / "tests" / "fixtures" / "published"


@pytest.mark.parametrize("name", ["sample_pr640", "sample_pr920"])
def test_published_artifacts_are_talked_to_with_the_tokenizer_given(name, pieces_1024, capsys):
    sample = PUBLISHED / f"{name}.ternary.ptz"
    assert "doesn't say which tokenizer" in refuse(capsys, "generate", sample)
    arguments = ["generate", sample, "--tokenizer", pieces_1024, "--prompt", "A record", "--tokens", "4"]
    assert main([*map(str, arguments)]) == 0
    assert capsys.readouterr().out.startswith("A record")
    assert "is unknown" in refuse(capsys, *arguments, "--record", "nothing")


def test_a_published_transformer_is_talked_to_as_one_of_a_record(pieces_1024, tmp_path, capsys):
    """Of no known record it doesn't tell all that its model computes; a record of one's own does."""
    sample = REPOSITORY / "tests" / "parity" / "sample_pr1716.int6.ptz"
    arguments = ["generate", sample, "--tokenizer", pieces_1024, "--prompt", "A record", "--tokens", "4"]
    assert "name a record of yours that does: --record NAME" in refuse(capsys, *arguments)
    model = open_artifact(sample).header.model.model_dump(mode="json")
    record = yaml.safe_dump({"inherit": "int6_recurrent", "title": "The sample", "model": model})
    (tmp_path / "sample.yaml").write_text(record)
    own = ["--records", REPOSITORY / "records", "--record", tmp_path / "sample.yaml"]
    assert main([*map(str, [*arguments, *own])]) == 0
    assert capsys.readouterr().out.startswith("A record")


def test_a_tokenizer_that_is_missing_or_another_is_one_line(artifact, pieces_1024, tmp_path, capsys):
    shutil.rmtree(tmp_path / "results" / "data")
    line = refuse(capsys, "generate", artifact)
    assert "its tokenizer, sha256:" in line and "give --tokenizer FILE: the tokenizer.model of small's text" in line
    assert "is not the tokenizer of" in refuse(capsys, "generate", artifact, "--tokenizer", pieces_1024)
    assert "is missing" in refuse(capsys, "generate", artifact, "--tokenizer", tmp_path / "none.model")


def test_the_tokenizer_beside_the_artifact_is_taken(artifact, tmp_path):
    data = tmp_path / "results" / "data"
    shutil.move(data / "small" / "tokenizer" / "tokenizer.model", artifact.parent / "mine.model")
    assert tritgolf.load(artifact).tokenizer.vocab_size() == 300


def test_a_tokenizer_of_other_pieces_is_refused(finished, pieces_1024):
    """Of an artifact that names none."""
    with pytest.raises(InputError, match=r"has 1024 pieces, the model of .* 300; give the tokenizer"):
        tritgolf.load(finished / "export" / "bf16.tgolf", pieces_1024)


def test_a_prompt_that_can_not_be_encoded_is_one_line(finished, tmp_path, capsys):
    (tmp_path / "text.txt").write_text("ab ba aa bb abba baab\n" * 50)
    options = {"vocab_size": 300, "hard_vocab_limit": False, "model_type": "bpe", "minloglevel": 2}
    pieces = [f"<{number}>" for number in range(290)]
    prefix = str(tmp_path / "narrow")
    SentencePieceTrainer.train(
        input=str(tmp_path / "text.txt"), model_prefix=prefix, user_defined_symbols=pieces, **options
    )
    arguments = ["generate", finished / "export" / "bf16.tgolf", "--tokenizer", f"{prefix}.model", "--prompt"]
    assert refuse(capsys, *arguments, "ab é").startswith("--prompt: has 'é', which the tokenizer has no piece for")
    assert refuse(capsys, *arguments, "a\udcff").startswith("--prompt: is not valid UTF-8")


def test_an_artifact_of_another_version_is_one_line(artifact, capsys):
    data = bytearray(artifact.read_bytes())
    data[8:12] = struct.pack("<I", 9)
    artifact.write_bytes(data)
    assert "is a .tgolf artifact of version 9; this program reads versions 1 to 2" in refuse(
        capsys, "generate", artifact
    )
    with pytest.raises(InputError, match="version 9"):
        tritgolf.inspect_artifact(artifact)


def test_an_artifact_is_inspected_and_a_folder_audited(artifact):
    facts = tritgolf.inspect_artifact(artifact)
    assert facts["header"]["model"]["width"] == small_model().width
    report = tritgolf.audit_folder(REPOSITORY / "tests" / "fixtures" / "submissions" / "int6")
    assert report["subject"] == "int6" and report["checks"]["holds"] > 0
