"""What GPTQ is calibrated on: the run's text or the model's own, and the damping of what is collected."""

import pytest
import torch

from tests.small import random_transformer, small_training, small_transformer
from tritgolf.artifact.calibration import TrainingRun, calibrated_rounding, generated_batches, training_batches
from tritgolf.config.calibration import GeneratedText, TrainingText
from tritgolf.config.export import RoleExport
from tritgolf.config.quantization import IntegerConfig
from tritgolf.config.settings import validate
from tritgolf.errors import InputError
from tritgolf.model.hessians import collect_hessians
from tritgolf.model.own_text import own_text
from tritgolf.quantize.gptq import damped, gptq
from tritgolf.quantize.plan import quantizer_of

NAME = "blocks.1.mlp.fc.weight"
INT6 = IntegerConfig(bits=6, clip_sigmas=3, rounding="gptq")
TEXT = GeneratedText(sequences=4, tokens=9, temperature=0.8, at_a_time=2)


@pytest.fixture(scope="module")
def network():
    return random_transformer(small_transformer(recurrence=None))


@pytest.fixture(scope="module")
def weights(network):
    return {name: tensor.detach() for name, tensor in network.state_dict().items()}


def run_of(seed=42, world=1, shards=None) -> TrainingRun:
    return TrainingRun(seed, small_training(attention="math"), world, shards)


def test_generated_text_is_the_seeds_own_and_of_any_number_of_ranks(network):
    batches = generated_batches(network, TEXT, run_of())
    written = own_text(network, 4, 9, 0.8, seed=42, at_a_time=2)
    assert torch.equal(batches, written[:, None, :-1])  # a sequence is a batch: what is collected is divided by 4
    assert torch.equal(batches, generated_batches(network, TEXT, run_of(world=8)))
    assert not torch.equal(batches, generated_batches(network, TEXT, run_of(seed=7)))


def test_a_calibration_on_training_tokens_needs_them(network):
    with pytest.raises(ValueError, match="needs their shards"):
        training_batches(network, TrainingText(batches=1, sequences=1), run_of())


@pytest.mark.parametrize("damping", [0.0, 0.25])
def test_hessians_are_damped_when_they_are_collected_and_once_more_by_gptq(network, weights, damping):
    settings = TEXT.model_copy(update={"damping": damping})
    found = calibrated_rounding(network.model, weights, run_of(), settings)(NAME, weights[NAME], INT6)
    hessian = collect_hessians(network, generated_batches(network, TEXT, run_of()))[NAME]
    expected = gptq(weights[NAME], damped(hessian, damping, 1e-6), quantizer_of(INT6), damping=INT6.damping)
    assert torch.equal(found.codes, expected.codes)
    undamped = gptq(weights[NAME], hessian, quantizer_of(INT6), damping=INT6.damping)
    assert torch.equal(found.codes, undamped.codes) == (damping == 0)


def export(**calibration) -> RoleExport:
    storages = {"own": {"roles": {"mlp": {"grid": "integer", "bits": 6}}}}
    raw = {"calibration": calibration, "storages": storages, "own_storage": "own"}
    return validate(RoleExport, raw, "record.yaml")


def test_settings_are_those_of_their_source():
    assert export(batches=3).calibration == TrainingText(batches=3)
    assert export(batches=3).model_dump(mode="json")["calibration"] == {  # as before there was another source
        "source": "training_tokens",
        "batches": 3,
        "sequences": 48,
    }
    assert export(source="generated", temperature=1).calibration == GeneratedText(temperature=1)


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        (
            {"source": "validation"},
            "calibration.source: 'validation' is not possible; it must be one of training_tokens",
        ),
        ({"source": "generated", "batches": 3}, "calibration.batches: unknown key"),
        ({"source": "generated", "temperature": 0}, "calibration.temperature: 0: Input should be greater than 0"),
        ({"tokens": 3}, "calibration.tokens: unknown key"),
    ],
)
def test_a_wrong_calibration_is_one_line(wrong, line):
    with pytest.raises(InputError) as error:
        export(**wrong)
    assert str(error.value).startswith(f"record.yaml: {line}")


def test_a_text_longer_than_the_context_is_refused():
    GeneratedText(tokens=17).check_context(16)
    with pytest.raises(ValueError, match=r"tokens: 18 is not possible; it must be at most model.context \+ 1 = 17"):
        GeneratedText(tokens=18).check_context(16)
