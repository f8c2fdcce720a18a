"""Contender: PyTorch's usual loop, a character at a time. UNITS LAYERS CHARACTERS. It needs torch alone."""

import json
import sys
import time

import torch
from torch import nn


def main(units, layers, characters):
    torch.set_num_threads(1)  # faster than more, for one text
    embedding, recurrent, head = nn.Embedding(65, 64), nn.LSTM(64, units, layers), nn.Linear(units, 65)
    with torch.no_grad():
        ids, states = torch.zeros(1, 1, dtype=torch.long), None
        for _ in range(2):
            began = time.perf_counter()
            for _ in range(characters):
                hidden, states = recurrent(embedding(ids), states)
                ids = torch.multinomial(torch.softmax(head(hidden[0]), -1), 1)
            seconds = time.perf_counter() - began
    print("contender: " + json.dumps({"characters_per_second": characters / seconds}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
