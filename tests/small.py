"""A model and a training run so small that a step takes milliseconds."""

from pathlib import Path

import torch

from tritgolf import checkpoint
from tritgolf.config.export import ExportConfig, StorageConfig
from tritgolf.config.lossless import exact_formats
from tritgolf.config.model import TernaryConfig, UNetConfig
from tritgolf.config.record import load_record
from tritgolf.config.train import TrainConfig
from tritgolf.config.transformer import TransformerConfig
from tritgolf.data.corpus import build_corpus
from tritgolf.data.dataset import SplitConfig, TextSource
from tritgolf.data.encode import build_shards
from tritgolf.data.manifest import load_manifest
from tritgolf.data.tokenizer import save_tokenizer, train_tokenizer
from tritgolf.files import write_json
from tritgolf.model.attention import math_attention
from tritgolf.model.network import use_quantizers
from tritgolf.model.specs import parameters_of
from tritgolf.model.transformer import Transformer
from tritgolf.model.unet import UNet
from tritgolf.model.unet_parameters import described
from tritgolf.parameters import MATRICES
from tritgolf.quantize.base import Quantized
from tritgolf.quantize.plan import quantize_all, quantizers
from tritgolf.quantize.widths import width_of
from tritgolf.stages.causality import randomize
from tritgolf.stages.export import export_stage
from tritgolf.train.stacks import Stacks

REPOSITORY = Path(__file__).parents[1]
RECORDS = REPOSITORY / "records"
TIMEOUT = 900  # seconds; only what hangs reaches it, however busy the machine
VOCABULARY = 300
WORDS = ["ternary", "weight", "scale", "group", "round", "zero", "plus", "minus", "one", "byte", "bit", "token", "café"]


def quantizer(**settings) -> TernaryConfig:
    return TernaryConfig(**{"group_size": 8, "estimator": "rms", "arithmetic": "float64", **settings})


def small_model(**settings) -> UNetConfig:
    """Two blocks of width 32 over a context of 16, in FP32."""
    sizes = {"layers": 2, "width": 32, "heads": 4, "kv_heads": 2, "embed_dim": 12, "mlp_multiple": 2}
    length = {"vocab_size": VOCABULARY, "context": 16, "yarn_max": 32, "rotary_frequencies": "float32"}
    return UNetConfig(**{**sizes, **length, "compute": "float32", "quantizer": quantizer(), **settings})


def small_training(**settings) -> TrainConfig:
    """Twelve steps of 16 sequences."""
    steps = {"steps": 12, "checkpoints": (4, 8), "save_every_steps": 4, "log_every": 2, "compile_steps": 0}
    return TrainConfig(**{"batch_tokens": 256, "micro_batch_sequences": 16, **steps, **settings})


def record_model(name: str) -> UNetConfig:
    """The model of one of the repository's records."""
    return load_record(name, RECORDS).model


def random_network(model: UNetConfig, seed: int = 0, attend=math_attention, fused: bool = False) -> UNet:
    """A network to be trained in which every parameter is random: no zero projection or closed gate hides anything."""
    network = UNet(model, attend, fused=fused)
    use_quantizers(network, quantizers(model, parameters_of(model)))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            spread = 0.05 if described(name).is_quantized else 0.5
            parameter.copy_(spread * noise if parameter.ndim == 2 else 1 + spread * noise)
    return network


def stacks_of(network, **settings) -> Stacks:
    """Of all matrices that Muon trains."""
    table = parameters_of(network.model)
    return Stacks(network, [name for name, row in table.items() if row.role in MATRICES], **settings)


def small_transformer(**settings) -> TransformerConfig:
    """Five layers of width 32 over a context of 16, in FP32, with every mechanism; layers 1 and 2 repeat."""
    sizes = {"layers": 5, "width": 32, "heads": 4, "kv_heads": 2, "mlp_multiple": 2, "rotary_dims": 4, "xsa_layers": 4}
    length = {"vocab_size": VOCABULARY, "context": 16, "rotary_frequencies": "float32", "compute": "float32"}
    mechanisms = {
        "recurrence": {"layers": (1, 2), "loops": 2},
        "parallel_from": 3,
        "bigram": {"buckets": 32, "width": 4},
        "gates": {"attention": 6, "smear": 5, "skips": True},
    }
    return TransformerConfig(**{"kind": "transformer", **sizes, **length, **mechanisms, **settings})


def random_transformer(model: TransformerConfig, seed: int = 0, attend=math_attention) -> Transformer:
    """A network in which every parameter is random: no zero projection or closed gate hides anything."""
    network = Transformer(model, attend)
    randomize(network, seed)
    return network


def matrices_of(network) -> dict[str, Quantized]:
    """The matrices of a network that is trained, as its forward pass has them."""
    weights = {name: parameter.detach() for name, parameter in network.named_parameters()}
    return quantize_all(weights, quantizers(network.model, parameters_of(network.model)))


def random_tokens(model: UNetConfig | TransformerConfig, batch: int = 2, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(model.vocab_size, (batch, model.context), generator=generator)


def build_dataset(folder: Path) -> Path:
    """``folder`` with corpus, tokenizer and several shards of made-up sentences; for ``VOCABULARY`` pieces."""
    words = torch.randint(len(WORDS), (300, 12), generator=torch.Generator().manual_seed(1)).tolist()
    text = folder / "text"
    text.mkdir()
    for number, line in enumerate(words):
        (text / f"{number:03d}.txt").write_text(f"Line {number}: " + " ".join(WORDS[word] for word in line) + ".")
    source = TextSource(kind="text", files=(str(text / "*.txt"),))
    build_corpus("small", source, SplitConfig(fraction=0.1), folder / "corpus")
    model = train_tokenizer(folder / "corpus" / "train.jsonl.zst", VOCABULARY, 10**6)
    save_tokenizer(model, folder / "tokenizer", origin="trained")
    shards = folder / "shards"
    build_shards("small", folder / "corpus", folder / "tokenizer", shards, tokens_per_shard=4000, threads=1)
    assert load_manifest(shards).vocab_size == VOCABULARY
    return folder


def small_export(**settings) -> ExportConfig:
    """The honest export, with a storage ``exact`` that loses nothing."""
    exact = dict.fromkeys(("scales", "table", "projections", "mixes", "vectors"), "float32")
    storages = {"exact": exact, "bf16": {"scales": "bfloat16"}, "fp16": {"scales": "float16"}}
    choices = {"decide": "forward", "shrinkage": False, "reload_dtype": "float32", "mixes": "bfloat16"}
    return ExportConfig(**{**choices, "storages": storages, "own_storage": "bf16", **settings})


def lossless_storage(model: UNetConfig) -> StorageConfig:
    """The smallest formats that lose nothing of ``model``."""
    formats = {kind: min(allowed, key=width_of) for kind, allowed in exact_formats(model).items()}
    return StorageConfig(decide="forward", shrinkage=False, reload_dtype="float32", **formats)


def build_run(folder: Path, model: UNetConfig) -> Path:
    """``folder`` as a finished run would leave it: checkpoint, artifacts and ``train.json``; weights at random."""
    weights = {name: p.detach() for name, p in random_network(model).named_parameters()}
    checkpoint.save(folder / "final.safetensors", weights, {"step": 12, "seed": 1})
    export_stage(
        record="small",
        seed=1,
        name="final",
        model=model,
        export=small_export(),
        checkpoint=folder / "final.safetensors",
        folder=folder / "export",
        facts=folder / "export.json",
        threads=1,
        code_bytes=70_000,
    )
    write_json(folder / "train.json", {"metrics": {"steps": 12, "world": 1}})
    return folder
