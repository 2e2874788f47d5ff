"""From the grid to records, and two of its points from training to table and figure."""

import json
import math
from itertools import pairwise

import pytest
import yaml
from scipy import stats

from tests.small import RECORDS, VOCABULARY
from tritgolf.config.record import load_record
from tritgolf.errors import InputError
from tritgolf.experiments.isobyte import IsobyteConfig
from tritgolf.experiments.ready import last_line, ready
from tritgolf.files import write_json
from tritgolf.report.experiment_kinds import KINDS, write_experiment
from tritgolf.report.experiment_settings import SETTINGS
from tritgolf.report.experiments import load_experiment, records_of
from tritgolf.stages.export import export_stage
from tritgolf.stages.roundtrip import roundtrip_stage
from tritgolf.stages.train import train_stage

GRIDS = ("isobyte_gpu",)  # inherits isobyte


def raw_grid(name="isobyte"):
    return yaml.safe_load((RECORDS / "experiments" / f"{name}.yaml").read_text())


def loaded(given):
    return [load_record(one, RECORDS) for one in given]


@pytest.fixture(scope="module", params=GRIDS)
def trials(request, tmp_path_factory):
    """The trials of each grid of the repository."""
    folder = tmp_path_factory.mktemp("trials")
    return request.param, folder, ready(f"{request.param}/trials", RECORDS, folder)


def test_trials_differ_in_their_recipes_and_read_no_validation_text(trials):
    _, _, made = trials
    experiment = yaml.safe_load(made.file.read_text())
    recipes = raw_grid()["recipes"]
    for row, record in zip(experiment["rows"], loaded(made.records), strict=True):
        assert record.dataset.endswith("_tune")
        recipe = recipes[row["recipe"]]
        given, rate, train = recipe["train"], recipe.get("rate", 1), record.train
        assert row["trained_by"] == recipe["what"]
        assert train.muon.lr == pytest.approx(given["muon"]["lr"] * rate)
        assert train.adam.table_lr == pytest.approx(given["adam"]["table_lr"] * rate)
        assert train.adam.vector_lr == pytest.approx(given["adam"]["vector_lr"] * rate)
        assert (train.muon.momentum, train.clip_norm) == (given["muon"]["momentum"], given.get("clip_norm"))
    tried = {}
    for row in experiment["rows"]:
        tried.setdefault(row["of"], []).append(row["recipe"])
    assert set(map(tuple, tried.values())) == {tuple(raw_grid("isobyte_gpu")["tried"])}  # all tuned equally little


def choose(trials):
    """Write what trials would have chosen, one for all points, and return it."""
    name, folder, made = trials
    points = {row["of"] for row in yaml.safe_load(made.file.read_text())["rows"]}
    chosen = {of: {"recipe": "like_920_twice", "over_estimate": 1.04} for of in points}
    write_json(folder / name / "trials" / "compared.json", chosen)
    return chosen


def test_points_are_made_of_what_trials_chose(trials):
    name, folder, made = trials
    (folder / name / "trials" / "compared.json").unlink(missing_ok=True)
    tried = {row["of"]: row for row in yaml.safe_load(made.file.read_text())["rows"]}
    with pytest.raises(InputError, match=f"has no choices yet.*first: snakemake compared.*={name}/trials"):
        ready(name, RECORDS, folder)
    chosen = choose(trials)
    points = ready(name, RECORDS, folder)
    rows = yaml.safe_load(points.file.read_text())["rows"]
    for row, record in zip(rows, loaded(points.records), strict=True):
        stored = record.export.storage("own").roles
        assert stored["attention"] == stored["mlp"]
        assert record.train.muon.lr == pytest.approx(0.08)
        assert (record.model.width, record.model.mlp_width) == (row["width"], row["mlp_width"])
        assert row["estimate"] == pytest.approx(tried[row["of"]]["estimate"] / 1.04, rel=0.01)
        if row["bits"] < 6:  # no other tensor has as few
            width, of_heads = row["width"], 2 + 2 * record.model.kv_heads / record.model.heads
            assert row["weights"] == record.model.layers * width * (of_heads * width + 2 * row["mlp_width"])
        if row["method"] == "gptq":
            assert (record.model.qat, stored["mlp"].rounding) == (None, "gptq")
        else:
            assert stored["mlp"] == record.model.qat.quantizer  # rounded to the grid that it was trained on
            assert record.train.start.qat == (0.65 if row["method"] == "late_qat" else 0)
        assert record.train.seconds is None and row["series"] == "tokens"
    write_json(folder / name / "trials" / "compared.json", {**chosen, "4 qat": {"recipe": "gone"}})
    with pytest.raises(InputError, match=f"no longer tries gone.*trials again: experiment={name}/trials"):
        ready(name, RECORDS, folder)
    write_json(folder / name / "trials" / "compared.json", chosen)
    assert records_of(points.file) == [record.name for record in loaded(points.records)]


def test_a_point_that_missed_its_bytes_is_made_again_with_its_own(trials):
    """The others are the same records, so that their results stay."""
    name, folder, _ = trials
    choose(trials)
    with pytest.raises(InputError, match=f"has no choices yet.*first: snakemake compared.*={name}$"):
        ready(f"{name}/fitted", RECORDS, folder)
    points = ready(name, RECORDS, folder)
    before = {record.name: record for record in loaded(points.records)}
    missed, *others = before
    tolerance = {**raw_grid(), **raw_grid(name)}["tolerance"]
    width = before[missed].model.width
    found = {record: {"off_target": -0.9 * tolerance, "over_estimate": 2, "width": 8} for record in others}
    found[missed] = {"off_target": -1.1 * tolerance, "over_estimate": 1.04 / 1.2, "width": width}
    write_json(folder / name / "compared.json", found)
    fitted = ready(f"{name}/fitted", RECORDS, folder)
    after = {record.name: record for record in loaded(fitted.records)}
    assert list(after) == [f"{missed}_fitted", *others]
    assert all(after[record] == before[record] for record in others)
    fitted_model = after[f"{missed}_fitted"].model
    assert fitted_model.width == width
    assert 1.2 < fitted_model.mlp_width / before[missed].model.mlp_width < 1.4  # a fifth more bytes
    (folder / name / "compared.json").unlink()


def test_a_grid_may_take_what_another_ones_trials_chose(tmp_path):
    with pytest.raises(InputError, match=r"has no trials but those of isobyte.*ask for isobyte/trials"):
        ready("isobyte_long/trials", RECORDS, tmp_path)
    with pytest.raises(InputError, match="first: snakemake compared --config experiment=isobyte/trials"):
        ready("isobyte_long", RECORDS, tmp_path)
    chosen = {of: {"recipe": "like_920", "over_estimate": 1.0} for of in ("1.58 qat", "4 qat", "4 gptq")}
    write_json(tmp_path / "isobyte/trials/compared.json", chosen)
    points = ready("isobyte_long", RECORDS, tmp_path)
    assert [record.train.steps for record in loaded(points.records)] == [2000] * 3
    del chosen["4 qat"]
    write_json(tmp_path / "isobyte/trials/compared.json", chosen)
    with pytest.raises(InputError, match=r"'isobyte_long': has no choice for 4 qat.*experiment=isobyte/trials"):
        ready("isobyte_long", RECORDS, tmp_path)


def test_points_of_equal_seconds_are_those_of_equal_tokens(trials):
    """But for when they stop: of three formats, by each method, with what the same trials chose."""
    name, folder, _ = trials
    choose(trials)
    of_tokens = {row["of"]: row for row in yaml.safe_load(ready(name, RECORDS, folder).file.read_text())["rows"]}
    timed = ready(f"{name}_seconds", RECORDS, folder)
    rows = yaml.safe_load(timed.file.read_text())["rows"]
    assert {row["of"] for row in rows} == {
        f"{bits} {m}" for bits in ("1.58", "4", "6") for m in raw_grid(name)["methods"] | {"qat": 0, "gptq": 0}
    }
    for row, record in zip(rows, loaded(timed.records), strict=True):
        assert (record.train.seconds, record.train.steps, row["series"]) == (25, 100000, "seconds")
        like = of_tokens[row["of"]]
        assert all(row[key] == like[key] for key in ("width", "mlp_width", "recipe", "estimate"))


def test_what_is_made_again_is_left_alone(trials):
    name, folder, made = trials
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.yaml")}
    assert ready(f"{name}/trials", RECORDS, folder) == made
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.yaml")} == before


FORMATS = raw_grid()["formats"] | raw_grid("isobyte_gpu")["formats"]


@pytest.mark.parametrize(("name", "form"), FORMATS.items())
def test_each_grid_has_the_least_squared_error_on_normal_weights(name, form):
    levels = 2 ** form["bits"] - (form.get("levels") != "even")
    assert math.log2(levels) == pytest.approx(float(name), abs=0.2)

    def squared_error(clip):
        step = 2 * clip / (levels - 1)
        grid = [(n - (levels - 1) / 2) * step for n in range(levels)]
        edges = [-math.inf, *((a + b) / 2 for a, b in pairwise(grid)), math.inf]
        return sum(
            stats.norm.expect(lambda x, level=level: (x - level) ** 2, lb=low, ub=high)
            for level, low, high in zip(grid, edges, edges[1:], strict=False)
        )

    if levels < 20:  # each level is an integral
        best = squared_error(form["clip_sigmas"])
        assert best < min(squared_error(form["clip_sigmas"] * factor) for factor in (0.98, 1.02))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"methods": {"qat": {"what": "q", "rounding": "nearest", "formats": ["5"]}}}, "formats: 5 is not possible"),
        ({"formats": {"four": {"bits": 4}}}, "formats.four"),
        ({"bytes": 0}, "bytes: 0"),
        ({"tried": ["mine"]}, "tried: mine is not possible"),
        ({"record": {}}, "source: is missing"),
    ],
)
def test_an_unsound_grid_is_told_in_one_line(tmp_path, change, told):
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "mine.yaml").write_text(yaml.safe_dump({**raw_grid(), **change}))
    with pytest.raises(InputError, match=told) as error:
        ready("mine/trials", tmp_path, tmp_path / "results")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["isobyte/x", "hybrid_start/trials"])
def test_parts_that_are_not_there_are_told(tmp_path, name):
    with pytest.raises(InputError, match=f"experiment '{name}': is unknown"):
        ready(name, RECORDS, tmp_path)


def test_the_last_line_says_which_table_is_final():
    assert last_line("isobyte") == "The table is results/experiments/isobyte/compared.md"
    told = (
        "results/experiments/isobyte/fitted/compared.md (final; results/experiments/isobyte/compared.md is from before)"
    )
    assert last_line("isobyte/fitted") == f"The table is {told}"


def test_every_kind_is_made_somehow():
    assert KINDS.keys() == SETTINGS.keys()
    assert {name for name, kind in KINDS.items() if kind.beside} == {n for n, one in SETTINGS.items() if one.BESIDE}
    assert IsobyteConfig.model_fields.keys() >= {"bytes", "formats", "methods", "series", "recipes"}


@pytest.fixture(scope="module")
def compared(dataset, tmp_path_factory):
    """Two points of the tiny grid: trained, stored, reloaded, compared."""
    folder = tmp_path_factory.mktemp("points")
    grid = raw_grid("isobyte_tiny") | {"inherit": "isobyte"}
    grid["record"]["model"]["vocab_size"] = VOCABULARY
    grid["record"]["seeds"] = [42]
    (folder / "records/experiments").mkdir(parents=True)
    for name, raw in (("isobyte", raw_grid()), ("isobyte_tiny", grid)):
        (folder / "records/experiments" / f"{name}.yaml").write_text(yaml.safe_dump(raw))
    results = folder / "results"
    over = {"1.58 qat": 0.9972, "8 gptq": 1.053}  # what trials of them would say
    chosen = {of: {"recipe": "like_920", "over_estimate": more} for of, more in over.items()}
    write_json(results / "experiments/isobyte_tiny/trials/compared.json", chosen)
    experiment = ready("isobyte_tiny", folder / "records", results / "experiments")
    for record in (load_record(given, folder / "records") for given in experiment.records):
        run_stages(record, results / record.name, dataset)
    write_experiment(*load_experiment(experiment.file, results), experiment.file.with_name("compared"))
    return experiment.file.parent


def run_stages(record, folder, dataset):
    weights, seed = folder / "seed42/checkpoints/final.safetensors", folder / "seed42"
    write_json(folder / "record.json", record.model_dump(mode="json"))
    train_stage(
        record=record.name,
        seed=42,
        model=record.model,
        train=record.train,
        shards=dataset / "shards",
        live=seed / "live",
        checkpoints={"final": weights},
        curve=seed / "train/metrics.jsonl",
        facts=seed / "train/train.json",
        processes=1,
        device="cpu",
    )
    of_checkpoint = {"record": record.name, "seed": 42, "name": "final", "model": record.model, "checkpoint": weights}
    export_stage(
        **of_checkpoint,
        export=record.export,
        folder=seed / "final/export",
        facts=seed / "final/export/export.json",
        threads=1,
        code_bytes=50_000,
        train=record.train,
        shards=dataset / "shards",
    )
    roundtrip_stage(
        **of_checkpoint,
        own_storage="own",
        z_loss=0.0,
        attention="auto",
        batch=record.evaluate.batch_sequences,
        artifacts={"own": seed / "final/export/own.tgolf"},
        shards=dataset / "shards",
        tokenizer=dataset / "tokenizer/tokenizer.model",
        facts=seed / "final/roundtrip.json",
    )


def test_two_points_fill_the_same_bytes(compared):
    table = (compared / "compared.md").read_text()
    assert "Off by more: none." in table, table
    assert "1.58 bits, trained on its grid" in table and "8 bits, GPTQ after training" in table
    rows = [line for line in table.splitlines() if line.startswith("| equal tokens")]
    assert len(rows) == 2 and sum("| best" in row.replace("  ", "") or " best " in row for row in rows) == 1
    beside = {path.suffix for path in compared.glob("compared.*")}
    assert beside == {".md", ".csv", ".html", ".svg", ".pdf", ".png", ".json"}
    assert "GPTQ after training" in (compared / "compared.svg").read_text()


def test_a_model_trained_on_its_grid_is_stored_as_it_was_trained(compared):
    """But for what is on no grid in training."""
    gaps = {}
    for path in compared.parents[1].glob("*/seed42/final/roundtrip.json"):
        gaps[path.parts[-4]] = json.loads(path.read_text())["metrics"]["storages"]["own"]
    assert len(gaps) == 2
    assert all(abs(storage["gap_bpb"]) < 0.01 for storage in gaps.values())
