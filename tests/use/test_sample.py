import json

from tritgolf.stages.sample import sample_stage


def test_the_sample_is_what_the_artifact_writes_and_always_the_same(artifact, tmp_path):
    tokenizer = tmp_path / "results" / "data" / "small" / "tokenizer" / "tokenizer.model"
    files = {name: (tmp_path / f"{name}.json", tmp_path / f"{name}.txt") for name in ("once", "again")}
    for facts, text in files.values():
        sample_stage(record="small", seed=1, artifact=artifact, tokenizer=tokenizer, facts=facts, text=text)
    once, again = (json.loads(facts.read_text()) for facts, _ in files.values())
    assert once["schema"] == "tritgolf/sample/1" and once["payload_digest"] == again["payload_digest"]
    assert (
        files["once"][1].read_bytes().decode() == once["metrics"]["text"] + "\n" and len(once["metrics"]["text"]) > 20
    )
