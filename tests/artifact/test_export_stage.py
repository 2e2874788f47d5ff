import json

from tests.small import small_export, small_model
from tritgolf import checkpoint
from tritgolf.artifact.container import read_artifact
from tritgolf.stages.export import export_stage

TOKENIZER = "sha256:" + "7" * 64


def export(source, folder, code_bytes=1):
    export_stage(
        record="small",
        seed=1,
        name="final",
        model=small_model(),
        export=small_export(),
        checkpoint=source / "final.safetensors",
        folder=folder,
        facts=folder / "export.json",
        threads=1,
        code_bytes=code_bytes,
    )


def test_artifacts_name_the_tokenizer_that_the_checkpoint_knows(finished, tmp_path):
    """A checkpoint of an older version doesn't; all else is the same."""
    known = checkpoint.load(finished / "final.safetensors")
    checkpoint.save(tmp_path / "final.safetensors", known.tensors, {**known.facts, "tokenizer": TOKENIZER})
    export(tmp_path, tmp_path)
    for storage in small_export().storages:
        new, old = (read_artifact(folder / f"{storage}.tgolf") for folder in (tmp_path, finished / "export"))
        assert (new.header.tokenizer, old.header.tokenizer) == (TOKENIZER, None)
        assert new.header.model_copy(update={"tokenizer": None}) == old.header
        assert new.stored.payload_digest == old.stored.payload_digest
    new, old = (json.loads((folder / "export.json").read_text())["metrics"] for folder in (tmp_path, finished))
    assert new.keys() == old.keys()


def test_what_is_over_the_limit_is_told_at_once(finished, tmp_path, capsys):
    """It once was told after training and scoring alone, in a table."""
    export(finished, tmp_path)
    assert capsys.readouterr().err == ""
    size = (tmp_path / f"{small_export().own_storage}.tgolf").stat().st_size
    export(finished, tmp_path, code_bytes=small_export().byte_limit - size + 1)
    told = capsys.readouterr().err
    assert told.startswith("warning: small, seed 1, checkpoint final: artifact and script take ")
    assert told.endswith("take 16,000,001 bytes, 1 over the limit of 16,000,000\n")
