import json
from collections import Counter

import pytest
import torch

from tests.small import small_transformer
from tritgolf.config.transformer import BigramConfig, TransformerConfig
from tritgolf.model.counts import trained_parameters
from tritgolf.model.transformer import Transformer
from tritgolf.model.transformer_parameters import transformer_parameters
from tritgolf.parameters import MATRICES, layers_of

RECORD = TransformerConfig(
    kind="transformer",
    rotary_frequencies="bfloat16",
    recurrence={"layers": (3, 5), "loops": 2},
    parallel_from=7,
    xsa_layers=11,
    bigram={"buckets": 16_384, "width": 32},
    gates={"attention": 12, "smear": 12, "skips": True},
)
OF_1019 = TransformerConfig(
    kind="transformer",
    vocab_size=1024,
    mlp_multiple=3,
    rotary_frequencies="bfloat16",
    xsa_layers=11,
    bigram={"buckets": 3072, "width": 112},
    gates={"previous": True},
    value_embedding={"width": 128, "layers": 2},
    logit_temp=False,
)
OF_1722 = OF_1019.model_copy(update={"bigram": BigramConfig(buckets=2048, width=128)})
VARIANTS = [
    {},
    {"bigram": None},
    {"recurrence": None},
    {"gates": {}},
    {"gates": {"smear": 3}},
    {
        "gates": {"previous": True},
        "value_embedding": {"width": 6, "layers": 2},
        "logit_temp": False,
        "recurrence": None,
    },
    {"mlp_multiple": 3, "kv_heads": 1, "layers": 4, "xsa_layers": 4},
    {"factored": {"width": 12, "format": "e4m3"}, "head_bias": True, "inner_norms": True},
]


@pytest.mark.parametrize("settings", VARIANTS)
def test_the_table_has_the_network_s_state_in_its_order(settings):
    model = small_transformer(**settings)
    table, network = transformer_parameters(model), Transformer(model)
    built = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert list(built.items()) == [(name, row.shape) for name, row in table.items()]
    trained = {name for name, row in table.items() if row.trained}
    assert trained == {name for name, _ in network.named_parameters()}
    assert trained_parameters(model) == sum(parameter.numel() for parameter in network.parameters())
    assert [name for name, _ in network.linears()] == [name for name, row in table.items() if row.is_quantized]


def test_counts_of_the_record():
    """By what trains it: sp8192-spec, "Exact numbers"."""
    table = transformer_parameters(RECORD)
    assert trained_parameters(RECORD) == 36_486_278
    assert len(table) == 130
    sizes: Counter = Counter()
    tensors: Counter = Counter()
    for row in table.values():
        group = "muon" if row.role in MATRICES else row.role if "embedding" in row.role else "vectors"
        sizes[group] += row.size * row.trained
        tensors[group] += row.trained
    assert sizes == {"muon": 31_735_820, "embedding": 4_194_304, "hash_embedding": 524_288, "vectors": 31_866}
    assert tensors == {"muon": 68, "embedding": 1, "hash_embedding": 1, "vectors": 59}
    assert sum(row.size for row in table.values() if row.is_quantized) == 31_719_424


def test_the_record_s_network_has_these_shapes():
    with torch.device("meta"):
        network = Transformer(RECORD)
    built = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert built == {name: row.shape for name, row in transformer_parameters(RECORD).items()}


def test_by_what_stores_it():
    """Roles tell the published formats apart: 35 tensors int8 each, 13 matrices int8 a row, 14 left in FP16."""
    tensors = Counter(row.role for row in transformer_parameters(RECORD).values())
    assert tensors["mix"] == 35
    assert tensors["projection"] + tensors["gate"] == 13
    assert tensors["control"] == 14
    assert tensors["attention"] + tensors["mlp"] == 66
    assert layers_of(transformer_parameters(RECORD)) == [
        "attn.q", "attn.k", "attn.v", "attn.proj", "mlp.fc", "mlp.proj",
    ]  # fmt: skip


@pytest.mark.parametrize(("model", "count"), [(OF_1019, 27_067_484), (OF_1722, 26_993_756)])
def test_counts_of_1019_and_1722(model, count):
    """Trinity-spec, "Exact numbers"."""
    table = transformer_parameters(model)
    assert trained_parameters(model) == count
    assert sum(row.size for row in table.values() if row.is_quantized) == 25_952_256
    sizes = Counter()
    for name, row in table.items():
        sizes[name.split(".")[0]] += 0 if row.is_quantized else row.size
    assert sizes.pop("bigram") == {OF_1019: 401_409, OF_1722: 327_681}[model]
    value_embedding = sizes.pop("ve_shared") + sizes.pop("ve_layer_scales")
    assert value_embedding == 163_843
    assert sizes == {"tok_emb": 524_288, "smear": 512, "skip_weights": 2560, "blocks": 22_616}
    tables = sum(row.size for row in table.values() if "embedding" in row.role)  # BF16, as the published checkpoint
    assert 4 * (count - tables) + 2 * tables == {OF_1019: 106_271_088, OF_1722: 106_140_016}[model]


@pytest.mark.parametrize(
    ("multiple", "width", "count"),
    [(3.25, 1664, 28_435_548), (3.5, 1792, 29_877_340), (4, 2048, 32_760_924), (5, 2560, 38_528_092)],
)
def test_counts_of_the_other_widths_that_1722_tried(multiple, width, count):
    model = TransformerConfig.model_validate(OF_1722.model_dump() | {"mlp_multiple": multiple})
    assert (model.mlp_width, trained_parameters(model)) == (width, count)
    assert json.dumps(model.model_dump(mode="json")["mlp_multiple"]) == str(multiple)  # 4, not 4.0


def test_without_what_1716_added_it_is_1493():
    earlier = RECORD.model_copy(
        update={"bigram": None, "gates": RECORD.gates.model_copy(update={"attention": None, "smear": None})}
    )
    assert trained_parameters(earlier) == 35_944_536


def test_names_are_in_the_published_order():
    """Of the state dict, in which the artifact has them."""
    names = list(transformer_parameters(RECORD))
    assert names[:9] == [
        "smear_lambda", "skip_weights", "skip_gates", "logit_temp", "tok_emb.weight", "bigram.scale",
        "bigram.embed.weight", "bigram.proj.weight", "smear_gate.weight",
    ]  # fmt: skip
    block = ["attn_scale", "mlp_scale", "resid_mix", "attn.q_gain", "attn.c_q.weight", "attn.c_k.weight"]
    block += ["attn.c_v.weight", "attn.proj.weight", "attn.attn_gate_proj.weight", "mlp.fc.weight", "mlp.proj.weight"]
    assert names[9:] == [f"blocks.{n}.{name}" for n in range(11) for name in block]
