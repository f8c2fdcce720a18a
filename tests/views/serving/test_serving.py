"""The server, asked as programs ask it, by OpenAI's client and without one."""

import collections
import concurrent.futures
import http.client
import json
import pathlib
import re
import socket
import threading
import time
import urllib.error
import urllib.request

import numpy as np
import pytest

import keras_charrnn
from keras_charrnn.cli import main
from keras_charrnn.model.crowd import Crowd, Request
from keras_charrnn.views.inspection.causes import causes
from tests.views.serving.conftest import Serving

openai = pytest.importorskip("openai")


@pytest.fixture(scope="module")
def client(served):
    return openai.OpenAI(base_url=f"{served.address}/v1", api_key="none", max_retries=0)


@pytest.fixture(scope="module")
def model(trained):
    return keras_charrnn.load(trained.folder)


def ask(served, path, body=None, headers=None, raw=None):
    """Return status and text of an answer."""
    data = raw if raw is not None else None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        served.address + path, data, {"Content-Type": "application/json", **(headers or {})}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def problem_of(served, path, body=None, **more):
    status, text = ask(served, path, body, **more)
    message = json.loads(text)["error"]["message"]
    assert "\n" not in message and "Traceback" not in message and not re.search(r"/\w+/", message)
    return status, message


RULES = [
    {},
    {"temperature": 0},
    {"temperature": 1.3, "top_p": 0.9},
    {"top_k": 3, "min_p": 0.05},
    {"no_repeat": 4},
    {"allow": "a-m "},
    {"pattern": "[a-z]{5,9}\\."},
]


@pytest.mark.parametrize("rules", RULES, ids=str)
def test_text_and_logarithms_are_those_of_the_package_for_a_seed(client, model, rules):
    known = {"temperature", "top_p"}
    plain = {name: value for name, value in rules.items() if name in known}
    further = {name: value for name, value in rules.items() if name not in known}
    found = client.completions.create(
        model="one", prompt="the ", max_tokens=70, seed=5, logprobs=0, extra_body=further, **plain
    )
    (sample,) = model.samples(["the "], 70, seed=5, **rules)
    (choice,) = found.choices
    assert choice.text == sample.text
    assert -sum(choice.logprobs.token_logprobs) == pytest.approx(sample.nats, abs=1e-3)
    assert "".join(choice.logprobs.tokens) == choice.text
    assert choice.finish_reason == ("length" if sample.ended == "length" else "stop")
    assert found.usage.completion_tokens == sample.symbols


def test_samples_of_one_request_are_those_of_the_package(client, model):
    found = client.completions.create(model="one", prompt="how", max_tokens=1100, seed=9, n=3, stop="jumps")
    texts = [each.text for each in model.samples(["how"], 1100, 3, stop="jumps", seed=9)]
    assert [each.text for each in found.choices] == texts


def test_a_stream_is_the_whole_in_pieces(client, model):
    settings = {"model": "two", "prompt": "a ", "max_tokens": 500, "seed": 2}
    parts = list(client.completions.create(**settings, stream=True, logprobs=1))
    whole = client.completions.create(**settings)
    assert len(parts) > 3 and "".join(each.choices[0].text for each in parts) == whole.choices[0].text
    assert [each.choices[0].finish_reason for each in parts][-2:] == [None, "length"]
    tokens = [token for each in parts for token in each.choices[0].logprobs.tokens]
    assert "".join(tokens) == whole.choices[0].text


def test_echo_no_text_and_the_likeliest(client, model):
    found = client.completions.create(model="one", prompt="the q", max_tokens=0, echo=True)
    assert found.choices[0].text == "the q" and found.usage.completion_tokens == 0
    found = client.completions.create(model="one", prompt="the q", max_tokens=4, logprobs=3, temperature=0)
    for token, value, likeliest in zip(
        found.choices[0].logprobs.tokens,
        found.choices[0].logprobs.token_logprobs,
        found.choices[0].logprobs.top_logprobs,
        strict=True,
    ):
        assert len(likeliest) == 3 and likeliest[token] == pytest.approx(value, abs=1e-4)
        assert token == max(likeliest, key=likeliest.get)


def test_many_at_once_get_what_each_would_get_alone(client, model):
    def complete(number):
        rules = RULES[number % 4]
        extra = {name: value for name, value in rules.items() if name not in ("temperature", "top_p")}
        plain = {name: value for name, value in rules.items() if name in ("temperature", "top_p")}
        found = client.completions.create(
            model="one",
            prompt="the quick"[: 1 + number % 9],
            max_tokens=20 + number,
            seed=number,
            extra_body=extra,
            **plain,
        )
        return found.choices[0].text

    with concurrent.futures.ThreadPoolExecutor(12) as threads:
        texts = list(threads.map(complete, range(36)))
    wanted = [
        model.samples(["the quick"[: 1 + number % 9]], 20 + number, seed=number, **RULES[number % 4])[0].text
        for number in range(36)
    ]
    assert texts == wanted


def test_one_whose_rules_fail_in_the_loop_is_no_others_loss(served, model, monkeypatch):
    """Rows of one kind end together; those of another go on, and what comes later is served."""
    from keras_charrnn.model.crowd import _Group

    step = _Group.step

    def broken(group):
        if any(type(each).__name__ == "MinP" for each in group._samplers):
            raise RuntimeError("out of luck")
        step(group)

    monkeypatch.setattr(_Group, "step", broken)
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        asked = [{"max_tokens": 300, "seed": 1}, {"max_tokens": 30, "min_p": 0.1}]
        good, bad = threads.map(lambda each: ask(served, "/v1/completions", {"model": "one", **each}), asked)
    assert json.loads(good[1])["choices"][0]["text"] == model.samples(length=300, seed=1)[0].text
    assert bad[0] == 503 and json.loads(bad[1])["error"]["message"] == "the model could not go on: RuntimeError"
    assert served.shelf.get("one").rows == 0


def test_rows_of_one_pattern_and_other_lengths_each_come_to_its_end(model):
    """What is left of a text is a state of the rule: of the longest row, the others would not match at their end."""
    crowd, found = Crowd(model), {}
    lengths, rules = (14, 90, 30), {"pattern": "[a-z ]{12,}\\."}
    requests = [
        Request(crowd.generator, lambda news, length=length: found.setdefault(length, []).extend(news), "the ", length,
                seed=7, **rules)
        for length in lengths
    ]  # fmt: skip
    crowd.join(requests)
    while crowd.rows:
        crowd.step()
    for length in lengths:
        text = "".join(text for _, text, *_ in found[length])
        assert re.fullmatch("[a-z ]{12,}\\.", text) and len(text) <= length
        assert text == model.samples(["the "], length, seed=7, **rules)[0].text


def test_prompts_of_any_length_go_side_by_side_with_a_rule_against_repetition(served, model):
    prompts = ["the quick brown fox jumps " * times for times in (1, 12, 3, 30)]
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        found = list(
            threads.map(
                lambda prompt: ask(served, "/v1/completions", {"prompt": prompt, "no_repeat": 5, "seed": 1}), prompts
            )
        )
    for (status, answer), prompt in zip(found, prompts, strict=True):
        assert status == 200
        assert json.loads(answer)["choices"][0]["text"] == model.samples([prompt], 200, seed=1, no_repeat=5)[0].text


def test_a_streamed_answer_has_the_prompt_first_where_it_is_to_be_echoed(client):
    parts = client.completions.create(model="one", prompt="the q", max_tokens=5, echo=True, stream=True, seed=1)
    assert next(iter(parts)).choices[0].text == "the q"


def test_scores_looks_and_causes_are_those_of_the_package(served, model):
    text = "the quick brown fox."
    found = json.loads(ask(served, "/score", {"text": text})[1])
    assert found["nats_per_character"] == pytest.approx(model.score(text).nats_per_character, rel=1e-5)
    look = json.loads(ask(served, "/look", {"text": text, "unit": "1.h.3", "named": True, "alternatives": 4})[1])
    inspection = keras_charrnn.inspection.inspect(model, text, ["1.h.3"])
    np.testing.assert_allclose(look["nats"][1:], inspection.trace.nats[1:], rtol=1e-5)
    np.testing.assert_allclose(look["activity"], inspection.trace.activity(inspection.units[0]), rtol=1e-5)
    assert len(look["alternatives"]) == len(text) + 1 and {len(each) for each in look["alternatives"]} == {4}
    assert "".join(look["symbols"]) == text and look["lengths"] == [1] * len(text)
    assert {each["name"] for each in look["named"]} <= set(inspection.found)
    found = json.loads(ask(served, "/causes", {"text": text, "place": 7})[1])["causes"]
    np.testing.assert_allclose(found, causes(model, text, 7), rtol=1e-4)


def test_an_ensemble_writes_and_is_looked_at_but_has_no_units(trained, second):
    serving = Serving({"both": f"{trained.folder}+{second.folder}"})
    try:
        both = keras_charrnn.load([trained.folder, second.folder])
        found = json.loads(ask(serving, "/v1/completions", {"prompt": "the", "max_tokens": 30, "seed": 4})[1])
        assert found["choices"][0]["text"] == both.samples(["the"], 30, seed=4)[0].text
        look = json.loads(ask(serving, "/look", {"text": "the q"})[1])
        np.testing.assert_allclose(look["nats"][1:], both.score("the q").nats, rtol=1e-4)
        assert look["states"] == [] and len(look["alternatives"]) == 6 and len(look["alternatives"][-1]) == 10
        assert "an ensemble has no units" in problem_of(serving, "/look", {"text": "the q", "unit": "1.h.0"})[1]
        assert "an ensemble has no units" in problem_of(serving, "/causes", {"text": "the q", "place": 2})[1]
    finally:
        serving.close()


@pytest.mark.parametrize("text", ["", "t"])
def test_the_shortest_texts_can_be_looked_at(served, text):
    found = json.loads(ask(served, "/look", {"text": text, "unit": "1.h.0", "named": True})[1])
    assert len(found["alternatives"]) == len(text) + 1 and found["nats"] == [None] * len(text)


def test_causes_are_the_finite_differences_of_the_guess(model):
    """Of the embedding of one symbol, in the direction of the gradient: nothing else has a slope as steep."""
    import tensorflow as tf

    text, place = "how vex", 7
    found = causes(model, text)
    ids = model.vocabulary.encode(text).astype(np.int32)
    assert found.shape == (place,) and (found > 0).all()
    where = int(np.argmax(found))
    weight = model.embedding.embeddings
    logits, _ = model.run(tf.constant(ids[None]), model.initial_states(1))
    guess = int(np.argmax(logits[0, -1]))
    value, slopes = weight.numpy(), []
    if list(ids).count(ids[where]) > 1:
        pytest.skip("the symbol stands twice")
    for axis in range(value.shape[1]):
        ends = []
        for step in (1e-3, -1e-3):
            changed = value.copy()
            changed[ids[where], axis] += step
            weight.assign(changed)
            logits, _ = model.run(tf.constant(ids[None]), model.initial_states(1))
            ends.append(float(tf.nn.log_softmax(logits[0, -1])[guess]))
        slopes.append((ends[0] - ends[1]) / 2e-3)
    weight.assign(value)
    assert np.linalg.norm(slopes) == pytest.approx(found[where], rel=2e-2)


def test_models_health_metrics_and_the_description(served, client):
    assert [each.id for each in client.models.list()] == ["one", "two"]
    assert json.loads(ask(served, "/health")[1]) == {"status": "ok"}
    ask(served, "/v1/completions", {"max_tokens": 1})
    metrics = ask(served, "/metrics")[1]
    assert metrics.count("# TYPE keras_charrnn_rows gauge") == 1
    assert 'keras_charrnn_responses_total{path="/health",status="200"}' in metrics
    assert 'keras_charrnn_rows{model="one"}' in metrics
    assert json.loads(ask(served, "/openapi.json")[1])["openapi"] == "3.1.0"
    status, page = ask(served, "/")
    assert status == 200 and "connect-src 'self'" in page and "http" not in page.replace("http-equiv", "")


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("/v1/completions", {"model": "three"}, 404, "there is no model 'three'; there are one, two"),
        ("/v1/completions", {"temperature": -1}, 400, "temperature must be a number from 0 to 100; received -1"),
        ("/v1/completions", {"prompt": "Ж"}, 400, "the prefix has the character 'Ж'"),
        ("/v1/completions", {"pattern": "("}, 400, "pattern"),
        ("/v1/completions", {"allow": "Ж"}, 400, "leaves none of the model's"),
        ("/v1/completions", {"pattern": "a{99}", "max_tokens": 3}, 400, "takes 99 symbols at least; length is 3"),
        ("/v1/completions", {"pattern": "(a?){3000}"}, 400, "take "),
        ("/v1/completions", {"n": 10**400}, 400, "n must be a whole number from 1 to 16; received 1000"),
        ("/v1/completions", {"stop": "Ж"}, 400, "the stop text has the character 'Ж'"),
        ("/score", {"text": "t"}, 400, "at least 2"),
        ("/look", {"text": "the", "unit": "9.z.1"}, 400, "there is no unit '9.z.1'"),
        ("/causes", {"text": "the", "place": 9}, 400, "place must be from 0 to 3"),
        ("/nothing", {}, 404, "there is no such address"),
        ("/../../etc/passwd", None, 404, "there is no such address"),
        ("/v1/completions", None, 405, "there is no such address"),
    ],
)
def test_a_mistake_is_a_status_and_a_sentence(served, path, body, status, message):
    found = problem_of(served, path, body)
    assert found[0] == status and message in found[1]


def test_what_is_no_json_or_too_large_or_of_another_page_is_refused(served):
    assert problem_of(served, "/score", raw=b"\xff\xfe")[0] == 400
    assert problem_of(served, "/score", raw=b'{"text": "' + b"a" * 2_000_000 + b'"}')[0] == 413
    assert problem_of(served, "/score", {"text": "the"}, headers={"Content-Type": "text/plain"})[0] == 415
    assert problem_of(served, "/score", {"text": "the"}, headers={"Host": "evil.example"})[0] == 403
    assert json.loads(ask(served, "/health")[1]) == {"status": "ok"}


def test_a_token_must_be_brought(trained):
    serving = Serving({"one": trained.folder}, token="a secret of mine", hosts=())
    try:
        assert problem_of(serving, "/v1/models") == (
            401, "the token is missing or wrong: send the header Authorization: Bearer TOKEN"
        )  # fmt: skip
        assert problem_of(serving, "/v1/models", headers={"Authorization": "Bearer no"})[0] == 401
        assert ask(serving, "/v1/models", headers={"Authorization": "Bearer a secret of mine"})[0] == 200
        assert ask(serving, "/", headers={"Host": "anything"})[0] == 200
    finally:
        serving.close()


def test_a_client_that_leaves_frees_its_place(served):
    host = served.address.removeprefix("http://")
    connection = http.client.HTTPConnection(host)
    body = json.dumps({"model": "one", "max_tokens": 10_000, "stream": True, "n": 16})
    connection.request("POST", "/v1/completions", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read(100)
    assert served.shelf.get("one").rows >= 16
    connection.close()
    answer.close()
    until = time.monotonic() + 10
    while served.shelf.get("one").rows and time.monotonic() < until:
        time.sleep(0.05)
    assert served.shelf.get("one").rows == 0


def test_a_model_that_is_gone_is_told(trained, tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes((trained.folder / "model.keras").read_bytes())
    serving = Serving({"one": trained.folder, "gone": path})
    try:
        path.unlink()
        assert problem_of(serving, "/score", {"model": "gone", "text": "the"}) == (
            503, "the model 'gone' cannot be read any more"
        )  # fmt: skip
        assert ask(serving, "/score", {"model": "one", "text": "the"})[0] == 200
    finally:
        serving.close()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["RUN", "--host", "0.0.0.0"], "0.0.0.0 is an address that others can reach: give --token"),
        (["RUN", "--host", "0.0.0.0", "--token", "short"], "a token must have 8 characters or more"),
        (["RUN", "--host", "no.such.host.invalid", "--token", "long enough"], "nothing can listen at no.such.host"),
        (["RUN", "--port", "99999"], "nothing can listen at 127.0.0.1, port 99999"),
        (["nothing-001"], "there is no run folder nothing-001"),
    ],
)
def test_what_cannot_be_served_is_one_line(trained, capsys, arguments, message):
    assert main(["serve", *(str(trained.folder) if each == "RUN" else each for each in arguments)]) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_a_port_in_use_and_a_missing_extra_are_one_line(trained, capsys, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["serve", str(trained.folder), "--port", port]) == 2
    assert f"nothing can listen at 127.0.0.1, port {port}" in " ".join(capsys.readouterr().err.split())
    monkeypatch.setitem(__import__("sys").modules, "uvicorn", None)
    assert main(["serve", str(trained.folder)]) == 2
    assert 'pip install "keras-charrnn[serve]"' in " ".join(capsys.readouterr().err.split())


@pytest.mark.thorough
def test_thousands_of_requests_clients_that_vanish_and_garbage_leave_it_as_it_was(served):
    """10,000 requests: good ones, garbage, bodies of 100 MB, clients that vanish, and readers that do not read."""
    import resource

    def memory():
        pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 1e6

    host = served.address.removeprefix("http://")
    ask(served, "/v1/completions", {"max_tokens": 50})
    good, stay, begun = [], collections.deque(), memory()

    def one(number):
        kind = number % 10
        if kind < 5:
            good.append(ask(served, "/v1/completions", {"max_tokens": 10, "seed": number})[0])
            return
        link = socket.create_connection(host.split(":"))
        try:
            if kind == 5:
                link.sendall(bytes(np.random.default_rng(number).integers(0, 256, 300, np.uint8)))
            elif kind == 6:
                link.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n")
            elif kind == 7 and number % 500 == 7:
                link.sendall(b"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                             b"Content-Length: 100000000\r\n\r\n")  # fmt: skip
                for _ in range(100):
                    link.sendall(b"a" * 1_000_000)
            else:
                body = json.dumps({"max_tokens": 2000, "stream": True, "seed": number}).encode()
                link.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                             + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)  # fmt: skip
                if kind == 8:  # one who does not read, and stays
                    stay.append(link)
                    link = stay.popleft() if len(stay) > 100 else None
                else:
                    link.recv(200)
        except OSError:
            pass
        finally:
            if link is not None:
                link.close()

    with concurrent.futures.ThreadPoolExecutor(16) as threads:
        list(threads.map(one, range(10_000)))
    assert len(stay) == 100
    for each in stay:
        each.close()
    assert good.count(200) > 0.95 * len(good), {status: good.count(status) for status in set(good)}
    until = time.monotonic() + 20
    while served.shelf.get("one").rows and time.monotonic() < until:
        time.sleep(0.1)
    assert ask(served, "/v1/completions", {"max_tokens": 10})[0] == 200
    assert memory() - begun < 100
    assert threading.active_count() < 60
