"""What a planned training would replace, as train.json and the live folder tell it."""

import json
from pathlib import Path

import pytest

from tritgolf.config.record import load_record
from tritgolf.errors import InputError
from tritgolf.files import digest_json, write_json
from tritgolf.provenance import SCHEMAS, version_of
from tritgolf.train.earlier import Planned, check_nothing_is_lost, is_trained, trained_with

VERSION = version_of("train")
assert SCHEMAS["train"] == VERSION  # files of older versions tell the one by the other
SHARDS = {"now": digest_json("now"), "other": digest_json("other")}


def wanted(shards: str | None = SHARDS["now"], text: str = "tiny", **train) -> dict:
    record = load_record("tiny", overrides={"train": train})
    settings = {"model": record.model.model_dump(mode="json"), "train": record.train.model_dump(mode="json")}
    return trained_with({**settings, "seed": 42}, text, shards)


def told(folder: Path, want: dict, trains: bool = True, made_again: Path | None = None) -> str | None:
    """The line with which the plan ends, without its folder; None where nothing is lost."""
    try:
        check_nothing_is_lost([Planned(folder, want, trains, made_again)])
    except InputError as error:
        line = str(error)
        assert line.startswith(f"{folder}: ") and "replace=true" in line and "\n" not in line
        return line.removeprefix(f"{folder}: ")
    return None


@pytest.fixture
def seed(tmp_path) -> Path:
    """The folder of a seed that is trained as ``wanted()``."""
    folder = tmp_path / "tiny" / "seed42"
    write_json(folder / "train" / "train.json", {"trained": wanted()})
    return folder


@pytest.fixture
def older(seed) -> Path:
    """The same, written by a version that recorded digests alone; the record's settings lie beside it."""
    facts = {
        "schema": f"tritgolf/train/{VERSION}",
        "seed": 42,
        "provenance": {
            "configuration_digest": digest_json([wanted()["model"], wanted()["train"], 42]),
            "inputs": {"shards": SHARDS["now"]},
        },
    }
    write_json(seed / "train" / "train.json", facts)
    write_json(seed.parent / "record.json", load_record("tiny").model_dump(mode="json"))
    return seed


@pytest.fixture
def stopped(tmp_path) -> Path:
    """The folder of a seed whose training, as ``wanted()``, was stopped."""
    folder = tmp_path / "tiny" / "seed42"
    write_json(folder / "live" / "plan.json", {"trained": wanted(), "label": "tiny seed 42"})
    (folder / "live" / "state_00000012.safetensors").touch()
    return folder


@pytest.mark.parametrize("kind", ["seed", "older", "stopped"])
def test_the_same_training_loses_nothing(kind, request):
    folder = request.getfixturevalue(kind)
    assert told(folder, wanted()) is None
    assert told(folder, wanted(text="by another name")) is None
    assert told(folder, wanted(shards=None)) is None  # that the text is to be made is told by itself
    assert is_trained(folder, wanted()) == (kind != "stopped")


@pytest.mark.parametrize("kind", ["seed", "older", "stopped"])
@pytest.mark.parametrize(
    ("want", "changes"),
    [
        (wanted(steps=32), "(train.steps: 24 → 32)"),
        (
            wanted(steps=32, seconds=5, checkpoints=[]),
            "train.seconds: not set → 5.0, train.checkpoints: [8, 16] → []",
        ),
        (wanted() | {"model": wanted()["model"] | {"layers": 4}}, "(model.layers: 2 → 4)"),
        (wanted(SHARDS["other"]), f"(shards: {SHARDS['now'][:19]} → {SHARDS['other'][:19]})"),
        (wanted() | {"version": VERSION + 1}, f"(version: {VERSION} → {VERSION + 1})"),
    ],
    ids=["a setting", "settings", "model", "text", "version"],
)
def test_another_training_is_told_with_what_differs(kind, want, changes, request):
    folder = request.getfixturevalue(kind)
    line = told(folder, want)
    assert line.startswith("its live holds a stopped" if kind == "stopped" else "trained already; another training")
    assert changes in line and "--config run=NAME" in line
    assert not is_trained(folder, want)
    assert told(folder, want, trains=False) is None  # Snakemake keeps it


def test_another_text_is_told_by_both_names(seed):
    assert "text: tiny → docs_en, shards: sha256:" in told(seed, wanted(SHARDS["other"], text="docs_en"))


def test_a_text_that_is_made_again_may_be_another(seed):
    line = told(seed, wanted(), trains=False, made_again=Path("results/data/tiny/shards"))
    assert line.startswith("trained already; its text, results/data/tiny/shards, would be made again")
    assert "target data" in line


def test_what_was_never_trained_can_be_trained(tmp_path, stopped):
    assert told(tmp_path / "tiny" / "seed7", wanted(), made_again=Path("results/data/tiny/shards")) is None
    (stopped / "live" / "state_00000012.safetensors").unlink()
    assert told(stopped, wanted(steps=32)) is None


def test_a_training_that_ended_and_was_not_published_is_not_lost_either(stopped):
    (stopped / "live" / "state_00000012.safetensors").unlink()
    (stopped / "live" / "finished.json").touch()
    assert "train.steps: 24 → 32" in told(stopped, wanted(steps=32))


def test_settings_that_nobody_recorded_are_others_all_the_same(older):
    (older.parent / "record.json").unlink()
    assert "settings: others, which were not recorded" in told(older, wanted(steps=32))
    assert told(older, wanted()) is None


def test_facts_that_do_not_say_what_was_trained_are_told(older):
    path = older / "train" / "train.json"
    write_json(path, json.loads(path.read_text()) | {"provenance": None})
    with pytest.raises(InputError, match=r"train\.json: does not say what was trained; delete it"):
        check_nothing_is_lost([Planned(older, wanted(), True, None)])
    assert not is_trained(older, wanted())


def test_states_of_an_older_version_are_compared_by_their_settings(stopped):
    plan = {key: wanted()[key] for key in ("model", "train", "seed")}
    write_json(stopped / "live" / "plan.json", plan)
    assert told(stopped, wanted(SHARDS["other"])) is None  # they did not say which text
    assert "train.steps: 24 → 32" in told(stopped, wanted(steps=32))


def outputs(folder: Path, *there: str) -> tuple[Path, ...]:
    """What a training publishes, of which some files are ``there``."""
    names = ("checkpoints/step_000008.safetensors", "checkpoints/final.safetensors", "train/train.json")
    for name in there:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return tuple(folder / name for name in names)


def told_of(folder: Path, published: tuple[Path, ...], trains: bool = True) -> str | None:
    try:
        check_nothing_is_lost([Planned(folder, wanted(), trains, None, published)])
    except InputError as error:
        return str(error)
    return None


def test_a_finished_training_is_not_replaced_unasked_because_a_file_of_it_is_gone(seed):
    published = outputs(seed, "checkpoints/final.safetensors")
    told = told_of(seed, published)
    assert told.startswith(f"{seed}: trained already, but checkpoints/step_000008.safetensors is gone; ")
    assert "put back what is gone" in told and "replace=true" in told
    assert told_of(seed, published, trains=False) is None
    assert told_of(seed, outputs(seed, "checkpoints/step_000008.safetensors")) is None  # --forceall: nothing is gone


def test_nor_because_what_tells_of_it_is_gone(tmp_path):
    told = told_of(tmp_path, outputs(tmp_path, "checkpoints/step_000008.safetensors", "checkpoints/final.safetensors"))
    assert told.startswith(f"{tmp_path}: trained already, but train/train.json is gone; ")
    assert told_of(tmp_path / "new", outputs(tmp_path / "new")) is None


def test_what_live_still_has_is_published_again(seed):
    published = outputs(seed, "checkpoints/final.safetensors")
    write_json(seed / "live" / "plan.json", {"trained": wanted()})
    assert told_of(seed, published) is not None  # it has no state yet
    (seed / "live" / "state_00000012.safetensors").touch()
    assert told_of(seed, published) is None


def test_several_seeds_are_one_line(seed):
    plan = [Planned(folder, wanted(steps=32), True, None) for folder in (seed, seed, seed, seed, seed.with_name("new"))]
    with pytest.raises(InputError) as caught:
        check_nothing_is_lost(plan)
    assert str(caught.value).startswith(f"{seed}, {seed}, {seed} and 1 more: trained already")
