"""YAML to settings: what is read, merged, checked and dumped."""

import shutil

import pytest

from tests.small import RECORDS, REPOSITORY
from tests.test_config import complaint
from tritgolf.config.layers import merge
from tritgolf.config.model import UNetConfig
from tritgolf.config.record import load_record
from tritgolf.config.settings import Settings, validate
from tritgolf.config.yaml_files import read_yaml
from tritgolf.data.dataset import load_dataset
from tritgolf.errors import InputError


@pytest.mark.parametrize(
    "text",
    [b"", b"- a\n- b\n", b"just text", b"a: [1", b"a: b: c", b"\xff\xfe\x00", b"a:\n\t- b", b"a: " + 100_000 * b"["],
    ids=["nothing", "list", "text", "open", "twice", "bytes", "tab", "deep"],
)
def test_files_that_are_no_yaml_mapping_are_one_line(tmp_path, text):
    (tmp_path / "bad.yaml").write_bytes(text)
    with pytest.raises(InputError, match=r"bad\.yaml: (cannot be read as YAML|is not a YAML mapping)") as caught:
        load_record("bad", tmp_path)
    complaint(caught)


@pytest.mark.parametrize("text", ["a: 1\nb: 2\na: 3\n", "a: {b: 1, c: 2, b: 1}\n"])
def test_a_key_that_is_said_twice_is_told_with_its_line(tmp_path, text):
    (tmp_path / "twice.yaml").write_text(text)
    with pytest.raises(InputError, match=r"twice\.yaml: cannot be read as YAML \(line \d says '[ab]' a second time\)"):
        read_yaml(tmp_path / "twice.yaml")


def test_a_mapping_that_is_merged_into_another_may_have_its_keys(tmp_path):
    (tmp_path / "merged.yaml").write_text("a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  x: 3\n")
    assert read_yaml(tmp_path / "merged.yaml")["b"] == {"x": 3, "y": 2}


def test_lists_within_lists_are_read_as_deep_as_anyone_writes_them(tmp_path):
    (tmp_path / "deep.yaml").write_text("a: " + 60 * "[" + 60 * "]")
    assert str(read_yaml(tmp_path / "deep.yaml")["a"]) == 60 * "[" + 60 * "]"
    (tmp_path / "deeper.yaml").write_text(50_000 * "- ")
    with pytest.raises(InputError, match="more than 64 lists or mappings within each other"):
        read_yaml(tmp_path / "deeper.yaml")


def test_yaml_runs_nothing(tmp_path):
    (tmp_path / "bad.yaml").write_text("title: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(InputError, match="cannot be read as YAML"):
        load_record("bad", tmp_path)


def test_merging_by_hand():
    base = {"a": {"b": 1, "c": [1, 2]}, "d": 1}
    over = {"a": {"c": [3]}, "e": {"f": 1}}
    assert merge(base, over) == {"a": {"b": 1, "c": [3]}, "d": 1, "e": {"f": 1}}
    assert base == {"a": {"b": 1, "c": [1, 2]}, "d": 1}
    merge(base, over)["e"]["f"] = 2
    assert over["e"] == {"f": 1}


@pytest.mark.parametrize(
    ("below", "over"),
    [
        ({"grid": "integer", "bits": 6}, {"format": "float16"}),
        ({"format": "e4m3"}, {"grid": "integer", "bits": 6}),
        ({"grid": "integer", "bits": 6}, {"grid": "ternary", "scales": "float16"}),
        ({"kind": "adam", "epsilon": 1e-9}, {"kind": "adamw"}),
    ],
)
def test_what_says_another_kind_or_form_takes_the_place_of_the_one_below(below, over):
    assert merge({"a": below}, {"a": over}) == {"a": over}


TRITS = {"grid": "ternary", "quantizer": {"arithmetic": "float64"}, "scales": "float16"}


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("attention", {"bts": 5}, "attention.bts: unknown key; allowed here: grid, bits, scale, scale_dtype"),
        ("control", {"formt": "e4m3"}, "control.formt: unknown key; allowed here: format"),
        ("mlp", TRITS | {"scals": "e4m3"}, "mlp.scals: unknown key; allowed here: grid, quantizer, scales"),
    ],
)
def test_an_unknown_key_of_a_role_s_form_is_told_with_those_that_the_form_has(key, value, expected):
    overrides = {"export": {"storages": {"own": {"roles": {key: value}}}}}
    with pytest.raises(InputError, match=r"export\.storages\.own\.roles\." + expected) as caught:
        load_record("tiny_int6", RECORDS, overrides)
    complaint(caught)


def test_settings_do_not_change_after_validation():
    record = load_record("tiny", RECORDS)
    with pytest.raises(Exception, match="frozen"):
        record.train.steps = 3


def test_validate_names_the_place_it_is_given():
    with pytest.raises(InputError, match=r"^plan\.json: width: 0: Input should be greater than 0"):
        validate(
            UNetConfig,
            {"width": 0, "rotary_frequencies": "float32", "quantizer": {"arithmetic": "float64"}},
            "plan.json",
        )


class Grown(Settings):
    """As settings are after some were added."""

    LATER = frozenset({"added", "inner_added"})
    old: int = 1
    added: int | None = None
    inner_added: tuple[int, ...] = ()


def test_a_setting_added_later_leaves_the_dump_as_it_was_until_it_is_used():
    assert Grown().model_dump(mode="json") == {"old": 1}
    assert Grown(added=2).model_dump(mode="json") == {"old": 1, "added": 2}
    used = Grown(inner_added=(1,)).model_dump(mode="json")
    assert used == {"old": 1, "inner_added": [1]}
    assert Grown(**used) == Grown(inner_added=(1,))


def test_later_settings_are_settings_with_defaults():
    """Else a dump would lose what the mode, or the record, decides."""
    for kind in subclasses(Settings):
        for name in kind.LATER:
            assert not kind.model_fields[name].is_required(), (kind, name)


def subclasses(kind):
    return [inner for each in kind.__subclasses__() for inner in (each, *subclasses(each))]


def test_a_mistake_that_is_inherited_is_told_of_the_file_that_has_it(tmp_path):
    def write(name: str, text: str) -> str:
        (tmp_path / f"{name}.yaml").write_text(text)
        return str(tmp_path / f"{name}.yaml")

    write("oldest", "inherit: tiny\nmodel: {quantizer: {groups: 3}}\n")
    write("middle", "inherit: oldest\ntitle: middle\n")
    child = write("child", "inherit: middle\n")
    with pytest.raises(InputError, match=r"oldest\.yaml: model\.quantizer\.groups: unknown key") as caught:
        load_record(child, RECORDS)
    complaint(caught)
    worse = write("worse", "inherit: oldest\nmode: perhaps\n")
    with pytest.raises(InputError, match=r"worse\.yaml: mode: 'perhaps' is unknown"):
        load_record(worse, RECORDS)
    mended = write("mended", "inherit: middle\nseeds: 3\ntrain: null\n")
    with pytest.raises(InputError, match=r"mended\.yaml: seeds: 3 is not a list"):
        load_record(mended, RECORDS)


def test_a_mistake_of_an_inherited_text_is_told_of_its_file(tmp_path):
    (tmp_path / "parent.yaml").write_text("inherit: tiny\ntokens_per_shard: -3\n")
    (tmp_path / "child.yaml").write_text("inherit: parent\ntitle: child\n")
    with pytest.raises(InputError, match=r"parent\.yaml: tokens_per_shard: -3: Input should be greater than 0"):
        load_dataset(str(tmp_path / "child.yaml"), REPOSITORY / "datasets")


def test_what_is_inherited_is_no_other_file_than_the_one_beside(tmp_path):
    (tmp_path / "tiny.yaml").write_text("inherit: demo\nseeds: [5]\n")
    (tmp_path / "mine.yaml").write_text("inherit: tiny\n")
    with pytest.raises(InputError, match=r"mine\.yaml: inherit: 'tiny' may be .*; rename the latter") as caught:
        load_record(str(tmp_path / "mine.yaml"), RECORDS)
    assert str(RECORDS / "tiny.yaml") in str(caught.value)
    assert str(tmp_path / "tiny.yaml") in str(caught.value)
    shutil.copy(RECORDS / "tiny.yaml", tmp_path)
    assert load_record(str(tmp_path / "mine.yaml"), RECORDS).model.width == 64
