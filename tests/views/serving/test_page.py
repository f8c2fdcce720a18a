"""The page to write with, in headless Chromium: the served one, and the exported file."""

import json
import pathlib
import shutil
import subprocess
import time

import keras
import numpy as np
import pytest

import keras_charrnn
from keras_charrnn.errors import SettingsError
from keras_charrnn.model.export.html import cost_of
from keras_charrnn.model.export.wasm import module
from keras_charrnn.views.inspection import find_units, trace
from tests.browser import open_browser
from tests.conftest import TEXT

axe = pytest.importorskip("axe_core_python")


@pytest.fixture(scope="module")
def browser():
    with open_browser() as found:
        yield found


@pytest.fixture(scope="module")
def file(trained, tmp_path_factory):
    """Return the exported page of the model `one`, with weights in float32."""
    path = tmp_path_factory.mktemp("file") / "one.html"
    keras_charrnn.load(trained.folder).export(path, "html", precision="float32")
    return path


@pytest.fixture(params=["served", "file"])
def address(request, served, file):
    return served.address + "/" if request.param == "served" else file.as_uri()


class Page:
    """A page that is open."""

    def __init__(self, browser, address, width=1600, mode="light"):
        self._driver, self._address = browser.driver, address
        browser.driver.get("about:blank")
        browser.open(address, width, mode, height=1000)
        self.until("return model && document.querySelectorAll('#alternatives button').length > 0")

    def do(self, script):
        return self._driver.execute_script(script)

    def do_async(self, script):
        """Return what the script hands to `done`."""
        return self._driver.execute_async_script(f"const done = arguments[0]; {script}")

    def until(self, script):
        deadline = time.monotonic() + 20
        while not self.do(f"try {{ {script} }} catch {{ return false }}"):
            assert time.monotonic() < deadline, self.do("return document.getElementById('status').textContent")
            time.sleep(0.05)

    def type(self, *keys):
        from selenium.webdriver.common.by import By

        self._driver.find_element(By.ID, "text").send_keys(*keys)

    def set(self, **values):
        for name, value in values.items():
            self.do(f"$({json.dumps(name)}).value = {json.dumps(value)}")
            for event in ("input", "change"):
                self.do(f"$({json.dumps(name)}).dispatchEvent(new Event('{event}'))")

    def write(self):
        self.do("write()")
        self.settled()

    def settled(self):
        self.until("return running === null && seen && seen.text === text.value")

    @property
    def text(self):
        return self.do("return text.value")

    def check_quiet(self):
        """Fail if the page wrote to the console, or asked anything of another than its server.

        That the server has refused something, Chromium itself writes there.
        """
        logged = self._driver.get_log("browser")
        assert [
            each for each in logged if not (each["source"] == "network" and "status of 400" in each["message"])
        ] == []
        events = [json.loads(entry["message"])["message"] for entry in self._driver.get_log("performance")]
        asked = [each["params"]["request"]["url"] for each in events if each["method"] == "Network.requestWillBeSent"]
        own = self._address.rpartition("/")[0]
        assert all(each.startswith((own, "data:", "about:", "blob:")) for each in asked), asked


@pytest.fixture
def page(browser, address):
    made = Page(browser, address)
    yield made
    made.check_quiet()


def test_one_writes_takes_an_alternative_goes_back_and_forth_and_saves(page):
    page.type("the qu")
    page.settled()
    page.set(length="40", seed="3")
    page.write()
    written = page.text
    assert written.startswith("the qu") and len(written) == 46
    assert page.do("return $('status').textContent").startswith("40 characters, ")
    page.do("text.focus(); text.selectionStart = text.selectionEnd = 10")
    page.until(f"return $('alternatives-title').textContent === 'In place of ' + shown({json.dumps(written[10])})")
    chosen = page.do("return [...$('alternatives').querySelectorAll('.symbol')].map(each => each.textContent)")
    assert len(chosen) == 10
    place = next(i for i, each in enumerate(chosen) if each not in ("␣", "⏎", written[10]))
    page.do(f"$('alternatives').querySelectorAll('button')[{place}].click()")
    page.settled()
    assert page.text.startswith(written[:10] + chosen[place]) and len(page.text) == 51
    other = page.text
    page.do("undo(); undo()")
    assert page.text == written
    page.do("redo(); redo()")
    assert page.text == other
    labels = page.do("return [...$('branches').querySelectorAll('button')].map(each => each.textContent)")
    assert len(labels) == 1 and labels[0].startswith("after ")
    page.do("undo(); undo()")
    page.write()  # another branch
    assert page.do("return $('branches').childElementCount") == 2
    page.do("save()")
    assert page.do("return $('status').textContent").startswith("saved ")


def test_colours_and_units_change_with_what_is_asked_for(page):
    page.type(TEXT[:120])
    page.settled()

    def colours():
        return page.do("return [...colours.querySelectorAll('span')].map(each => each.style.background)")

    surprise = colours()
    assert len(surprise) == 120 and surprise[0] == "" and len(set(surprise)) > 10
    page.set(colour="unit")
    page.until("return $('named').childElementCount > 0 && seen.activity")
    unit = colours()
    assert unit != surprise and len(set(unit)) > 10
    assert page.do("return $('activity').querySelector('path').getAttribute('d')").startswith("M0.0,")
    page.do("$('named').querySelector('button').click()")
    page.until(
        "return seen.activity && $('unit').value === $('named').querySelector('.symbol').textContent.split('.').pop()"
    )
    page.set(unit="3")
    page.until("return seen.activity")
    page.set(colour="none")
    assert set(colours()) == {""}


def test_the_file_finds_the_units_that_the_package_finds(browser, file, trained):
    """It has the properties of a text and their correlations in JavaScript."""
    text = 'Said: "how vexingly\nquick" THE dog.\n' + TEXT[:90]
    model = keras_charrnn.load(trained.folder)
    text = "".join(each for each in text if each in model.vocabulary)
    ranked = find_units(trace(model, text), best=1)
    page = Page(browser, file.as_uri())
    found = page.do_async(f"engine.named(model, {json.dumps(text)}).then(done)")
    assert [(each["name"], each["unit"]) for each in found] == [
        (name, str(unit)) for name, units in ranked.items() for unit, _ in units
    ]
    for each in found:
        assert each["correlation"] == pytest.approx(ranked[each["name"]][0][1], abs=1e-4)
    page.check_quiet()


def test_the_keyboard_writes_stops_and_goes_back(page):
    from selenium.webdriver.common.keys import Keys

    page.type("a")
    page.set(length="30")
    page.type(Keys.CONTROL, Keys.ENTER)
    page.settled()
    assert len(page.text) == 31
    page.type(Keys.ALT, "z")
    assert page.text == "a"
    page.set(length="10000")
    page.do(  # as soon as there is something: a small model has written all of it in a fifth of a second
        "const watch = setInterval(() => { if (text.value.length > 40) { clearInterval(watch);"
        "document.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape'})); } }, 1)"
    )
    page.type(Keys.CONTROL, Keys.ENTER)
    page.settled()
    assert page.do("return $('status').textContent").startswith("stopped after ")


def test_a_mistake_is_a_sentence(page):
    page.do("$('allow-text').value = 'Ж'")
    page.do("write()")
    page.until("return $('status').className === 'problem'")
    assert "leaves none of the model's" in page.do("return $('status').textContent")


def test_models_are_compared_on_one_text_and_causes_are_shown(browser, served):
    page = Page(browser, served.address + "/")
    page.type("the quick")
    page.settled()
    page.do("$('all').click()")
    page.until(
        "return [...document.querySelectorAll('#continuations pre')].every(each => each.textContent.length >= 200)"
    )
    names = page.do("return [...document.querySelectorAll('#continuations h3')].map(each => each.textContent)")
    assert names == ["one", "two"]
    page.set(colour="causes")
    page.until("return causes && causes.length === 9")
    page.do("document.querySelectorAll('#continuations button')[1].click()")
    page.settled()
    assert len(page.text) == 209
    page.set(model="two")
    page.settled()
    page.check_quiet()


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 800, 1600])
def test_it_fits_and_is_accessible(browser, served, file, width, mode):
    script = (pathlib.Path(axe.__file__).parent / "axe.min.js").read_text()
    for address in (served.address + "/", file.as_uri()):
        page = Page(browser, address, width, mode)
        page.type("the quick brown fox\n" * 8)
        page.settled()
        page.do("document.querySelector('details').open = true")
        page.set(colour="unit")
        page.until("return $('named').childElementCount > 0")
        assert page.do("return document.scrollingElement.scrollWidth") <= width
        boxes = page.do(
            "const a = colours.getBoundingClientRect(), b = text.getBoundingClientRect();"
            "return [a.left - b.left, a.top - b.top, a.width - b.width, colours.clientWidth - text.clientWidth]"
        )
        assert boxes == [0, 0, 0, 0]  # the colours lie under their characters
        shown = page.do("return $('models-row').getBoundingClientRect().height > 0")
        assert shown == address.startswith("http")  # where there are several models
        browser.driver.execute_script(script)
        found = browser.driver.execute_async_script(
            "const done = arguments[0]; axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice']})"
            ".then(result => done(result.violations.map(each => [each.id, each.nodes.map(node => node.html)])))"
        )
        assert found == []
        page.check_quiet()


def greedy(source, prefix, count):
    """Have Node run a page's model; return what it writes, and whether by WebAssembly."""
    script = source.split("<script>")[1].split("</script>")[0].split("// The engine of an exported file")[0]
    script += f"""
    const model = new Model(), states = model.initial(), ids = model.encode({json.dumps(prefix)});
    let logits = null, text = "";
    for (const id of ids) logits = model.step(id, states);
    for (let i = 0; i < {count}; i++) {{
      const id = draw(logits, {{temperature: 0}});
      text += model.symbols[id];
      logits = model.step(id, states);
    }}
    console.log(JSON.stringify([text, model.fast]));
    """
    done = subprocess.run(["node", "-"], input=script, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
MODELS = [
    {"cell": "lstm", "layers": 2},
    {"cell": "layer_norm_lstm", "embedding": "one_hot"},
    {"cell": "rms_norm_lstm", "ngrams": 3, "normalization": "rms", "residual": True, "feed_forward": 16},
    {"cell": "gru", "tie_embedding": True, "embedding": 12, "fresh_lines": True},
    {"cell": "rhn"},
    {"cell": "own_coupled", "layers": 2},
    *({"cell": cell} for cell in sorted(keras_charrnn.registry.cells.names())),
]


@needs_node
@pytest.mark.parametrize("settings", MODELS, ids=str)
def test_the_file_writes_the_packages_200_greedy_characters(make_model, tmp_path, settings):
    model = make_model(**settings)
    model.export(tmp_path / "model.html", "html", precision="float32")
    found, fast = greedy((tmp_path / "model.html").read_text(), "the quick", 200)
    assert fast and found == model.generate("the quick", 200, temperature=0)[9:]


@keras_charrnn.register_cell("sorting")
class Sorting(keras_charrnn.GatedCell):
    gates = ("new",)

    def combine(self, zx, zr, states):
        return {"h": keras.ops.tanh(keras.ops.sort(zx + zr))}


@keras_charrnn.register_cell("own_coupled")
class Coupled(keras_charrnn.GatedCell):
    """As a user would write one."""

    gates = ("forget", "output", "candidate")
    states = ("h", "c")

    def combine(self, zx, zr, states):
        f, o, g = keras.ops.split(zx + zr, 3, axis=-1)
        f = keras.ops.sigmoid(f)
        c = f * states["c"] + (1 - f) * keras.ops.tanh(g)
        return {"h": keras.ops.sigmoid(o) * keras.ops.tanh(c), "c": c}


def test_a_cell_without_counterpart_and_another_unit_are_one_line(make_model, tmp_path, monkeypatch):
    with pytest.raises(SettingsError, match=r"html: the operation \w+ of the model has no counterpart in JavaScript"):
        make_model(cell="sorting").export(tmp_path / "a.html", "html")
    words = keras_charrnn.vocabularies.WordVocabulary.from_text(keras_charrnn.corpora.from_text("a", TEXT, "a.txt"))
    model = keras_charrnn.CharRNN(words, "gru", units=8)
    with pytest.raises(SettingsError, match="units of character or byte; this model's unit is word"):
        model.export(tmp_path / "a.html", "html")
    with pytest.raises(SettingsError, match="precision is of the weights in html, int8 or float32"):
        make_model().export(tmp_path / "a.npz", "weights", precision="int8")
    assert not list(tmp_path.glob("*.html"))


@needs_node
def test_without_webassembly_it_writes_the_same_slower(make_model, tmp_path):
    model = make_model()
    model.export(tmp_path / "model.html", "html", precision="float32")
    source = (tmp_path / "model.html").read_text()
    found, fast = greedy(source.replace("new WebAssembly.Module", "null.none"), "the quick", 200)
    assert not fast and found == model.generate("the quick", 200, temperature=0)[9:]


def test_whole_numbers_cost_less_than_a_hundredth_of_a_nat(trained, tmp_path):
    model = keras_charrnn.load(trained.folder)
    before = model.get_weights()
    exact, whole = cost_of(model, "int8", TEXT)
    assert exact != whole and abs(exact - whole) < 0.01
    assert exact == pytest.approx(model.score(TEXT).nats_per_character)
    assert all(np.array_equal(*each) for each in zip(before, model.get_weights(), strict=True))
    model.export(tmp_path / "small.html", "html")
    model.export(tmp_path / "large.html", "html", precision="float32")
    assert (tmp_path / "small.html").stat().st_size < (tmp_path / "large.html").stat().st_size


def test_the_module_for_products_is_small_and_begins_as_one():
    assert module().startswith(b"\0asm\1\0\0\0") and len(module()) < 600
