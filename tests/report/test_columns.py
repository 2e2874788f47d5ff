"""Systems without trits, and with other evaluation methods, in the tables that the ternary ones have."""

import json
from dataclasses import replace

import pytest

from tests.report import synthetic
from tests.report.test_metrics import metrics_files
from tests.small import REPOSITORY
from tritgolf.report.applies import applies
from tritgolf.report.catalogue import draw
from tritgolf.report.columns import WINDOWS
from tritgolf.report.comparisons import published_table, records_table
from tritgolf.report.frames import score_frame, seed_frame
from tritgolf.report.kept_table import kept_table
from tritgolf.report.laboratory_tables import grid_table, length_table
from tritgolf.report.metrics import load_run
from tritgolf.report.notes import headline_notes
from tritgolf.report.plots import score_plot
from tritgolf.report.published import read_published, systems
from tritgolf.report.record_facts import mechanisms
from tritgolf.report.schemas import EvaluateMetrics
from tritgolf.report.seed_columns import columns_of, method_columns
from tritgolf.report.tables import checkpoints_table, roundtrip_table, seeds_table

PUBLISHED = REPOSITORY / "published"
OF_TRITS = {
    "zero_fraction", "record_zero_fraction", "trits_changed", "estimator", "ternary_weights", "threshold",
}  # fmt: skip


def without_trits(value):
    if isinstance(value, list):
        return [without_trits(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {key: without_trits(each) for key, each in value.items() if key not in OF_TRITS}


def strip(path):
    """A file of metrics or a log, without what it says of trits."""
    texts = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
    stripped = [json.dumps(without_trits(json.loads(text))).replace('"bitmask"', '"int_bits"') for text in texts]
    path.write_text("\n".join(stripped) + "\n")


def evaluated(seed, **methods):
    """The seed's evaluation with these methods: name → (BPB, seconds, whether it is causal)."""
    content = seed.evaluate.model_dump()
    chunked, sliding = (content["methods"][name] for name in ("chunked", "sliding"))
    chunked["record_bpb"] = chunked.pop("bpb_with_z_loss")
    scores = {
        name: {**sliding, "bpb": bpb, "seconds": seconds, "causality": {"causal": causal, "reason": "a test"}}
        | ({} if name == "sliding" else {"adapt": [name]})
        for name, (bpb, seconds, causal) in methods.items()
    }
    return EvaluateMetrics.model_validate(content | {"temperature": None, "methods": {"chunked": chunked} | scores})


@pytest.fixture
def transformer(tmp_path):
    """A synthetic run of #1716's kind: no trits, no temperature, two methods besides windows, one of which leaks."""
    folder = synthetic.write_run(tmp_path / "int6", "demo")
    for path in metrics_files(folder):
        strip(path)
    run = load_run(folder)
    for seed in run.seeds:
        ttt = 2.4 + synthetic.OFFSET[seed.seed]
        found = evaluated(seed, sliding=(2.45, 100, True), ttt=(ttt, 300.5, True), slot=(1.1, 20, seed.seed != 7))
        seed.evaluations = {"final": found}
    return run


SHOWN = [
    "seed", "steps", "ms/step", "training s", "sliding BPB", "ttt BPB", "slot BPB", "val BPB", "RT BPB", "RT gap",
    "evaluation s", "artifact bytes", "code bytes", "total bytes", "fits",
]  # fmt: skip


def test_a_system_without_trits_has_its_own_columns_and_none_of_theirs(transformer):
    table = seeds_table(transformer)
    assert list(table.cells.columns) == SHOWN
    assert table.cells["ttt BPB"].tolist() == ["2.4000", "2.4030", "2.3980", "2.4003", "0.0025"]
    assert table.cells["evaluation s"][0] == "420.5"
    assert not set(table.frame.columns) & (OF_TRITS | {"best_temperature"})
    text = table.markdown()
    assert not any(word in text for word in (" trits", "Zero fraction", "temperature"))
    assert "Artifact: storage bf16, layout int_bits." in text


def test_a_score_that_is_not_causal_is_marked_in_every_table(transformer):
    marked = "1.1000 (not causal)"
    seeds = seeds_table(transformer)
    assert seeds.cells["slot BPB"].tolist() == ["1.1000", "1.1000", marked, marked, "0.0000"]
    assert "Not causal: slot." in seeds.markdown()
    assert records_table([transformer]).cells["slot BPB"].tolist() == ["1.1000 ± 0.0000 (not causal)"]
    beside = published_table(transformer, read_published(PUBLISHED / "pr1722")).cells.set_index("figure")
    assert beside.loc["slot BPB"].iloc[1] == "1.1000 ± 0.0000 (not causal)"
    assert beside.loc["slot BPB"].iloc[0].endswith(" (not causal)")  # the same method, published
    assert beside.loc["ttt BPB"].iloc[0].count("(") == 0
    assert [text for text in seeds.cells["ttt BPB"] if "causal" in text] == []


def test_a_score_that_says_itself_that_it_fits_its_targets_is_marked_whatever_the_probe_could_tell(transformer):
    for seed in transformer.seeds:
        content = seed.evaluate.model_dump()
        content["methods"]["chunked"]["record_bpb"] = content["methods"]["chunked"].pop("bpb_with_z_loss")
        content["methods"]["slot"] |= {"causality": {"causal": None, "reason": ""}, "mark": "not causal"}
        seed.evaluations = {"final": EvaluateMetrics.model_validate(content)}
    assert set(seeds_table(transformer).cells["slot BPB"][:4]) == {"1.1000 (not causal)"}


def test_a_score_that_counts_targets_twice_is_marked_in_every_table_and_plot(folder):
    run = load_run(folder)
    for seed in run.seeds:
        found = evaluated(seed, sliding=(2.45, 1, True))
        causality = found.sliding.causality.model_copy(update={"scored_again": 1984})
        twice = found.sliding.model_copy(update={"causality": causality, "mark": "targets twice"})
        seed.evaluations = {"final": found.model_copy(update={"methods": {**found.methods, "sliding": twice}})}
    marked = "2.4500 ± 0.0000 (targets twice)"
    table = seeds_table(run)
    assert table.cells["sliding BPB"][0] == "2.4500 (targets twice)"
    assert "1,984 scores are of targets that had one" in table.markdown()
    assert "Not causal" not in table.markdown()
    assert table.frame["sliding_mark"][0] == "targets twice"
    by_raw_bytes = seed_frame(run).assign(byte_counting="raw", raw_per_published_byte=1.0)
    notes = [note for note in headline_notes(run, by_raw_bytes) if "sliding BPB by" in note]
    assert [note.count("(targets twice)") for note in notes] == [1]
    assert records_table([run]).cells["sliding BPB"].tolist() == [marked]
    assert checkpoints_table(run).cells["sliding BPB"].tolist() == [marked]
    legends = [text.get_text() for text in draw("sliding", run).legends[0].get_texts()]
    assert [text for text in legends if "targets twice" in text] == [legends[1]]


def test_other_methods_are_in_the_table_of_checkpoints_and_beside_sliding_windows(transformer):
    table = checkpoints_table(transformer)
    assert list(table.cells.columns)[2:7] == ["chunked BPB", "sliding BPB", "sliding gains", "ttt BPB", "slot BPB"]
    assert table.cells["ttt BPB"].tolist() == ["2.4003 ± 0.0025"]
    assert table.cells["slot BPB"].tolist() == ["1.1000 ± 0.0000 (not causal)"]
    lines = {line.get_label().partition(":")[0]: line for line in score_plot(score_frame(transformer)).axes[0].lines}
    assert list(lines["ttt"].get_xdata()) == [2.4, 2.403, 2.398]


def test_a_run_without_chunked_scores_has_its_tables_and_its_plot(transformer):
    """Methods may be scored one at a time, and chunked be left out."""
    for seed in transformer.seeds:
        for checkpoint, found in seed.evaluations.items():
            kept = {name: score for name, score in found.methods.items() if name != "chunked"}
            seed.evaluations[checkpoint] = found.model_copy(update={"methods": kept})
    assert checkpoints_table(transformer).cells[["chunked BPB", "sliding gains"]].iloc[-1].tolist() == ["—", "—"]
    assert seeds_table(transformer).cells["sliding BPB"][0] == "2.4500"
    labels = [line.get_label().partition(":")[0] for line in score_plot(score_frame(transformer)).axes[0].lines]
    assert "chunked" not in labels and "ttt" in labels


def only(run, *names):
    """The run, scored by these methods alone."""
    for seed in run.seeds:
        for checkpoint, found in seed.evaluations.items():
            kept = {name: found.methods[name] for name in names}
            seed.evaluations[checkpoint] = found.model_copy(update={"methods": kept})
    return run


def test_a_run_scored_side_by_side_alone_has_its_tables(transformer):
    """So is the contest's first record, whose score is that of its roundtrip."""
    run = only(transformer, "chunked")
    seeds = seeds_table(run)
    assert [name for name in seeds.cells if "BPB" in name] == ["chunked BPB", "val BPB", "RT BPB"]
    assert not [name for name in seeds.frame if "sliding" in name or name == "stride"]
    assert "sliding" not in seeds.markdown().lower()
    assert "windows side by side" in seeds.markdown()
    by_raw_bytes = seed_frame(run).assign(byte_counting="raw", raw_per_published_byte=1.0)
    assert [note for note in headline_notes(run, by_raw_bytes) if "; chunked BPB by" in note]
    assert list(checkpoints_table(run).cells) == ["step", "seeds", "chunked BPB"]
    assert seeds.cells["chunked BPB"][0] == f"{run.seeds[0].evaluate.chunked.bpb:.4f}"
    assert kept_table({"run": run}).frame["scored"].tolist() == ["chunked"]
    assert draw("sliding", run).axes[0].lines


def test_records_scored_in_different_ways_stand_side_by_side(transformer, folder):
    table = records_table([load_run(folder), only(transformer, "chunked")])
    assert table.cells["sliding BPB"].tolist()[1] == table.cells["chunked BPB"].tolist()[0] == "—"
    assert "—" not in (table.cells["sliding BPB"][0], table.cells["chunked BPB"][1])


def test_records_side_by_side_say_whose_scores_hold_the_z_loss_and_not_what_a_mode_would(transformer, folder):
    """#1716's record is faithful, and its published scores hold no z-loss."""

    def note(*with_it):
        facts = transformer.facts.model_copy(update={"mode": "faithful"})
        runs = [
            replace(transformer, facts=facts.model_copy(update={"name": f"r{n}", "headline_z_loss": each}))
            for n, each in enumerate(with_it)
        ]
        return records_table(runs).notes[0]

    assert "Val BPB, RT BPB and RT gap are pure cross-entropy." in note(False, False)
    assert "RT gap include the z-loss term, as published. Bytes" in note(True)
    assert "RT gap of r1 include the z-loss term, as published; others are pure" in note(False, True)


def test_a_run_scored_by_a_method_that_adapts_alone_has_its_tables_and_its_plot(transformer, folder):
    run = only(transformer, "ttt")
    seeds = seeds_table(run)
    assert [name for name in seeds.cells if "BPB" in name] == ["ttt BPB", "val BPB", "RT BPB"]
    by_raw_bytes = seed_frame(run).assign(byte_counting="raw", raw_per_published_byte=1.0)
    assert not [note for note in headline_notes(run, by_raw_bytes) if "BPB by" in note]
    assert checkpoints_table(run).cells["ttt BPB"].tolist() == ["2.4003 ± 0.0025"]
    labels = [line.get_label().partition(":")[0] for line in draw("sliding", run).axes[0].lines]
    assert "ttt" in labels and not {"sliding", "chunked"} & set(labels)
    titles = [draw("sliding", each).axes[0].get_title(loc="left") for each in (run, load_run(folder))]
    assert titles == ["Scores by method", "What more context is worth"]


@pytest.mark.parametrize(
    ("methods", "compares"),
    [
        ({"chunked": {"kind": "chunked"}}, False),
        ({"chunked": {"kind": "chunked"}, "ttt": {"kind": "sliding", "adapt": [{}]}}, True),
        (None, True),  # windows of both kinds
    ],
)
def test_scores_are_drawn_where_there_are_several_to_compare(folder, methods, compares):
    facts = load_run(folder).facts
    of_record = facts.model_copy(update=mechanisms({"evaluate": {"methods": methods}}))
    assert applies("sliding", of_record) is compares


def test_what_was_scored_is_told_by_its_name(transformer):
    averaged = transformer.facts.model_copy(update={"averages_weights": True})
    for run, called in ((transformer, "trained"), (replace(transformer, facts=averaged), "averaged")):
        assert any(note.startswith(f"Val BPB ({called} weights)") for note in seeds_table(run).notes)
    assert mechanisms({"train": {"average": {"decay": 0.99}}})["averages_weights"]
    assert not mechanisms({"train": {"average": None}})["averages_weights"]


def test_systems_side_by_side_have_the_columns_of_both(transformer, folder):
    cells = records_table([load_run(folder), transformer]).cells
    assert list(cells["ttt BPB"]) == ["—", "2.4003 ± 0.0025"]
    assert list(cells["longest evaluation s"]) == ["—", "420.5"]
    assert list(cells["val BPB"]) == ["2.5003 ± 0.0025"] * 2
    alone = records_table([load_run(folder)]).cells
    assert [name for name in alone if "ttt" in name or "evaluation" in name] == []


def test_each_system_is_compared_by_its_own_figures(transformer):
    rows = published_table(transformer, read_published(PUBLISHED / "pr1716")).cells.set_index("figure")
    assert rows.loc["ttt BPB"].tolist() == ["1.07882 ± 0.00014", "2.4003 ± 0.0025", "other text"]
    assert rows.loc["evaluation s"].iloc[:2].tolist() == ["479.2 ± 1.4", "420.5 ± 0.0"]
    assert rows.loc["code bytes"].tolist() == ["18,097 ± 0", "70,000 ± 0", "+51,903"]


def test_no_digest_depends_on_how_long_an_evaluation_took(transformer):
    def digests():
        beside = published_table(transformer, read_published(PUBLISHED / "pr1716"))
        return [table.digest for table in (seeds_table(transformer), records_table([transformer]), beside)]

    before, frame = digests(), seeds_table(transformer).frame
    for seed in transformer.seeds:
        ttt = seed.methods["ttt"].model_copy(update={"seconds": 9.0})
        changed = seed.evaluate.model_copy(update={"methods": seed.methods | {"ttt": ttt}})
        seed.evaluations = {"final": changed}
    assert not seeds_table(transformer).frame.equals(frame)
    assert digests() == before


def test_a_figure_that_this_run_lacks_is_not_known(folder):
    rows = published_table(load_run(folder), read_published(PUBLISHED / "pr1716")).cells.set_index("figure")
    assert rows.loc["ttt BPB"].iloc[1] == "—"
    assert rows.loc["evaluation s"].tolist()[1:] == ["—", "—"]


def test_no_other_table_tells_of_trits(transformer):
    tables = [make(transformer) for make in (roundtrip_table, checkpoints_table, grid_table, length_table)]
    assert [name for table in tables for name in table.cells if "trit" in name or "zero" in name or "z)" in name] == []
    assert len(tables[-1].cells) == 3


@pytest.mark.parametrize("system", systems(PUBLISHED))
def test_every_published_figure_is_compared_with_a_column_that_there_is(system, folder):
    known = {column.name for column in columns_of(load_run(folder))} | {"evaluation_seconds"}
    known |= {column.name for name in (*WINDOWS, "ttt", "slot") for column in method_columns(name)}
    published = read_published(PUBLISHED / system)
    assert {figure.figure for figure in published.figures.figures.values()} <= known
    assert len(published.seeds) > 0


def test_a_record_whose_windows_leak_says_so(folder):
    run = load_run(folder)
    assert "sliding_causal" not in seeds_table(run).frame
    for seed in run.seeds:
        seed.evaluations = {"final": evaluated(seed, sliding=(2.45, 1, False))}
    table = seeds_table(run)
    assert table.cells["sliding BPB"][0] == "2.4500 (not causal)"
    assert "Not causal: sliding." in table.markdown()
