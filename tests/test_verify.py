"""Provenance of a record's results, made up in a folder: no run is needed to see what changed."""

import json
import os
import shlex

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tritgolf import provenance, verify
from tritgolf.cli import main
from tritgolf.errors import InputError
from tritgolf.files import digest_file, digest_json, write_json, write_text
from tritgolf.verify import read_provenance, write_provenance

CONFIGURATION = {"name": "small", "train": {"steps": 12, "seconds": None}}


@pytest.fixture
def results(tmp_path):
    """``results/small`` with four files and their provenance."""
    folder, data = tmp_path / "results" / "small", tmp_path / "results" / "data" / "text"
    for path, content in [
        (folder / "record.json", b"{}\n"),
        (folder / "seed1" / "checkpoints" / "final.safetensors", bytes(range(256))),
        (folder / "tables" / "seeds.csv", b"seed,bpb\n1,2.5\n"),
        (data / "shards" / "manifest.json", b"{}\n"),
        (data / "tokenizer" / "tokenizer.model", b"pieces"),
    ]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    metrics = {
        "payload_digest": digest_json(1),
        "provenance": {"code": {"package_digest": provenance.package_digest()}},
    }
    write_json(folder / "seed1" / "train" / "train.json", metrics)
    write_provenance(
        folder / "provenance.json",
        record="small",
        command=["snakemake", "--cores", "2"],
        configuration=CONFIGURATION,
        inputs=[data / "shards" / "manifest.json", data / "tokenizer" / "tokenizer.model"],
        files=[path for path in folder.rglob("*") if path.is_file()],
    )
    return folder


def verified(capsys, folder) -> tuple[int, dict]:
    """Exit code and facts of ``tritgolf verify --json``; what it says in words is as long."""
    code = main(["verify", str(folder), "--json"])
    facts = json.loads(capsys.readouterr().out)
    assert main(["verify", str(folder)]) == code
    lines = capsys.readouterr().out.splitlines()
    lost = [name for name in (*facts["changed"], *facts["missing"]) if not name.startswith(("../", "/"))]
    assert len(lines) == sum(len(facts[key]) for key in ("changed", "missing", "notes")) + 1 + bool(lost)
    assert all(str(folder / name) in lines[-1] for name in lost)
    assert lines[-1].startswith("to make them again: rm -f ") == bool(lost)
    assert not lost or lines[-1].endswith(f"&& snakemake {shlex.join(str(folder / name) for name in lost)} --cores 2")
    assert facts["sound"] == (code == 0)
    return code, facts


def rewrite(folder, change, *, digest=True) -> None:
    """Change the provenance, with a digest that fits or without."""
    path = folder / "provenance.json"
    raw = json.loads(path.read_text())
    change(raw)
    if digest:
        raw["digest"] = digest_json({key: value for key, value in raw.items() if key != "digest"})
    path.write_text(json.dumps(raw))


def test_it_says_what_made_the_results(results):
    found = read_provenance(results)
    assert found.command == ("snakemake", "--cores", "2")
    assert found.configuration == CONFIGURATION
    assert found.configuration_digest == digest_json(CONFIGURATION)
    assert found.code == provenance.code()
    assert found.versions == provenance.versions()
    assert found.hardware == provenance.hardware()
    assert sorted(found.files) == [
        "record.json",
        "seed1/checkpoints/final.safetensors",
        "seed1/train/train.json",
        "tables/seeds.csv",
    ]
    assert sorted(found.inputs) == ["data/text/shards/manifest.json", "data/text/tokenizer/tokenizer.model"]
    assert {name: made.payload_digest for name, made in found.metrics.items()} == {
        "seed1/train/train.json": digest_json(1)
    }


def test_what_nobody_touched_is_sound(results, capsys, monkeypatch):
    monkeypatch.setattr(verify, "_drift", lambda _: [])
    code, facts = verified(capsys, results)
    assert code == 0
    assert facts == {
        "recorded": 4,
        "command": ["snakemake", "--cores", "2"],
        "changed": [],
        "missing": [],
        "notes": [],
        "sound": True,
    }
    assert main(["verify", str(results)]) == 0
    assert capsys.readouterr().out == f"{results}: all 4 recorded files are as they were made\n"


def test_another_file_beside_them_changes_nothing(results, capsys):
    (results / "notes.txt").write_text("mine")
    assert verified(capsys, results)[0] == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(st.data())
def test_one_changed_byte_of_any_file_is_found(results, data):
    name = data.draw(st.sampled_from(sorted(read_provenance(results).files)))
    before = (results / name).read_bytes()
    place = data.draw(st.integers(0, len(before) - 1))
    changed = bytearray(before)
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    (results / name).write_bytes(changed)
    try:
        found = verify.verify(results)
    finally:
        (results / name).write_bytes(before)
    assert (found.changed, found.missing, found.sound) == ([name], [], False)


def test_changed_and_missing_files_are_told(results, capsys):
    (results / "tables" / "seeds.csv").unlink()
    (results / "record.json").write_text("{} \n")
    code, facts = verified(capsys, results)
    assert (code, facts["changed"], facts["missing"]) == (1, ["record.json"], ["tables/seeds.csv"])
    main(["verify", str(results)])
    said = capsys.readouterr().out
    assert "changed: record.json\n" in said
    assert "missing: tables/seeds.csv\n" in said
    assert f"{results}: 2 of 4 recorded files differ from what was made\n" in said
    (results / "tables" / "seeds.csv").write_bytes(b"seed,bpb\n1,2.5\n")
    main(["verify", str(results)])
    assert f"{results}: 1 of 4 recorded files differs from what was made\n" in capsys.readouterr().out


def test_what_is_lost_is_made_again_without_leave_to_replace_anything(results, capsys):
    recorded = json.loads((results / "provenance.json").read_text())
    recorded["command"] = ["snakemake", "--cores", "2", "--config", "run=long", "replace=true"]
    recorded.pop("digest")
    write_json(results / "provenance.json", recorded | {"digest": digest_json(recorded)})
    (results / "record.json").unlink()
    assert main(["verify", str(results)]) == 1
    assert capsys.readouterr().out.endswith(f"&& snakemake {results}/record.json --cores 2 --config run=long\n")


def test_a_folder_in_the_place_of_a_file_is_no_file(results, capsys):
    (results / "record.json").unlink()
    (results / "record.json").mkdir()
    assert verified(capsys, results)[1]["missing"] == ["record.json"]


def test_changed_data_are_told_and_missing_ones_noted(results, capsys):
    """Results may be copied without their data."""
    data = results.parent / "data" / "text"
    (data / "tokenizer" / "tokenizer.model").write_bytes(b"other")
    (data / "shards" / "manifest.json").unlink()
    code, facts = verified(capsys, results)
    assert (code, facts["changed"]) == (1, ["../data/text/tokenizer/tokenizer.model"])
    assert "input data/text/shards/manifest.json is not here to be compared" in facts["notes"]
    main(["verify", str(results)])
    assert capsys.readouterr().out.endswith(f"{results}: 1 input differs from what was read\n")


def test_a_text_that_changed_since_its_corpus_was_made_is_told(results, tmp_path, capsys):
    """Its shards are what they were, so nothing else tells; an older time hides it from Snakemake."""
    recorded = {}
    for path in (tmp_path / "texts" / "a.txt", tmp_path / "elsewhere" / "b.txt"):
        write_text(path, "before")
        recorded[path] = {"bytes": 6, "digest": digest_file(path)}
    (relative, of_a), (absolute, of_b) = recorded.items()
    inputs = {str(relative.relative_to(tmp_path)): of_a, str(absolute): of_b}
    write_json(results.parent / "data" / "text" / "corpus" / "corpus.json", {"inputs": inputs})
    assert verified(capsys, results)[0] == 0
    for path in recorded:
        path.write_text("behind")
        os.utime(path, (0, 0))
    code, facts = verified(capsys, results)
    assert (code, facts["changed"]) == (1, ["../../texts/a.txt", str(absolute)])
    assert any(note.startswith("text: its corpus was made of what was there before") for note in facts["notes"])
    main(["verify", str(results)])
    assert capsys.readouterr().out.endswith(f"{results}: 2 inputs differ from what was read\n")
    relative.unlink()
    code, facts = verified(capsys, results)
    assert (code, facts["changed"]) == (1, [str(absolute)])
    assert "text: one of its files is not here to be compared, as texts/a.txt" in facts["notes"]


def test_other_code_and_libraries_are_noted_and_no_error(results, capsys, monkeypatch):
    monkeypatch.setattr(verify, "package_digest", lambda: digest_json("other"))
    monkeypatch.setattr(verify, "versions", lambda: {**provenance.versions(), "torch": "9.9"})
    code, facts = verified(capsys, results)
    assert code == 0
    assert "1 of 1 metrics files were made by other code than this, as seed1/train/train.json" in facts["notes"]
    assert f"torch was {provenance.versions()['torch']}, is 9.9 now" in facts["notes"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda raw: raw["files"].clear(), "does not have the digest it states"),
        (lambda raw: raw["configuration"].update(x=float("nan")), "does not have the digest it states"),
        (lambda raw: raw["code"].update(commit="\ud800"), "does not have the digest it states"),
        (lambda raw: raw.pop("files"), "files: is missing"),
        (lambda raw: raw.update(schema="tritgolf/provenance/9"), "schema"),
        (lambda raw: raw["files"].update({"a": "md5:00"}), "files.a"),
    ],
)
def test_a_damaged_provenance_is_refused(results, change, told):
    rewrite(results, change, digest=False)
    with pytest.raises(InputError) as caught:
        read_provenance(results)
    assert str(caught.value).startswith(f"{results / 'provenance.json'}: ")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "a/../../b", "", "a\0b"])
@pytest.mark.parametrize("kind", ["files", "inputs", "metrics"])
def test_a_provenance_cannot_lead_outside_of_the_results(results, kind, name):
    value = (
        {"payload_digest": digest_json(1), "package_digest": digest_json(1)} if kind == "metrics" else digest_json(1)
    )
    rewrite(results, lambda raw: raw[kind].update({name: value}))
    with pytest.raises(InputError, match="is not a path inside the results"):
        read_provenance(results)


@pytest.mark.parametrize("content", ["", "[]", "{}", "null", '{"files": ', "\xff"])
def test_something_else_is_no_provenance(results, capsys, content):
    (results / "provenance.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(results)])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {results / 'provenance.json'}: ")
    assert said.count("\n") == 1


def test_without_a_provenance_there_is_nothing_to_compare(tmp_path):
    with pytest.raises(InputError, match=r"has no provenance\.json; give the folder of a finished record") as caught:
        read_provenance(tmp_path)
    assert caught.value.where == str(tmp_path)
