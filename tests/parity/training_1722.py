"""What #1722 (and #1019) trains with, as settings (trinity-spec, "Training")."""

from tritgolf.config.train import AdamConfig, AverageConfig, MuonConfig, StartConfig, TrainConfig


def training_1722(**settings) -> TrainConfig:
    """Its optimizers, clipping, average, order and schedule; sizes as in ``settings``."""
    muon = MuonConfig(
        lr=0.025,
        momentum=0.99,
        momentum_start=0.92,
        momentum_warmup_steps=1500,
        iterations=5,
        rows="none",
        weight_decay=0.04,
        momentum_dtype="bfloat16",
    )
    adam = AdamConfig(
        kind="adamw",
        table_lr=0.035,
        vector_lr=0.025,
        table_weight_decay=0.04,
        vector_weight_decay=0.04,
        trains_projections=True,
    )
    mechanisms = {"muon": muon, "adam": adam, "clip_norm": 0.3, "clip_each_rank": True}
    start = {"start": StartConfig(qat_lr_below=0.15), "average": AverageConfig(decay=0.997)}
    return TrainConfig(
        **{**mechanisms, **start, "warmdown_fraction": 0, "warmdown_steps": 3500, "z_loss": 0.0, **settings}
    )
