"""The model that a published run's settings describe, for the rulings on #1716."""

from typing import Any

from pydantic import ValidationError

from tritgolf.audit.recurrent_facts import RecurrentRun
from tritgolf.config.transformer import TransformerConfig
from tritgolf.errors import InputError
from tritgolf.model.transformer_parameters import transformer_parameters


def model_of(run: RecurrentRun) -> TransformerConfig:
    """The model that a run's settings describe; ``InputError`` where a size is missing."""
    number = {key: run.setting(key) for key in run.settings}

    def whole(key: str) -> int:
        value = number.get(key)
        if value is None:
            raise InputError(f"published run of seed {run.seed}", f"has no number {key}", "restore facts.json")
        return int(value)

    fields: dict[str, Any] = {
        "kind": "transformer", "vocab_size": whole("vocab_size"), "layers": whole("num_layers"),
        "width": whole("model_dim"), "heads": whole("num_heads"), "kv_heads": whole("num_kv_heads"),
        "mlp_multiple": whole("mlp_mult"), "context": whole("train_seq_len"), "rotary_dims": whole("rope_dims"),
        "rotary_frequencies": "bfloat16", "softcap": number.get("logit_softcap"), "xsa_layers": whole("xsa_last_n"),
        "recurrence": {"layers": (whole("loop_start"), whole("loop_end")), "loops": whole("num_loops")},
        "parallel_from": whole("parallel_residual_start"),
        "gates": {
            "attention": whole("gate_width") if run.settings.get("gate_attn_out") == "True" else None,
            "smear": whole("smear_gate_width") if run.settings.get("smear_gate_enabled") == "True" else None,
            "skips": run.settings.get("skip_gates_enabled") == "True",
        },
    }  # fmt: skip
    if "bigram_dim" in run.settings:
        fields["bigram"] = {"buckets": whole("bigram_vocab_size"), "width": whole("bigram_dim")}
    try:
        return TransformerConfig.model_validate(fields)
    except ValidationError as error:
        what = f"describes no model ({error.errors()[0]['msg']})"
        raise InputError(f"published run of seed {run.seed}", what, "restore facts.json") from None


def parameters_of(run: RecurrentRun) -> int:
    """How many parameters that model has."""
    rows = transformer_parameters(model_of(run)).values()
    return sum(row.size for row in rows if row.trained)
