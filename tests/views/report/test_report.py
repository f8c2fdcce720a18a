"""The report of a run: what is on the page, and what it needs."""

import html.parser
import io
import json
import pathlib
import re
import shutil
import sys

import numpy as np
import pytest
import rich.console

import keras_charrnn
from keras_charrnn.cli import main
from keras_charrnn.errors import ExtraError, RunError, WriteError
from keras_charrnn.runs.folder import RunFolder
from keras_charrnn.runs.records import in_bits
from keras_charrnn.training import callbacks
from keras_charrnn.views.report import write_plots, write_report
from keras_charrnn.views.report.plots import Plots
from keras_charrnn.views.report.samples import read_samples
from tests.conftest import tiny_recipe

pytestmark = pytest.mark.plots

PLOTS = {"loss", "learning_rate", "speed", "gradient_norm", "symbols"}
MARKUP = "<script>document.title = 'taken'</script><img src=http://example.org/x.png>&amp;"
HOSTILE = MARKUP + "\x07\x00"


def train(folder):
    console = rich.console.Console(file=io.StringIO())
    run = keras_charrnn.fit(tiny_recipe(folder), {"samples.every_epochs": 1}, folder, console=console)
    assert (run.folder / "report.html").is_file()  # fit has written it
    for name, text in (("epoch-003", HOSTILE), ("step-000010", "old")):
        (run.folder / "samples" / f"{name}.txt").write_text(
            f"--- {name.replace('-', ' ')}, temperature 2 ---\n{text}\n"
        )
    with (run.folder / "recipe.yaml").open("a") as file:
        file.write(f"# {MARKUP}\n")
    write_report(run.folder)


@pytest.fixture
def run(once):
    """Return a copy of a run with hostile samples and recipe, and a report of them."""
    shutil.copytree(once("reported", train) / "tiny-001", "runs/tiny-001")
    return keras_charrnn.Run.open("runs/tiny-001")


def test_the_report_is_readable_at_every_width_in_light_and_dark(run, browser):
    page = run.folder / "report.html"
    for width in (400, 1400):
        for mode in ("light", "dark"):
            found = browser.look(page, width, mode)
            assert found["width"] <= width
            assert found["plots"] == [True] * len(PLOTS)
            assert found["contrast"] > 4.5, (width, mode)
            assert (found["paper"] > 0.5) == (mode == "light")
            assert found["scripts"] == 0 and found["title"] == "tiny-001: report"
    ids = browser.run("return [...document.querySelectorAll('[id]')].map(each => each.id)")
    assert len(ids) == len(set(ids))
    shown = browser.run("return document.body.innerText")
    assert shown.count(MARKUP) == 2 and MARKUP + "\ufffd\ufffd" in shown
    assert "gru" in shown and "batch_size: 4" in shown and "tensorflow" in shown


def test_every_figure_of_the_run_is_in_the_report(run):
    page = (run.folder / "report.html").read_text()
    for row in run.history:
        for name in ("loss", "val_loss", "bits_per_character", "val_bits_per_character", "gradient_norm"):
            assert f"<td>{row[name]:,.4f}</td>" in page
        assert f"<td>{row['characters_per_second']:,}</td>" in page and f"<td>{row['clipped']:.1%}</td>" in page
    assert f"{run.metrics['val_loss']:.4f} nats" in page and f"{run.model.count_params():,}" in page
    environment = json.loads((run.folder / "environment.json").read_text())
    assert environment["corpus"]["sha256"] in page and environment["machine"]["processor"] in page
    for symbol, glyph in (("z", "z"), (" ", "␣"), ("\n", "⏎")):
        assert f"<td>{glyph}</td><td>{environment['vocabulary']['counts'][symbol]:,}</td>" in page


def test_the_page_names_no_address_but_in_escaped_text(run):
    page = (run.folder / "report.html").read_text()
    assert set(re.findall(r"\w+://[^\s&]*", page)) == {"http://example.org/x.png"}
    asked = []

    class Reader(html.parser.HTMLParser):
        def handle_starttag(self, tag, attributes):
            asked.extend(value for name, value in attributes if name in ("src", "href", "srcset", "data", "action"))

    Reader().feed(page)
    assert asked and all(each.startswith("#") for each in asked + re.findall(r"url\((.)", page))


def test_the_same_run_gives_the_same_report(run):
    page = (run.folder / "report.html").read_bytes()
    write_report(run.folder)
    assert (run.folder / "report.html").read_bytes() == page


def test_the_plots_are_pictures_too(run, capsys):
    assert main(["report", str(run.folder), "--png"]) == 0
    out = capsys.readouterr().out
    assert f"report in {run.folder}/report.html" in out and f"plot in {run.folder}/plots/loss.png" in out
    plots = {path.name: path.read_bytes() for path in (run.folder / "plots").iterdir()}
    assert set(plots) == {f"{name}.png" for name in PLOTS}
    assert all(data.startswith(b"\x89PNG") for data in plots.values())


def test_without_matplotlib_there_are_tables_and_advice(run, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # an import of it fails
    page = write_report(run.folder).read_text()
    assert "<svg" not in page and "pip install &#x27;keras-charrnn[plots]&#x27;" in page
    assert f"<td>{run.metrics['val_loss']:,.4f}</td>" in page and "<details open><summary>Every epoch" in page
    with pytest.raises(
        ExtraError, match=r"plots need Matplotlib; install it with: pip install 'keras-charrnn\[plots\]'"
    ):
        write_plots(run.folder)
    assert main(["report", str(run.folder), "--png"]) == 2
    assert "plots need Matplotlib" in capsys.readouterr().err


def test_a_run_without_epochs_or_environment_has_a_report(tmp_path, browser):
    folder = RunFolder.create(tmp_path, "new")
    folder.recipe.write_text("corpus: {name: python_stdlib}\n")
    page = write_report(folder.path)
    assert "No epoch has ended yet." in page.read_text()
    assert browser.look(page, 400)["width"] <= 400
    assert write_plots(folder.path) == []


@pytest.mark.parametrize(
    ("losses", "facts"),
    [
        ({"val_loss": 1.75}, "<td>1.7500</td>"),
        ({"val_part_loss": 1.75}, "on the part that looks read"),
    ],
)
def test_the_report_of_one_epoch_shows_a_curve_by_step(tmp_path, losses, facts):
    folder = RunFolder.create(tmp_path, "once")
    folder.recipe.write_text("")
    (name, best), further = *losses.items(), {"gradient_norm": 0.5, "learning_rate": 0.1}
    rows = [
        {"epoch": 1, "step": 10 * n, "within": n / 4, "loss": 3 - n / 2, name: loss, in_bits(name): 1.0, **further}
        for n, loss in enumerate((2.5, best, 2.0, 2.25), start=1)
    ]
    rows.append({"epoch": 1, "step": 40, "loss": 1.5, "val_loss": 2.25, "val_bits_per_character": 1.0, **further})
    clock = [{name: row[name] for name in row if name in ("epoch", "step", "within")} for row in rows]
    timing = [{**row, "characters_per_second": 5, "seconds": float(n)} for n, row in enumerate(clock)]
    folder.metrics.write_text("\n".join(map(json.dumps, rows)))
    folder.timing.write_text("\n".join(map(json.dumps, timing)))
    page = write_report(folder.path).read_text()
    assert ">20<" in page and "in epoch 1; epochs: 1 that have ended" in page and facts in page
    assert ">step<" in page and ">epoch 1<" in page and "Within the epochs" in page
    drawn = Plots(folder.read_metrics(), folder.read_progress(), {})
    axes = drawn._matplotlib.figure.Figure().add_subplot()
    drawn._draw_loss(axes)
    lines = {line.get_label(): np.transpose(line.get_data()).tolist() for line in axes.get_lines()}
    assert lines["train"] == [[10, 2.5], [20, 2.0], [30, 1.5], [40, 1.0]]
    label = "validation" if name == "val_loss" else "validation, a part"
    assert lines[label] == [[10, 2.5], [20, 1.75], [30, 2.0], [40, 2.25]]
    assert name == "val_loss" or lines["validation"] == [[40, 2.25]]


def test_losses_that_are_no_numbers_are_shown_as_such(tmp_path):
    folder = RunFolder.create(tmp_path, "wild")
    folder.recipe.write_text("")
    row = {
        "epoch": 1, "loss": float("nan"), "val_loss": float("inf"), "val_bits_per_character": float("inf"),
        "gradient_norm": float("nan"), "learning_rate": 1.0, "characters_per_second": 5, "seconds": 1.0,
        "averaged_loss": 2.5,
    }  # fmt: skip
    folder.metrics.write_text(json.dumps(row))
    page = write_report(folder.path).read_text()
    assert "Diverged" in page and "<td>nan</td>" in page and "averaged loss" in page


def test_many_symbols_and_samples_are_bounded(run):
    environment = json.loads((run.folder / "environment.json").read_text())
    environment["vocabulary"]["counts"] = {chr(0x4E00 + n): 7 for n in range(3000)}
    (run.folder / "environment.json").write_text(json.dumps(environment))
    for n in range(50):
        (run.folder / "samples" / f"step-{n:06d}.txt").write_text(f"--- step {n}, temperature 1 ---\nx\n")
    page = write_report(run.folder).read_text()
    assert "2,900 further symbols are 20,300 of the text together." in page
    assert "The 23 earlier sets are in samples/." in page


@pytest.mark.parametrize("name", ["metrics.jsonl", "environment.json"])
def test_a_damaged_file_is_named(run, name):
    (run.folder / name).write_text('{"a')
    with pytest.raises(RunError, match=f"{re.escape(name)} is damaged"):
        write_report(run.folder)


def test_a_report_that_cannot_be_written_says_so(run, capsys):
    pathlib.Path(run.folder, "report.html").unlink()
    pathlib.Path(run.folder, "report.html").mkdir()
    pathlib.Path(run.folder, "plots").write_text("in the way")
    with pytest.raises(WriteError, match=r"report\.html cannot be written: Is a directory"):
        write_report(run.folder)
    with pytest.raises(WriteError, match="plots cannot be made: File exists"):
        write_plots(run.folder)
    assert main(["report", str(run.folder)]) == 1
    assert "cannot be written" in capsys.readouterr().err
    assert main(["report", "runs/none-001"]) == 2
    assert not list(run.folder.glob(".*"))


def test_samples_are_read_back_as_they_were_made(make_model, tmp_path):
    made, model = [], make_model()
    writer = callbacks.Samples(
        [0, 0.5], prefix="the ", length=30, folder=tmp_path, show=lambda title, text: made.append(text)
    )
    writer.set_model(model)
    for epoch in (899, 999):
        writer.on_epoch_end(epoch)
    sets = read_samples(tmp_path)
    assert [each.when for each in sets] == ["epoch 900", "epoch 1000"]
    assert [text for each in sets for text in each.texts] == list(
        zip(["temperature 0", "temperature 0.5"] * 2, made, strict=True)
    )
