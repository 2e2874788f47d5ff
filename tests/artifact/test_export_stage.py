import json

from tests.small import small_export, small_model
from tritgolf import checkpoint
from tritgolf.artifact.container import read_artifact
from tritgolf.stages.export import export_stage

TOKENIZER = "sha256:" + "7" * 64


def test_artifacts_name_the_tokenizer_that_the_checkpoint_knows(finished, tmp_path):
    """A checkpoint of an older version doesn't; all else is the same."""
    known = checkpoint.load(finished / "final.safetensors")
    checkpoint.save(tmp_path / "final.safetensors", known.tensors, {**known.facts, "tokenizer": TOKENIZER})
    export_stage(
        record="small",
        seed=1,
        name="final",
        model=small_model(),
        export=small_export(),
        checkpoint=tmp_path / "final.safetensors",
        folder=tmp_path,
        facts=tmp_path / "export.json",
        threads=1,
        code_bytes=1,
    )
    for storage in small_export().storages:
        new, old = (read_artifact(folder / f"{storage}.tgolf") for folder in (tmp_path, finished / "export"))
        assert (new.header.tokenizer, old.header.tokenizer) == (TOKENIZER, None)
        assert new.header.model_copy(update={"tokenizer": None}) == old.header
        assert new.stored.payload_digest == old.stored.payload_digest
    new, old = (json.loads((folder / "export.json").read_text())["metrics"] for folder in (tmp_path, finished))
    assert new.keys() == old.keys()
