"""A small transformer with all that #1716 trains with: two phases, an inert hash table, an average, shuffled text."""

import pytest
import torch

from tests.parity.training_1716 import training_1716
from tests.small import VOCABULARY
from tests.train.test_loop import kill, without_times
from tritgolf import checkpoint
from tritgolf.config.transformer import TransformerConfig
from tritgolf.data.batches import batch_source
from tritgolf.errors import InputError
from tritgolf.model.phase import Phase
from tritgolf.ranks import Ranks
from tritgolf.train.loop import Plan, run
from tritgolf.train.trainer import Trainer
from tritgolf.train.training_log import read_curve
from tritgolf.train.warmup import warm_up

ALONE = Ranks(0, 1, torch.device("cpu"))
TABLE = "bigram.embed.weight"
MODEL = TransformerConfig(
    kind="transformer",
    vocab_size=VOCABULARY,
    layers=3,
    width=16,
    heads=2,
    kv_heads=1,
    mlp_multiple=2,
    context=16,
    rotary_dims=4,
    rotary_frequencies="float32",
    recurrence={"layers": (1, 1), "loops": 1},
    bigram={"buckets": 32, "width": 4},
    gates={"attention": 4, "smear": 4, "skips": True},
    compute="float32",
)


def training(**settings):
    """Eight steps, the last four with recurrence, after one of warm-up in each phase."""
    sizes = {"batch_tokens": 128, "micro_batch_sequences": 8, "steps": 8, "compile_steps": 1, "log_every": 1}
    start = {"start": {"recurrence": 0.5}, "checkpoints": (4,), "save_every_steps": 2}
    return training_1716(**{**sizes, **start, **settings})


@pytest.fixture
def plan(tmp_path, dataset) -> Plan:
    return plan_in(tmp_path / "live", dataset)


def plan_in(live, dataset) -> Plan:
    live.mkdir()
    return Plan("recurrent seed 1", MODEL, training(), 1, dataset / "shards", live, device="cpu")


@pytest.fixture(scope="module")
def straight(tmp_path_factory, dataset):
    """The live folder of the run without interruption."""
    plan = plan_in(tmp_path_factory.mktemp("recurrent") / "live", dataset)
    run(plan, ALONE)
    return plan.live


@pytest.fixture
def batch(dataset):
    source = batch_source(dataset / "shards", training(), MODEL.context)
    return lambda step: [torch.from_numpy(array) for array in source.batch(step, 0, 1)]


def digests(live) -> list[str]:
    names = ("step_000004", "final", "state_00000008")
    return [checkpoint.load(live / f"{name}.safetensors").facts["digest"] for name in names]


@pytest.mark.parametrize("at", [0, 3, 4, 7])
def test_a_run_killed_in_either_phase_resumes_to_the_bit(straight, plan, monkeypatch, at):
    kill(monkeypatch, plan, ALONE, at)
    run(plan, ALONE)
    assert digests(plan.live) == digests(straight)
    assert without_times(plan.live) == without_times(straight)


def test_checkpoints_hold_the_average_and_live_states_both(straight):
    final = checkpoint.load(straight / "final.safetensors").tensors
    state = checkpoint.load(straight / "state_00000008.safetensors").tensors
    for name, tensor in final.items():
        assert torch.equal(tensor, state[f"ema.{name}"].to(tensor.dtype))
    assert not torch.equal(final["tok_emb.weight"], state["weight.tok_emb.weight"])
    assert state[f"gradient.{TABLE}"].any()


def test_phases_begin_where_the_schedule_says(plan, monkeypatch):
    phases = []
    step = Trainer.step

    def noted(self, index, *arguments):
        phases.append(self.phase.recurrence)
        return step(self, index, *arguments)

    monkeypatch.setattr(Trainer, "step", noted)
    run(plan, ALONE)
    assert phases == [False, True] + 4 * [False] + 4 * [True]  # two of them to warm up
    curve = read_curve(plan.live / "metrics.jsonl")
    assert [line["recurrence"] for line in curve] == phases[2:]
    assert min(line["gradient_norm"] for line in curve) > 0


def test_warming_up_puts_back_all_but_the_gradient_that_nothing_clears(batch):
    trainer = Trainer(MODEL, training(), 1, ALONE)
    before = {name: tensor.clone() for name, tensor in trainer.state().items()}
    warm_up(trainer, batch)
    changed = [name for name, tensor in trainer.state().items() if not torch.equal(tensor, before[name])]
    assert changed == [f"gradient.{TABLE}"]
    assert trainer.phase == Phase()


def test_the_gradient_of_the_inert_table_adds_up_and_counts_in_the_norm(batch):
    trainer = Trainer(MODEL, training(clip_norm=1e9), 1, ALONE)
    single = []
    for step in range(2):
        fresh = Trainer(MODEL, training(), 1, ALONE)
        fresh.load_state(trainer.state() | {f"gradient.{TABLE}": torch.zeros(32, 4)})
        trainer.step(step, 1.0, *batch(step))
        fresh.step(step, 1.0, *batch(step))
        scale = 0.3 / (fresh.gradient_norm + 1e-6)  # it was clipped
        single.append(fresh.leftover_gradients()[f"gradient.{TABLE}"] / min(1.0, scale))
    torch.testing.assert_close(trainer.leftover_gradients()[f"gradient.{TABLE}"], single[0] + single[1])
    assert trainer.gradient_norm > fresh.gradient_norm
    assert not trainer.weights()[TABLE].any()


def test_the_honest_table_is_trained_and_warms_up_on_gpus_alone(batch, monkeypatch):
    adam = training().adam.model_copy(update={"trains_hash_embedding": True})
    trainer = Trainer(MODEL, training(adam=adam), 1, ALONE)
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "step", None)
        warm_up(trainer, batch)
    trainer.step(0, 1.0, *batch(0))
    assert trainer.weights()[TABLE].any()
    assert not trainer.leftover_gradients()


def test_ranks_that_cannot_share_the_run_are_told_before_any_work(plan, monkeypatch):
    monkeypatch.setattr("tritgolf.train.loop.Trainer", None)
    with pytest.raises(InputError, match="world size 3: does not divide the 8 micro-batches"):
        run(plan, Ranks(0, 3, torch.device("cpu")))
    monkeypatch.setattr("tritgolf.data.manifest.Manifest.of", lambda *_: [None])
    with pytest.raises(
        InputError, match=r"world size 2: leaves ranks without a shard.* the 1 training shards; use at most 1"
    ):
        run(plan, Ranks(0, 2, torch.device("cpu")))
