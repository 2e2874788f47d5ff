import ast
import builtins
import contextlib
import json
import os
import sys
import threading
from types import SimpleNamespace

import pytest
import python_minifier
import torch
from filelock import FileLock
from python_minifier import expression_printer

from tests.bundle.alone import run_alone
from tests.bundle.made import made_script, made_sources
from tests.small import RECORDS, TIMEOUT
from tritgolf import checkpoint
from tritgolf.artifact.estimate import coded_bytes
from tritgolf.bundle import run as bundle_run
from tritgolf.bundle import script
from tritgolf.bundle.record import BundledRecord
from tritgolf.bundle.selection import selection_of
from tritgolf.config.record import load_record
from tritgolf.model.specs import parameters_of

pytestmark = pytest.mark.xdist_group("scripts")  # so that one worker makes them

ROLES = ("attention", "mlp", "embedding", "hash_embedding", "value_embedding", "projection", "mix", "control")
ALL_NUMBERS = {"storages": {"half": {"roles": {role: {"format": "float16"} for role in ROLES}}}, "own_storage": "half"}


def test_the_script_of_the_record_is_small_enough_and_python():
    packed = script.script_of(load_record("ternary_v2", RECORDS))
    assert len(packed) <= 50_000
    ast.parse(packed.decode("ascii"))


def test_what_an_interactive_session_did_before_changes_no_script(monkeypatch):
    """Of what makes a script, the minifier alone looks at builtins: it gives names of theirs no shorter ones."""
    source = "def spoken(words):\n    for _ in words:\n        print(_)\n"
    minified = script._minified(source, [])
    monkeypatch.setattr(builtins, "_", "the value of the last line", raising=False)
    assert python_minifier.minify(source, rename_globals=True) != minified
    assert script._minified(source, []) == minified
    assert vars(builtins)["_"] == "the value of the last line"


def test_a_script_made_by_a_newer_python_is_the_same(monkeypatch):
    """From 3.12 on an f-string may have its own quotes within it; the minifier asks which Python runs."""
    source = "print(f'{\", \".join(names)} of {len(names)}')"
    minified = script._minified(source)
    newer = SimpleNamespace(**vars(sys) | {"version_info": (3, 12, 0)})
    monkeypatch.setattr(expression_printer, "sys", newer)
    assert python_minifier.minify(source) != minified
    assert script._minified(source) == minified


def test_a_script_s_settings_are_the_record_s():
    for name in ("ternary_v2", "ternary_fp8", "int6_xsa", "trinity_v1", "tiny"):
        record = load_record(name, RECORDS)
        of_script = BundledRecord.model_validate(script.settings_of(record))
        assert (of_script.train, of_script.model, of_script.evaluate) == (record.train, record.model, record.evaluate)


def test_a_script_scores_in_the_order_of_the_record(monkeypatch):
    """The last method is the headline, and a temperature is applied to it: by name SLOT came before training."""
    held = []
    monkeypatch.setattr(script, "_compressed", lambda content: held.append(content.decode()) or b"")
    record, other = (
        load_record("tiny_slot", RECORDS, {"evaluate": {"methods": {"slot": slot}}}) for slot in ({}, None)
    )
    script._packed(record, script.Sources({}, "", script.settings_of(record)))
    methods = json.loads(held[0].rpartition(script.SEPARATOR)[2])["evaluate"]["methods"]
    assert list(methods) == list(record.evaluate.scoring) == ["chunked", "sliding", "ttt", "slot"]
    turned = dict(reversed(record.evaluate.scoring.items()))
    again = record.model_copy(update={"evaluate": record.evaluate.model_copy(update={"methods": turned})})
    assert len({script._made_from(each) for each in (record, other, again)}) == 3


@pytest.mark.parametrize(("kind", "over"), [("tanh", {}), ("polynomial", {"model": {"softcap_kind": "polynomial"}})])
def test_the_cap_of_a_transformer_is_in_its_script(kind, over):
    record = load_record("tiny_slot", RECORDS, over)
    selection = selection_of(BundledRecord.model_validate(script.settings_of(record)))
    for registry in ("loss:SOFTCAPS", "fused_loss:SLOPES"):
        assert selection.entries[f"tritgolf.model.{registry}"] == {kind}
    assert selection.known["TANH"] == (kind == "tanh")


def test_a_log_calls_an_artifact_by_what_it_holds():
    names = ("ternary_v2", "ternary_best", "hybrid_ternary", "int6_slot", "best_int4")
    called = [script.settings_of(load_record(name, RECORDS))["grids"] for name in names]
    assert called == ["ternary", "ternary", "ternary", "int6", "int4"]
    assert script.settings_of(load_record("tiny_slot", RECORDS, {"export": ALL_NUMBERS}))["grids"] == "numbers"


def test_the_honest_int6_record_fits_with_its_script():
    """By the entropy of normal weights. It has GPTQ and the coder to spare: it takes the hash
    embedding's codes whole, at 6 bits, and scales uncompressed.
    """
    record = load_record("int6_honest", RECORDS)
    estimate = coded_bytes(parameters_of(record.model), record.export.storage(record.export.own_storage))
    assert estimate is not None
    total = estimate + len(script.script_of(record))
    assert 0.99 * record.export.byte_limit < total < record.export.byte_limit


def test_a_script_says_only_signs_that_it_knows_plain_words_for():
    plain = {"▁", *"⁰¹²³⁴⁵⁶⁷⁸⁹⁻", chr(0x10FFFD)}  # superscripts have a rule; the last is only a place's mark
    trees = [ast.parse(source) for source in made_sources("tiny").modules.values()]
    said = [node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    assert {sign for text in said if isinstance(text, str) for sign in text if not sign.isascii()} <= plain


def test_a_grid_that_a_model_is_trained_on_alone_is_in_the_script():
    record = load_record("tiny_slot", RECORDS, {"export": ALL_NUMBERS})
    selection = selection_of(BundledRecord.model_validate(script.settings_of(record)))
    assert selection.entries["tritgolf.quantize.plan:QUANTIZERS"] == {"integer"}
    assert "IntegerConfig" not in selection.absent
    assert "TritsConfig" in selection.absent


def test_fp8_products_are_in_the_scripts_of_records_that_have_them_alone():
    for name, has_them in (("tiny_fp8", True), ("tiny", False)):
        sources = made_sources(name)
        assert ("flat:Fp8UNet" in sources.modules["flat"]) == has_them
        assert ("fp8." in sources.modules["flat"]) == has_them  # the names of their state


def test_it_is_written_once_and_again_when_it_is_damaged_or_the_record_is_another(tmp_path, monkeypatch):
    monkeypatch.setattr(script, "sources_of", lambda record: script.Sources({}, "", {}))
    monkeypatch.setattr(script, "_packed", lambda record, sources: record.name.encode())
    record, path = load_record("tiny", RECORDS), tmp_path / "train_gpt.py"
    assert script.write_script(record, path) == 4
    made = path.stat().st_mtime_ns
    assert (script.write_script(record, path), path.stat().st_mtime_ns) == (4, made)
    path.write_text("tin")
    assert (script.write_script(record, path), path.read_text()) == (4, "tiny")
    assert script.write_script(load_record("tiny_int6", RECORDS), path) == 9


def test_exports_that_ask_at_once_have_it_made_by_one_of_them(tmp_path, monkeypatch):
    record, path, made = load_record("tiny", RECORDS), tmp_path / "script" / "train_gpt.py", []
    other, has_come = threading.Thread(target=script.write_script, args=(record, path)), threading.Event()

    def lock(path):
        if threading.current_thread() is other:
            has_come.set()
        return FileLock(path)

    def making(record):
        made.append(threading.current_thread())
        if len(made) == 1:
            other.start()
            assert has_come.wait(TIMEOUT)
        has_come.set()  # where it waits for nobody
        return script.Sources({}, "", {})

    monkeypatch.setattr(script, "FileLock", lock)
    monkeypatch.setattr(script, "sources_of", making)
    script.write_script(record, path)
    other.join()
    assert made == [threading.main_thread()]


@pytest.fixture
def refused(tmp_path, dataset, capsys, monkeypatch):
    """What a script that trains nothing says in one line, by options that are laid over those that would do."""
    monkeypatch.setattr(bundle_run, "run", None)

    def told(*options):
        data = ("--data", dataset / "shards", "--tokenizer", dataset / "tokenizer" / "tokenizer.model")
        given = [*data, "--out", tmp_path / "run", "--device", "cpu", *options]
        with pytest.raises(SystemExit) as ended:
            bundle_run.main(script.settings_of(load_record("tiny", RECORDS)), 1, list(map(str, given)))
        assert ended.value.code == 2
        return capsys.readouterr().err

    return told


def test_what_would_fail_after_the_training_is_told_before_it(refused, tmp_path):
    (tmp_path / "other.model").write_text("x")
    assert refused("--tokenizer", tmp_path / "none.model").startswith(f"error: {tmp_path}/none.model: is missing")
    assert "other.model: is not the tokenizer that made the shards" in refused("--tokenizer", tmp_path / "other.model")
    told = refused("--steps", 0)
    assert told == "error: --steps or --seconds: steps: 0: Input should be greater than 0\n"


@pytest.mark.parametrize("seed", ["abc", "", "-1", "1.5", "1" * 20, str(1 << 63)])
def test_a_seed_that_is_none_is_told_where_it_was_said(refused, monkeypatch, seed):
    line = f"error: SEED or --seed: {seed!r} is no whole number from 0 on, below 2^63; give one\n"
    assert refused("--seed", seed) == line
    monkeypatch.setenv("SEED", seed)
    assert refused() == line


def test_a_log_goes_on_where_nobody_reads_what_is_printed(monkeypatch, tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as nobody:
        monkeypatch.setattr(sys, "stdout", nobody)
        bundle_run._tell(SimpleNamespace(seed=7, live=tmp_path / "live"), ["a", "b"])
        monkeypatch.undo()
        with contextlib.suppress(BrokenPipeError):
            nobody.close()
    assert (tmp_path / "train_seed7.log").read_text() == "a\nb\n"


def test_a_run_of_other_settings_is_not_replaced(refused, tmp_path):
    state, log = checkpoint.live_path(tmp_path / "run" / "live", 4), tmp_path / "run" / "train_seed42.log"
    checkpoint.save(state, {"a": torch.ones(2)}, {"step": 4, "configuration": "sha256:theirs"})
    log.write_text("step:4/24 …")
    assert f"{state}: is of other settings or data: delete it, or name another folder" in refused()
    assert state.exists() and log.read_text() == "step:4/24 …"


def test_bad_data_is_one_line(tmp_path):
    path = tmp_path / "train_gpt.py"
    path.write_bytes(made_script("tiny"))
    ended = run_alone(path, "--data", tmp_path / "nowhere")
    assert ended.returncode == 2
    assert ended.stderr == f"error: {tmp_path}/nowhere/manifest.json: is missing\n"
