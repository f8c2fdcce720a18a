"""Tables as texts: each record by a template."""

import bz2
import csv
import gzip
import io
import json
import pathlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import keras_charrnn
from keras_charrnn.cli import main
from keras_charrnn.common.template import Template
from keras_charrnn.errors import CorpusError, ExtraError, RecipeError, SettingsError
from keras_charrnn.text import corpora
from keras_charrnn.text.corpora.records import kind_of, render

TEMPLATE = "{title}\n{text}\n\n"
RECORDS = [{"title": f"No. {n}", "text": f'line, {n}\n"quoted" é', "year": "1600"} for n in range(50)]
WANTED = "".join(TEMPLATE.format(**each) for each in RECORDS)


def as_csv(records, delimiter=","):
    file = io.StringIO()
    writer = csv.DictWriter(file, [*records[0]], delimiter=delimiter)
    writer.writeheader()
    writer.writerows(records)
    return file.getvalue()


def as_jsonl(records):
    return "".join(json.dumps(each) + "\n" for each in records)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl", as_jsonl(RECORDS).encode()),
        ("a.NDJSON", as_jsonl(RECORDS).replace("\n", "\r\n\r\n").encode()),
        ("a.jsonl.gz", gzip.compress(as_jsonl(RECORDS).encode())),
        ("a.csv", as_csv(RECORDS).encode("utf-8-sig")),
        ("a.csv.bz2", bz2.compress(as_csv(RECORDS).encode())),
        ("a.tsv", as_csv(RECORDS, "\t").encode()),
    ],
)
def test_each_record_is_its_template(name, data):
    pathlib.Path(name).write_bytes(data)
    text = corpora.load(path=name, template=r"{title}\n{text}\n\n")
    assert text.text == WANTED and text.characters == len(WANTED) and text.notes == ()
    assert corpora.load(path=name, template="{text}").text == "".join(each["text"] for each in RECORDS)
    cut = corpora.load(path=name, template=TEMPLATE, max_bytes=1000)
    assert WANTED.startswith(cut.text) and 0 < cut.characters < 1000 and cut.text.endswith("\n\n")


def test_parquet_is_read_where_pyarrow_is():
    parquet, arrow = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
    parquet.write_table(arrow.Table.from_pylist(RECORDS), "a.parquet", row_group_size=7)
    text = corpora.load(path="a.parquet", template=TEMPLATE)
    assert text.text == WANTED and text.text == WANTED
    assert text.sha256 == corpora.load(path="a.parquet", template="{text}").sha256
    with pytest.raises(CorpusError, match=r"a.parquet, record 1 has no field 'titel', did you mean 'title'\? \(fields"):
        corpora.load(path="a.parquet", template="{titel}")
    with pytest.raises(CorpusError, match=r"is a table of Parquet, not a plain text; name it .parquet, and its fields"):
        corpora.load(path="a.parquet")
    pathlib.Path("b.parquet").write_bytes(b"PAR1 broken")
    with pytest.raises(CorpusError, match=r"b.parquet cannot be read as Parquet"):
        corpora.load(path="b.parquet", template=TEMPLATE)


def test_parquet_without_its_reader_is_told(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    pathlib.Path("a.parquet").write_bytes(b"PAR1")
    with pytest.raises(
        ExtraError, match=r'Parquet needs PyArrow; install it with: pip install "keras-charrnn\[parquet\]"'
    ):
        corpora.load(path="a.parquet", template=TEMPLATE)


@given(
    st.lists(st.fixed_dictionaries({"title": st.text(), "text": st.text(min_size=1)}), min_size=1),
    st.sampled_from([",", "\t"]),
    st.integers(1, 20),
)
def test_any_records_come_back_whatever_the_pieces(records, delimiter, size):
    wanted = "".join(each["title"] + "|" + each["text"] for each in records)
    template = Template("{title}|{text}")
    name = {",": "a.csv", "\t": "a.tsv"}[delimiter]
    for path, data in (("a.jsonl", as_jsonl(records)), (name, as_csv(records, delimiter))):
        if "\r" in data or "\0" in data:  # line ends are \n by then; CSV has no NULs
            continue
        pieces = [data[k : k + size] for k in range(0, len(data), size)]
        assert "".join(render(pieces, path, template)) == wanted


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.jsonl", '{"title": "x"}\n', "a.jsonl, record 1 (line 1) has no field 'text' (fields: title)"),
        (
            "a.jsonl",
            '\n{"title": "x", "text": 5}\n',
            "a.jsonl, record 1 (line 2): the field 'text' is a number, 5, not",
        ),
        ("a.jsonl", '{"title": "x", "text": null}', "the field 'text' is null, not a text"),
        ("a.jsonl", '{"title": "", "text": ""}\n["x"]', "a.jsonl, record 2 (line 2) is a list, not an object"),
        ("a.jsonl", '{"title": "", "text": ""}\n{"tit', "a.jsonl, record 2 (line 2) is no JSON: Unterminated string"),
        ("a.jsonl", r'{"title": "", "text": "x\ud800"}', "record 1 (line 1): the field 'text' has U+D800, half of a"),
        ("a.jsonl", "[" * 100_000, "a.jsonl, record 1 (line 1) is no JSON: "),
        ("a.csv", "title,text\na,b,c\n", "a.csv, record 1 (line 2) has 3 fields, and the first line names 2"),
        ("a.csv", "title\na\n", "a.csv, record 1 (line 2) has no field 'text' (fields: title)"),
        ("a.csv", 'title,text\n"a', "a.csv, line 2, is no CSV: unexpected end of data"),
        ("a.csv", "title,text\n", "is empty; give it some text"),
    ],
)
def test_what_is_no_record_is_told_with_its_line(name, data, said):
    pathlib.Path(name).write_text(data)
    with pytest.raises(CorpusError, match=re.escape(said)):
        corpora.load(path=name, template=TEMPLATE)


@pytest.mark.parametrize("template", ["none", "{", "{}", "{a!r}", "{a:>3}", "{0.x", "}"])
def test_a_template_that_is_none_is_told(template):
    with pytest.raises(SettingsError, match="the template "):
        Template(template)
    with pytest.raises(RecipeError, match=r"corpus.template: the template "):
        keras_charrnn.read_recipe({"corpus": {"path": "a.jsonl", "template": template}})


def test_a_table_without_a_template_is_a_text_and_says_so():
    pathlib.Path("a.jsonl").write_text(as_jsonl(RECORDS))
    text = corpora.load(path="a.jsonl")
    assert text.text == as_jsonl(RECORDS)
    assert text.notes == ("a.jsonl is read as it is; corpus.template would take fields of its records",)
    assert kind_of("x/a.csv.gz") == ".csv" and kind_of("a.txt") is None and kind_of("csv") is None


def test_a_template_begins_with_the_fields_that_are_given():
    template = Template("By {author}\n# {title}\n{{{text}}}")
    assert template.begin({}) == "By "
    assert template.begin({"author": "Byron"}) == "By Byron\n# "
    assert template.begin({"title": "To", "author": "Byron"}) == "By Byron\n# To\n{"
    assert Template("{{{title}}}\n{text}").begin({"title": "To"}) == "{To}\n"
    assert Template("{{{title}}}").begin({"title": "To"}) == "{To}"
    with pytest.raises(SettingsError, match="'title' stands behind 'author', which is not given"):
        template.begin({"title": "To"})
    with pytest.raises(
        SettingsError, match=r"no field 'autor', did you mean 'author'\? \(fields: author, title, text\)"
    ):
        template.begin({"autor": "Byron"})


def test_a_run_reads_the_records_again_and_writes_what_begins_with_some_fields(tiny, console, capsys):
    pathlib.Path("a.jsonl").write_text(as_jsonl(RECORDS * 2))
    tiny["corpus"] = {"path": "a.jsonl", "template": r"{title}\n{text}\n\n"}
    tiny["samples"]["prefix"] = "line"
    run = keras_charrnn.fit(tiny, {"training.epochs": 1}, console=console)
    assert run.model.vocabulary.symbols == "".join(sorted({*WANTED}))
    loss = keras_charrnn.evaluate(run).nats_per_character
    assert loss == pytest.approx(run.metrics["val_loss"], rel=1e-4)
    folder = str(run.folder)
    assert main(["sample", folder, "--fields", "title=No. 7", "--length", "5"]) == 0
    assert capsys.readouterr().out.startswith("No. 7\n")
    assert main(["sample", folder, "--fields", "text=line"]) == 2
    assert "'text' stands behind 'title', which is not given" in capsys.readouterr().err
    assert main(["sample", folder, "--fields", "title"]) == 2
    assert "--fields takes NAME=TEXT, as in author=Byron; received 'title'" in capsys.readouterr().err
    assert main(["sample", folder, "--fields", "title=x", "--prefix", "y"]) == 2
    assert "exclude one another" in capsys.readouterr().err
