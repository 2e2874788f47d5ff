"""A record's model is of a kind, which its ``kind`` names; without one it is the U-Net, as all were at first."""

import pytest
import yaml
from pydantic import TypeAdapter

from tests.small import RECORDS, small_model, small_transformer
from tritgolf.config.models import KINDS, ModelConfig, unet_of
from tritgolf.config.record import load_record
from tritgolf.config.settings import validate
from tritgolf.config.transformer import TransformerConfig
from tritgolf.errors import InputError
from tritgolf.model.specs import MODELS


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """A folder with a record of each kind."""
    folder = tmp_path_factory.mktemp("records")
    raw = load_record("tiny", RECORDS).model_dump(mode="json", exclude={"name"})
    (folder / "old.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    model = small_transformer(context=32).model_dump(mode="json")
    del model["rotary_frequencies"]  # the mode fills it in
    export = {"storages": {"own": {"roles": {"attention": {"format": "float16"}}}}, "own_storage": "own"}
    (folder / "new.yaml").write_text(yaml.safe_dump({**raw, "model": model, "export": export}), encoding="utf-8")
    return folder


def complaint(records, name: str, model: object) -> str:
    with pytest.raises(InputError) as caught:
        load_record(name, records, {"model": model})
    line = str(caught.value)
    assert "\n" not in line
    return line.removeprefix(f"{records / name}.yaml: ")


def test_the_registries_know_the_same_kinds():
    assert {kind: spec.config for kind, spec in MODELS.items()} == KINDS


def test_a_record_names_its_kind_and_the_mode_fills_in_its_settings(records):
    model = load_record("new", records).model
    assert isinstance(model, TransformerConfig)
    assert model == small_transformer(context=32, rotary_frequencies="float32")
    assert load_record("new", records, {"mode": "faithful"}).model.rotary_frequencies == "bfloat16"


def test_a_record_comes_back_from_its_dump(records):
    for name in ("old", "new"):
        record = load_record(name, records)
        again = validate(type(record), record.model_dump(mode="json"), "record.json")
        assert again == record


def test_a_model_from_before_there_were_kinds_is_the_unet_and_its_dump_stays_as_it_was():
    model = small_model()
    dumped = model.model_dump(mode="json")
    assert "kind" not in dumped
    adapter = TypeAdapter(ModelConfig)
    assert adapter.validate_python(dumped) == adapter.validate_python({**dumped, "kind": "unet"}) == model
    assert adapter.validate_python(model) is model


@pytest.mark.parametrize(
    ("name", "model", "expected"),
    [
        ("old", {"kind": "rnn"}, "model.kind: 'rnn' is not possible; it must be one of unet, transformer"),
        ("old", {"kind": ["unet"]}, "model.kind: ['unet'] is not possible; it must be one of unet, transformer"),
        ("old", {"widht": 8}, "model.widht: unknown key; allowed here: vocab_size, layers, width"),
        ("old", {"quantizer": {"x": 8}}, "model.quantizer.x: unknown key; allowed here: group_size, estimator"),
        ("old", {"xsa_layers": 1}, "model.xsa_layers: unknown key; allowed here: vocab_size, layers, width"),
        ("old", 3, "model: 3 is not a mapping"),
        ("new", {"smear": True}, "model.smear: unknown key; allowed here: kind, vocab_size, layers"),
        ("new", {"gates": {"skip": True}}, "model.gates.skip: unknown key; allowed here: attention, smear, skips"),
        ("new", {"recurrence": {"loop": 1}}, "model.recurrence.loop: unknown key; allowed here: layers, loops"),
        ("new", {"width": 30}, "model.width: 30 is not possible; it must be a multiple of heads = 4"),
        ("new", {"layers": 1}, "model.layers: 1 is not possible; it must be at least 2"),
        ("new", {"kv_heads": 3}, "model.kv_heads: 3 is not possible; it must be a divisor of heads = 4"),
        ("new", {"rotary_dims": 5}, "model.rotary_dims: 5 is not possible; it must be even and at most a head's width"),
        ("new", {"rotary_dims": 10}, "model.rotary_dims: 10 is not possible; it must be even and at most a head's"),
        (
            "new",
            {"qat": {"roles": ["mlp"], "quantizer": {"group_size": 24}}},
            "model.qat.quantizer.group_size: 24 is not possible; it must be a divisor of width = 32",
        ),
        (
            "new",
            {"mlp_multiple": 1.5, "qat": {"roles": ["mlp"], "quantizer": {"group_size": 32}}},
            "model.qat.quantizer.group_size: 32 is not possible; it must be a divisor of the MLP's width = 48",
        ),
        ("new", {"xsa_layers": 6}, "model.xsa_layers: 6 is not possible; it must be at most layers = 5"),
        ("new", {"parallel_from": 5}, "model.parallel_from: 5 is not possible; it must be below layers = 5, or null"),
        ("new", {"gates": {"smear": 33}}, "model.gates.smear: 33 is not possible; it must be at most width = 32"),
        (
            "new",
            {"recurrence": {"layers": [3, 5]}},
            "model.recurrence.layers: [3, 5] is not possible; it must be below",
        ),
        (
            "new",
            {"recurrence": {"layers": [2, 1]}},
            "model.recurrence.layers: [2, 1] is not possible; it must be [first",
        ),
        ("new", {"bigram": {"buckets": 1}}, "model.bigram.buckets: 1: Input should be greater than or equal to 2"),
        ("new", {"vocab_size": 1 << 17}, "model.vocab_size: 131072: Input should be less than or equal to 65536"),
    ],
)
def test_an_impossible_model_is_one_line_of_its_own_kind(records, name, model, expected):
    assert complaint(records, name, model).startswith(expected)


def test_what_knows_the_unet_alone_says_so(records):
    assert unet_of(load_record("old", records).model, "old").layers > 0
    with pytest.raises(InputError, match=r"^new: has a transformer; this is made for the ternary U-Net"):
        unet_of(load_record("new", records).model, "new")
