"""Mistakes in an experiment's file: each is one line, before anything is run, that names the user's file."""

import pytest
import yaml

from tests.small import RECORDS
from tritgolf.config.layers import merge
from tritgolf.errors import InputError
from tritgolf.experiments.ready import ready
from tritgolf.files import write_json

LEVERS = {
    "kind": "levers",
    "title": "Two levers",
    "base": "demo",
    "storage": "bf16",
    "what": "as it is",
    "changes": {"long": {"what": "longer", "over": {"train": {"steps": 300}}}},
}
ROWS = {
    "title": "Two starts",
    "rows": [
        {"record": "demo_hybrid", "storage": "own", "what": "late"},
        {"record": "demo_hybrid_start_0", "storage": "own", "what": "from the start"},
    ],
}
TINY = {"inherit": "isobyte_tiny"}
ABSENT = {"methods": {"gptq": None}}
OF_ONE_FORMAT = {name: {"formats": ["1.58"]} for name in ("qat", "gptq")}


@pytest.fixture
def home(tmp_path):
    """A folder of records, with the repository's and room for an experiment."""
    (tmp_path / "experiments").mkdir()
    for path in RECORDS.glob("*"):
        if path.name != "experiments":
            (tmp_path / path.name).symlink_to(path)
    for path in (RECORDS / "experiments").glob("*.yaml"):
        (tmp_path / "experiments" / path.name).symlink_to(path)
    return tmp_path


def of(home, raw, part=""):
    """The experiment ``mine`` of ``raw``, made ready."""
    (home / "experiments/mine.yaml").write_text(yaml.safe_dump(raw, sort_keys=False))
    return ready(f"mine{part}", home, home / "results")


def one_line(home, raw, part=""):
    """What is said of the mistake in ``raw``, less the file's name, with which it begins."""
    with pytest.raises(InputError) as error:
        of(home, raw, part)
    start = f"{home / 'experiments/mine.yaml'}: "
    told = str(error.value)
    assert told.startswith(start)
    assert "\n" not in told and str(home / "results") not in told.removeprefix(start)
    return told.removeprefix(start)


@pytest.mark.parametrize("part", ["", "/trials"])
@pytest.mark.parametrize("kind", [["isobyte_grid"], {"levers": 1}, "isobite", None])
def test_a_kind_that_is_none_is_told_with_those_that_one_writes(home, kind, part):
    told = one_line(home, {"kind": kind, "title": "t"}, part)
    assert told == f"kind: {kind!r} is unknown; write isobyte_grid or levers, or leave it out above rows"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"base": "nosuch"}, "base: 'nosuch' is unknown; known records: "),
        ({"storage": "nosuch"}, "storage: 'nosuch' is not the one that demo is scored in; write bf16, its export"),
        ({"storage": "fp32"}, "storage: 'fp32' is not the one that demo is scored in; write bf16, its export"),
        ({"changes": {"a b/c": LEVERS["changes"]["long"]}}, "changes: 'a b/c' is not possible; it must be named in a"),
        ({"changes": {"base": LEVERS["changes"]["long"]}}, "changes: 'base' is not possible; it must be another name"),
        ({"changes": {"rung1_a": LEVERS["changes"]["long"]}}, "changes: 'rung1_a' is not possible; it must be another"),
        (
            {"changes": {"x": {"what": "x", "over": {"inherit": "tiny"}}}},
            "changes.x.over.inherit: tiny is not possible",
        ),
        (
            {"changes": {"x": {"what": "x", "over": {}}}},
            "changes.x.over: {} is not possible; it must be what the change",
        ),
        (
            {"changes": {"x": {"what": "x", "over": {"train": {"stepz": 5}}}}},
            "changes.x.over: train.stepz: unknown key; allowed here: batch_tokens, ",
        ),
        (
            {"changes": {"x": {"what": "x", "over": {"export": {"own_storage": "fp32"}}}}},
            "storage: 'bf16' is not the one that mine_x is scored in; write fp32",
        ),
        (
            {
                "changes": {
                    "groups": {"what": "g", "over": {"model": {"quantizer": {"group_size": 32}}}},
                    "narrow": {"what": "n", "over": {"model": {"width": 96, "quantizer": {"group_size": 48}}}},
                    "coarse": {"what": "c", "over": {"model": {"quantizer": {"group_size": 64}}}},
                },
                "ladder": ["narrow", "coarse"],
            },
            "ladder, all up to coarse: model.",
        ),
    ],
)
def test_changes_that_can_not_be(home, changed, told):
    assert one_line(home, LEVERS | changed).startswith(told)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (
            [ROWS["rows"][0], ROWS["rows"][1] | {"storage": "nosuch"}],
            "rows: demo_hybrid_start_0 has no storage 'nosuch'",
        ),
        (
            [ROWS["rows"][0], ROWS["rows"][1] | {"record": "nosuch"}],
            "rows: record 'nosuch' is unknown; known records: ",
        ),
        (ROWS["rows"][:1], "rows: an experiment compares at least two points; add a row"),
    ],
)
def test_rows_that_can_not_be(home, rows, told):
    assert one_line(home, ROWS | {"rows": rows}).startswith(told)


@pytest.mark.parametrize("part", ["", "/trials"])
@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            {"formats": {"three": {"bits": 3}}},
            "formats.three: 'three' is not possible; it must be bits a weight, as \"4\"",
        ),
        ({"formats": {3: {"bits": 3}}}, "formats.3: 3 is not possible; it must be in quotes"),
        (
            {"methods": {"A b": {"what": "q", "rounding": "gptq"}}},
            "methods: 'A b' is not possible; it must be named in",
        ),
        ({"series": {"a": None, "A": {}}}, "series: 'A' is not possible; it must be named in"),
        ({"methods": {"qat": {"formats": []}}}, "methods.qat.formats: [] is not possible; it must be some of 1.58"),
        ({"trials": {"inherit": "isobyte"}}, "trials.inherit: isobyte is not possible; it must be left out"),
        ({"series": {"a": {"over": {"name": "b"}}}}, "series.a.over.name: b is not possible; it must be left out"),
        ({"tried": []}, "tried: [] is not possible; it must be at least one recipe"),
        (ABSENT, "formats, methods, series: 1 together is not possible; it must be two: points are compared"),
        (
            {"tried": ["like_1716_twice"], "recipes": {"like_1716_twice": None}},
            "tried: like_1716_twice is not possible",
        ),
        ({"chosen_by": "nosuch"}, "chosen_by: 'nosuch' is no experiment with trials; name one of "),
        ({"chosen_by": "hybrid_start"}, "chosen_by: 'hybrid_start' is no experiment with trials; name one of "),
        ({"chosen_by": "isobyte_long"}, "chosen_by: isobyte_long has no trials but those of isobyte; write isobyte"),
        ({"chosen_by": "mine"}, "chosen_by: 'mine' is its own name; leave it out"),
        ({"record": {"trainn": {}}}, "record, with recipes.like_920.train: trainn: unknown key"),
        (
            {"recipes": {"like_920": {"train": {"muon": {"lrr": 1}}}}},
            "record, with recipes.like_920.train: train.muon.l",
        ),
    ],
)
def test_a_grid_that_can_not_be(home, changed, told, part):
    assert one_line(home, TINY | changed, part).startswith(told)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"bytes": 400}, "for 8 bits: bytes: 400 are too few for any width in steps of 4; give at least "),
        ({"bytes": 400_000_000_000}, "bytes: at 8 bits "),
        ({"width": {"step": 16, "mlp_step": 16}}, "bytes: at 8 bits "),
        ({"width": {"step": 4, "mlp_step": 4096}, "bytes": 400_000}, "for 8 bits: width.mlp_step: 4096 is more than "),
        (
            {"trials": {"train": {"stepz": 5}}},
            "trials, for 1.58 bits by qat: train.stepz: unknown key; allowed here: ba",
        ),
        (
            {"series": {"tokens": {"over": {"train": {"stepz": 5}}}}},
            "series.tokens.over, for 8 bits by gptq: train.step",
        ),
        ({"formats": {"8": {"clip_sigmas": None}}, "bytes": 5700}, "for 8 bits: bytes: 5,700 are too few"),
        (
            {"methods": OF_ONE_FORMAT, "series": {"more": {}}} | ABSENT,
            "an experiment compares at least two points, and",
        ),
    ],
)
def test_points_that_can_not_be_are_told_before_trials(home, changed, told):
    """Of the widest weights first: what has room for them has room for all."""
    assert one_line(home, TINY | changed, "/trials").startswith(told)


def test_the_least_bytes_that_are_told_do(home):
    told = one_line(home, TINY | {"bytes": 400}, "/trials")
    least = int(told.rpartition("give at least ")[2].replace(",", ""))
    again = TINY | {"tolerance": 0.2, "bytes": least}
    assert of(home, again, "/trials").records
    assert "too few" in one_line(home, again | {"bytes": least - 1}, "/trials")


def test_a_model_that_is_no_transformer_is_told(home):
    raw = yaml.safe_load((RECORDS / "experiments/isobyte.yaml").read_text())
    raw |= {"record": {"inherit": "demo"}, "recipes": {"own": {"what": "its own", "train": {}}}, "tried": ["own"]}
    assert one_line(home, raw, "/trials") == "record.model: is no transformer; write kind: transformer"


def test_rows_inherit_nothing(home):
    told = one_line(home, {"inherit": "hybrid_start", "title": "Another"})
    assert told == "inherit: is for experiments of a kind; write out the rows of this one"


def test_what_is_inherited_can_be_left_out(home):
    """A format, method, series, recipe or change that is null."""
    grid = TINY | {"methods": {"qat": None, "gptq": {"formats": ["2", "8"]}}, "recipes": {"like_1716_twice": None}}
    rows = yaml.safe_load(of(home, grid | {"formats": {"6": None}}, "/trials").file.read_text())["rows"]
    assert [row["of"] for row in rows] == ["2 gptq", "8 gptq"]
    changes = of(home, {"inherit": "demo_fp8", "changes": {"scales": None}})
    rows = yaml.safe_load(changes.file.read_text())["rows"]
    assert [row["record"] for row in rows] == ["mine_base", "mine_products"]


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ({"recipe": "like_920", "more": 1}, "more: unknown key"),
        ({"over_estimate": 1.0}, "recipe: is missing"),
        ({"recipe": "like_920", "over_estimate": 0}, "over_estimate: 0"),
        ("like_920", "'like_920'"),
    ],
)
def test_choices_that_can_not_be_read_say_how_to_make_them_again(home, found, told):
    trials = home / "results/mine/trials/compared.json"
    write_json(trials, {"1.58 qat": found, "8 gptq": {"recipe": "like_920"}})
    _read_again(home, trials, told, "", "mine/trials")
    write_json(trials, [found])
    _read_again(home, trials, "is no mapping", "", "mine/trials")


def test_bytes_that_can_not_be_read_say_how_to_make_them_again(home):
    choice = {"recipe": "like_920", "over_estimate": 1.0}
    write_json(home / "results/mine/trials/compared.json", dict.fromkeys(("1.58 qat", "8 gptq"), choice))
    points = home / "results/mine/compared.json"
    write_json(points, {"mine_1_58_qat_tokens": {"off_target": 0.9}})
    _read_again(home, points, "over_estimate: is missing", "/fitted", "mine")


def _read_again(home, path, told, part, again):
    with pytest.raises(InputError) as error:
        of(home, TINY, part)
    assert str(error.value).startswith(f"{home / 'experiments/mine.yaml'}: can't be made of what {again} found: {path}")
    assert told in str(error.value)
    assert str(error.value).endswith(f"; delete {path}, then snakemake compared --config experiment={again}")


def test_a_name_that_results_can_not_have_is_told_of_the_experiment(home):
    path = home / "experiments/my own.yaml"
    path.write_text(yaml.safe_dump(LEVERS))
    with pytest.raises(InputError, match=r"my own\.yaml: has a name that folders of results can't have; use letters"):
        ready("my own", home, home / "results")


def test_points_of_one_name_are_told(home):
    names = {"methods": {"qat": None, "gptq": None, "a": None}}
    twice = {"what": "t", "rounding": "nearest", "formats": ["8"]}
    raw = merge(TINY | names, {"methods": {"a_b": twice, "a": twice}, "series": {"tokens": None, "c": {}, "b_c": {}}})
    assert one_line(home, raw, "/trials").startswith("methods, series: the name 8_a_b_c of two points is not possible")
