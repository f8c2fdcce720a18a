"""How much a server of a model makes for many clients at once, against the package by itself; and the exported page.

    python benchmarks/serving.py

Two layers of 128 LSTM units, 64 clients that stream 1,000 characters each, at once: all they get a second, after a
first round that compiles, and how long each waits for its first characters. Against `generate(num_samples=64)`, in
turn. Then the file of Shakespeare's model for a browser: its size, what int8 costs, and its speed in headless Chromium.
"""

import argparse
import asyncio
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

import common
from data import ids_and_vocabulary

import keras_charrnn

WORDS = "KING HENRY:\nThe"


def make_model(path, units, layers):
    """Write a model of random weights; how fast it is does not depend on them."""
    _, vocabulary = ids_and_vocabulary()
    keras_charrnn.CharRNN(vocabulary, "lstm", units=units, layers=layers).save(path)


def alone(path, clients, length):
    """Return the characters a second that the package makes of so many samples."""
    model = keras_charrnn.load(path)
    for seed in range(2):
        began = time.perf_counter()
        model.generate(WORDS, length, clients, seed=seed)
        seconds = time.perf_counter() - began
    return clients * length / seconds


async def stream(port, length, seed):
    """Be a client; return the seconds until the first characters, and how many came."""
    body = json.dumps({"prompt": WORDS, "max_tokens": length, "stream": True, "seed": seed}).encode()
    head = (
        f"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    began, first, got = time.perf_counter(), None, b""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.encode() + body)
    while piece := await reader.read(65536):
        got += piece
        if first is None and b'"text"' in got:
            first = time.perf_counter() - began
    writer.close()
    events = re.findall(rb"^data: (\{.*\})", got, re.MULTILINE)
    return first, sum(len(json.loads(each)["choices"][0]["text"]) for each in events)


async def crowd(port, clients, length, seed):
    began = time.perf_counter()
    found = await asyncio.gather(*(stream(port, length, seed + number) for number in range(clients)))
    seconds = time.perf_counter() - began
    return sum(count for _, count in found) / seconds, [first for first, _ in found]


def served(path, clients, length):
    """Return the characters a second of a server, and the seconds until each client's first characters."""
    process = subprocess.Popen(
        [sys.executable, "-m", "keras_charrnn", "serve", str(path), "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    try:
        port = next(int(line.rstrip("/\n").rpartition(":")[2]) for line in process.stdout if line.startswith("page"))
        asyncio.run(crowd(port, clients, 200, 10_000))
        return asyncio.run(crowd(port, clients, length, 0))
    finally:
        process.terminate()
        process.wait()


def page(repeats):
    """Return size and speed of the exported page of the package's Shakespeare."""
    from selenium import webdriver

    sys.path.insert(0, str(common.ROOT))
    from tests.browser import open_browser

    assert webdriver
    with tempfile.TemporaryDirectory() as place, open_browser() as browser:
        path = pathlib.Path(place, "shakespeare.html")
        keras_charrnn.load("shakespeare").export(path, "html")
        rates = []
        for _ in range(repeats):
            browser.driver.get(path.as_uri())
            rates.append(
                browser.driver.execute_async_script(
                    """const done = arguments[0];
                    (async () => {
                      while (!model) await new Promise(resolve => setTimeout(resolve, 10));
                      const began = performance.now();
                      let count = 0;
                      const rules = {length: 5000, temperature: .8, seed: 1};
                      for await (const piece of engine.write(model, "KING HENRY:", rules, new AbortController().signal))
                        count += piece.length;
                      done(count / (performance.now() - began) * 1000);
                    })()"""
                )
            )
        return path.stat().st_size, statistics.median(rates)


def main(units, layers, clients, length, repeats, no_page):
    with tempfile.TemporaryDirectory() as place:
        path = pathlib.Path(place, "model.keras")
        make_model(path, units, layers)
        rates, found, firsts = [], [], []
        for _ in range(repeats):
            rates.append(alone(path, clients, length))
            rate, waits = served(path, clients, length)
            found.append(rate)
            firsts.append(waits)
    best, rate = statistics.median(rates), statistics.median(found)
    waits = sorted(each for some in firsts for each in some)
    common.table(
        f"{clients} clients at once, {layers} x lstm {units}",
        ["package, chars/s", "server, chars/s", "share", "first characters, median", "longest wait"],
        [[f"{best:,.0f}", f"{rate:,.0f}", f"{rate / best:.0%}", f"{statistics.median(waits) * 1e3:.0f} ms",
          f"{waits[-1] * 1e3:.0f} ms"]],
    )  # fmt: skip
    if not no_page:
        size, speed = page(repeats)
        common.table(
            "The page of shakespeare", ["size", "in Chromium, chars/s"], [[f"{size / 1e6:.2f} MB", f"{speed:,.0f}"]]
        )


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in {"units": 128, "layers": 2, "clients": 64, "length": 1000, "repeats": 3}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--no-page", action="store_true", help="leave out the page in Chromium")
    main(**vars(parser.parse_args()))
