"""An inspection as a page and in the terminal."""

import io
import json
import pathlib
import re

import keras
import numpy as np
import pytest
import rich.cells
import rich.console

import keras_charrnn
from keras_charrnn.cli import main
from keras_charrnn.model.evaluation import bits
from keras_charrnn.views import inspection
from tests.conftest import TEXT

MARKUP = "</script><script>document.title = 'taken'</script><i>&lt;</i>"


@pytest.fixture(scope="module")
def seen():
    """Return an inspection, made once for all tests, none of which changes it."""
    keras.utils.set_random_seed(1)
    text = f'Said: "{MARKUP}"\n' + TEXT[:300]
    model = keras_charrnn.CharRNN(keras_charrnn.Vocabulary(text), "lstm", 12, layers=2, embedding=6)
    return inspection.inspect(model, text)


def test_the_page_is_readable_at_every_width_in_light_and_dark(seen, browser, tmp_path):
    page = tmp_path / "page.html"
    page.write_text(inspection.to_html(seen, "a <b>model</b>", "Only the beginning."), encoding="utf-8")
    for width in (400, 1400):
        for mode in ("light", "dark"):
            found = browser.look(page, width, mode)
            assert found["width"] <= width and found["contrast"] > 4.5
            assert (found["paper"] > 0.5) == (mode == "light")
            assert found["title"] == "a <b>model</b>: inspection" and found["scripts"] == 2
            check_the_coloured_text(seen, browser)
            browser.check_quiet(page.resolve().as_uri())
    assert "Only the beginning." in browser.run("return document.body.innerText")


def check_the_coloured_text(seen, browser):
    characters = browser.run("return [...document.querySelectorAll('.surprise i')].map(each => each.textContent)")
    assert "".join(characters).replace("⏎\n", "\n") == seen.trace.text
    colors = browser.run(
        "return [...document.querySelectorAll('.surprise i')].map(each => getComputedStyle(each).backgroundColor)"
    )
    opacity = [float(re.findall(r"[\d.]+", color)[3]) if color.startswith("rgba") else 1.0 for color in colors]
    surprise = np.clip(np.floor(np.nan_to_num(bits(seen.trace.nats))), 0, 8)
    np.testing.assert_allclose(opacity, 0.75 * surprise / 8, atol=0.01)
    units = browser.run("return [...document.querySelectorAll('.units .text')].map(each => each.textContent)")
    assert [each.replace("⏎\n", "\n") for each in units] == [seen.trace.text] * len(seen.units)
    caused = browser.run("return document.querySelector('.causes').textContent")
    assert caused.replace("⏎\n", "\n") == seen.trace.text
    assert browser.run("return document.querySelectorAll('.causes .s8').length") >= 1  # the strongest
    assert browser.run("return document.querySelectorAll('.columns i').length") == 2 * 64
    assert browser.run("return [...document.querySelectorAll('.columns')].every(each => each.clientHeight > 50)")


def test_a_character_that_is_tapped_shows_its_guesses(seen, browser, tmp_path):
    page = tmp_path / "page.html"
    page.write_text(inspection.to_html(seen, "model"), encoding="utf-8")
    browser.look(page, 400)
    panel = "return document.getElementById('guesses').innerText"
    for place in (0, 8, 100):
        browser.run(f"document.querySelectorAll('.surprise i')[{place}].click()")
        words = browser.run(panel)
        if place == 0:
            assert "nothing predicts it" in words
            continue
        assert f"{bits(float(seen.trace.nats[place])):.2f}".rstrip("0").rstrip(".") + " bits" in words
        for share in seen.trace.probabilities[place]:
            assert f"{round(100 * float(share), 1):g} %" in words
    browser.run("document.querySelector('.surprise').dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight'}))")
    assert browser.run(
        "return [...document.querySelectorAll('.surprise i')].findIndex(each => each.classList.contains('chosen'))"
    ) == 101  # fmt: skip
    box = browser.run("return document.getElementById('guesses').getBoundingClientRect().toJSON()")
    assert box["left"] >= 0 and box["right"] <= 400 and box["bottom"] <= 901  # in sight, wherever the text is
    browser.check_quiet(page.resolve().as_uri())


def test_the_page_needs_no_network(seen):
    page = inspection.to_html(seen, "model")
    assert "://" not in page and "default-src 'none'" in page
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page)[1]
    assert len(json.loads(data)["ids"]) == len(seen.trace.text)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def printed(seen, width, color_system=None):
    out = Terminal()
    inspection.show(seen, rich.console.Console(file=out, width=width, color_system=color_system))
    return out.getvalue()


@pytest.mark.parametrize("width", [40, 80])
def test_the_terminal_has_every_character_and_its_guesses_below(seen, width):
    out = printed(seen, width)
    assert "\x1b" not in out and f"{seen.score.bits_per_character:.3f} bits" in out
    lines = out.splitlines()
    assert all(rich.cells.cell_len(line) <= width for line in lines)
    margin = max(len(str(unit)) for unit in seen.units) + 1
    rows = {label: "" for label in ("text", "bits", "1", "5", *map(str, seen.units))}
    for line in lines:
        if line[:margin].strip() in rows and not line.startswith("steps"):
            rows[line[:margin].strip()] += line[margin:]
    shown = seen.trace.text.replace(" ", "␣").replace("\n", "⏎")
    text = {label: row[: len(shown)] for label, row in rows.items()}
    assert text["text"] == shown
    symbols = seen.trace.symbols.replace(" ", "␣").replace("\n", "⏎")
    assert text["1"][1:] == "".join(symbols[each] for each in seen.trace.guesses[1:, 0])
    assert text["5"][1:] == "".join(symbols[each] for each in seen.trace.guesses[1:, 4])
    for unit in seen.units:
        heights = [" ▁▂▃▄▅▆▇█".index(each) for each in text[str(unit)]]
        activity = seen.trace.activity(unit)
        np.testing.assert_allclose(heights, 4 + 4 * activity / np.abs(activity).max(), atol=0.51)


def test_the_terminal_has_colours_unless_told_not_to(seen, monkeypatch):
    assert "\x1b[" in printed(seen, 80, "truecolor")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*[34]8;", printed(seen, 80, "truecolor"))


def test_wide_and_shapeless_characters_keep_the_columns(make_model):
    text = "漢字\u0301かな\x07\tab\n" * 60
    model = make_model(text=text)
    out = printed(inspection.inspect(model, text), 40)
    assert "漢字◌ かな◌ ⇥ a b ⏎" in out and "the first 480 of 600 characters" in out
    assert all(rich.cells.cell_len(line) <= 40 for line in out.splitlines())


@pytest.fixture
def model_file(make_model):
    make_model().save("model.keras")
    pathlib.Path("text.txt").write_text(TEXT)
    return "model.keras"


def test_the_program_prints_or_writes_a_page(model_file, capsys, monkeypatch):
    assert main(["inspect", model_file, "--text", "text.txt", "--characters", "100", "--units", "3,h.1"]) == 0
    out = capsys.readouterr().out
    assert "Only the first 100 characters were read" in out and "99 predicted characters" in out
    assert "1.h.3 " in out and "1.h.1 " in out
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"the lazy dog\r\n")))
    assert main(["inspect", model_file, "--text", "-", "--html", "page.html"]) == 0
    assert capsys.readouterr().out == "page in page.html\n"
    assert "model.keras reads" in pathlib.Path("page.html").read_text()


def test_a_line_of_ten_megabytes_is_cut_and_this_is_said(model_file, capsys):
    pathlib.Path("long.txt").write_text("the lazy dog " * 800_000)
    assert main(["inspect", model_file, "--text", "long.txt", "--html", "page.html"]) == 0
    assert "Only the first 4,000 characters were read" in capsys.readouterr().out
    page = pathlib.Path("page.html").read_text()
    assert "Only the first 4,000 characters were read" in page and len(page) < 2_000_000
    assert main(["inspect", model_file, "--text", "long.txt"]) == 0
    assert "the first 480 of 4,000 characters" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message", "status"),
    [
        (["--text", "none.txt"], "none.txt cannot be read: No such file or directory", 2),
        (["--text", "."], ". cannot be read: Is a directory", 2),
        (["--text", "empty.txt"], "empty.txt is empty", 2),
        (["--text", "latin.txt"], "latin.txt is not UTF-8", 2),
        (["--text", "snow.txt"], "the text has the character '☃'", 2),
        (["--text", "text.txt", "--units", "999"], "there is no unit '999'", 2),
        (["--text", "text.txt", "--characters", "0"], "the number of characters must be 1 or more; received 0", 2),
        (["--text", "text.txt", "--characters", "1"], "at least 2 characters", 2),
        (["--text", "text.txt", "--html", "none/page.html"], "none/page.html cannot be written: No such file", 1),
        (["--text", "text.txt", "--html", "folder"], "folder cannot be written: Is a directory", 1),
    ],
)
def test_a_mistake_is_one_message(model_file, capsys, arguments, message, status):
    pathlib.Path("empty.txt").write_text("")
    pathlib.Path("latin.txt").write_bytes("thé".encode("latin1"))
    pathlib.Path("snow.txt").write_text("the ☃")
    pathlib.Path("folder").mkdir()
    assert main(["inspect", model_file, *arguments]) == status
    out, err = capsys.readouterr()
    assert err.startswith("keras-charrnn: ") and message in err and "Traceback" not in err and out == ""
