"""`sample` with rules, with many beginnings, and for programs."""

import json
import pathlib
import re

import pytest

import keras_charrnn
from keras_charrnn.cli.main import main
from keras_charrnn.errors import RecipeError
from keras_charrnn.views.report.samples import read_samples


def sample(trained, *arguments):
    return main(["sample", str(trained.folder), *arguments])


def test_many_beginnings_are_json_lines_in_their_order(trained, capsys):
    pathlib.Path("b.txt").write_text("the \na lazy\nHow\n")
    arguments = ["--prefixes", "b.txt", "--json", "--length", "12", "--seed", "3", "--num-samples", "2"]
    assert sample(trained, *arguments) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["prefix"] for row in rows] == ["the ", "the ", "a lazy", "a lazy", "How", "How"]
    assert all(len(row["text"]) == row["symbols"] == 12 and row["ended"] == "length" for row in rows)
    found = trained.model.samples(["the ", "a lazy", "How"], 12, num_samples=2, seed=3)
    assert [row["text"] for row in rows] == [each.text for each in found]
    assert rows[0]["nats"] == pytest.approx(found[0].nats) and rows[0]["settings"]["seed"] == 3
    assert sample(trained, *arguments, "--output", "out.jsonl") == 0
    assert [json.loads(line) for line in pathlib.Path("out.jsonl").read_text().splitlines()] == rows


def test_json_lines_have_settings_of_their_own(trained, capsys):
    lines = [
        {"prefix": "a ", "temperature": 0},
        {"prefix": "b", "length": 5, "allow": "a-c"},
        {"prefix": "c", "seed": 9},
    ]
    pathlib.Path("b.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    assert sample(trained, "--prefixes", "b.jsonl", "--json", "--length", "9", "--seed", "1", "--best-of", "2") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows[0]["prefix"] + rows[0]["text"] == trained.model.generate("a ", 9, temperature=0)
    assert re.fullmatch("[a-c]{5}", rows[1]["text"]) and rows[1]["cost_per_character"] > 1
    assert rows[2]["settings"] == {"length": 9, "stop": None, "seed": 9}


def test_rules_hold_and_their_cost_is_told(trained, capsys):
    assert sample(trained, "--pattern", "[a-f]+ [g-m]{3}", "--length", "30", "--prefix", "x", "--seed", "1") == 0
    out, err = capsys.readouterr()
    assert re.fullmatch("x[a-f]+ [g-m]{3}\n", out)
    assert re.search(r"the rules cost \d\.\d{3} nats per character of likelihood", err)
    assert sample(trained, "--forbid", "aeiou", "--length", "40", "--num-samples", "2", "--min-p", "0.01") == 0
    texts = re.split("--- [12] ---\n", capsys.readouterr().out)[1:]
    assert len(texts) == 2 and not set("aeiou") & set("".join(texts))
    assert sample(trained, "--beams", "3", "--length", "20", "--line-pattern", ".{3,9}") == 0
    assert capsys.readouterr().out.removesuffix("\n") == trained.model.generate("", 20, beams=3, line_pattern=".{3,9}")


def test_any_of_several_stops_ends_a_text(trained, capsys):
    arguments = ["--length", "200", "--seed", "2", "--temperature", "1"]
    assert sample(trained, *arguments, "--stop", r"\n", "--stop", "e", "--stop", "o") == 0
    assert not set("eo\n") & set(capsys.readouterr().out.removesuffix("\n"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--prefixes", "none.txt"], "none.txt cannot be read"),
        (["--prefixes", "bad.txt"], r"bad.txt, line 7 has the character 'é'"),
        (
            ["--prefixes", "bad.jsonl"],
            r"bad.jsonl, line 2: there is no setting 'tmperature', did you mean 'temperature'",
        ),
        (["--prefixes", "worse.jsonl"], "worse.jsonl, line 1 is no JSON"),
        (["--prefixes", "list.jsonl"], 'list.jsonl, line 1 must be an object with a text "prefix"'),
        (["--prefixes", "hot.jsonl"], "hot.jsonl, line 1: temperature must be a number of 0 or more; received 'hot'"),
        (["--prefixes", "empty.txt"], "empty.txt has no beginning"),
        (["--prefixes", "bad.txt", "--prefix", "a"], "--prefix and --prefixes exclude one another"),
        (["--pattern", "(a"], "pattern is no regular expression"),
        (["--pattern", "[0-9]+"], "nothing of the model's"),
        (["--allow", "0-9"], "leaves none of the model's"),
        (["--beams", "2", "--temperature", "1"], "leave out temperature"),
        (["--beams", "2", "--num-samples", "2"], "beams find one text"),
        (["--sampler", "nope"], "unknown sampler 'nope'"),
        (["--best-of", "0"], "best_of must be a whole number of 1 or more"),
    ],
)
def test_what_cannot_be_is_one_line(trained, capsys, arguments, message):
    files = {
        "bad.txt": "a\n" * 6 + "é\n",
        "bad.jsonl": '{"prefix": "a"}\n{"prefix": "a", "tmperature": 1}',
        "worse.jsonl": "{",
        "list.jsonl": "[1]",
        "hot.jsonl": '{"prefix": "a", "temperature": "hot"}',
        "empty.txt": "",
    }
    for name, text in files.items():
        pathlib.Path(name).write_text(text, encoding="utf-8")
    assert sample(trained, *arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and re.search(message, err) and err.count("\n") == 1


def test_a_plugins_sampler_is_named_on_the_command_line(trained, capsys):
    pathlib.Path("mine.py").write_text(
        "import keras_charrnn\n\n"
        "@keras_charrnn.register_sampler('mine')\n"
        "class Mine(keras_charrnn.samplers.Sampler):\n"
        "    def __init__(self, power=1.0):\n        self.power = power\n\n"
        "    def apply(self, logits, numbers, state):\n        return self.power * logits\n"
    )
    arguments = ["--plugin", "mine.py", "--sampler", "{name: mine, power: 1000000}", "--length", "20"]
    assert sample(trained, *arguments) == 0
    assert capsys.readouterr().out.removesuffix("\n") == trained.model.generate("", 20, temperature=0)


def test_a_recipes_samples_have_the_same_settings(tiny, console):
    drawn = {
        "every_epochs": 1,
        "temperatures": [1.0],
        "prefix": None,
        "length": 30,
        "pattern": "[a-f ]*",
        "no_repeat": 4,
    }
    run = keras_charrnn.fit({**tiny, "samples": drawn}, {"training.epochs": 1}, console=console)
    (one,) = read_samples(run.folder / "samples")
    ((how, text),) = one.texts
    assert how == "temperature 1" and re.fullmatch("[a-f ]{30}", text)
    searched = {"every_epochs": 1, "length": 12, "beams": 3, "forbid": "e"}
    run = keras_charrnn.fit({**tiny, "samples": searched}, {"training.epochs": 1}, console=console)
    (one,) = read_samples(run.folder / "samples")
    assert one.texts == [("3 beams", run.model.generate("", 12, beams=3, forbid="e"))]
    with pytest.raises(RecipeError, match=r"samples.top_k: is of drawing, and samples.beams search; leave one out"):
        keras_charrnn.read_recipe({**tiny, "samples": {"beams": 3, "top_k": 2}})
    with pytest.raises(RecipeError, match=r"samples.samplers\[0\]: unknown sampler 'nope'"):
        keras_charrnn.read_recipe({**tiny, "samples": {"samplers": ["nope"]}})
