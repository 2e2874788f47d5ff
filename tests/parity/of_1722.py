"""The model of #1722 (and #1019) by the published names of its settings, in FP32 with exact frequencies."""

from tritgolf.config.transformer import TransformerConfig


def model_1722(sizes: dict, **settings) -> TransformerConfig:
    of_model = {
        "kind": "transformer",
        "vocab_size": sizes["vocab_size"],
        "layers": sizes["num_layers"],
        "width": sizes["model_dim"],
        "heads": sizes["num_heads"],
        "kv_heads": sizes["num_kv_heads"],
        "mlp_multiple": sizes["mlp_mult"],
        "context": sizes.get("train_seq_len", 2048),
        "rotary_dims": sizes["rope_dims"],
        "rotary_stretch": {"from_length": 1024, "of": "call"},
        "rotary_frequencies": "float32",
        "q_gain": 1.5,
        "xsa_layers": sizes["xsa_last_n"],
        "bigram": {"buckets": sizes["bigram_vocab_size"], "width": sizes["bigram_dim"]},
        "gates": {"previous": True},
        "value_embedding": {"width": sizes["ve_dim"], "layers": len(sizes["ve_layers"].split(","))},
        "logit_temp": False,
        "compute": "float32",
    }
    return TransformerConfig(**{**of_model, **settings})
