"""Contender: PyTorch's own layers. CELL UNITS LAYERS BATCH LENGTH STEPS PRECISION. It needs torch and numpy alone."""

import json
import statistics
import sys
import time

import torch
from torch import nn

SYNCHRONIZED = 10  # steps between two waits for a GPU, as many as Keras makes in a call
LAYERS = {"lstm": nn.LSTM, "gru": nn.GRU, "simple_rnn": nn.RNN}
VOCABULARY = 65


class CharRNN(nn.Module):
    def __init__(self, cell, units, layers, symbols=VOCABULARY, embedding=64, dropout=0.0):
        super().__init__()
        self.embedding = nn.Embedding(symbols, embedding)
        self.recurrent = LAYERS[cell](embedding, units, layers, batch_first=True, dropout=dropout if layers > 1 else 0)
        self.dropout, self.head = nn.Dropout(dropout), nn.Linear(units, symbols)

    def forward(self, ids, states):
        hidden, states = self.recurrent(self.embedding(ids), states)
        return self.head(self.dropout(hidden)), states


def detached(states):
    """Return states without what they were computed from."""
    return tuple(each.detach() for each in states) if isinstance(states, tuple) else states.detach()


def main(cell, units, layers, batch, length, steps, precision):
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = CharRNN(cell, units, layers).to(device)
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    ids = torch.randint(0, VOCABULARY, (batch, length + 1), device=device)  # the speed does not depend on the text
    states, seconds, every = None, [], SYNCHRONIZED if device == "cuda" else 1
    began = time.perf_counter()
    for done in range(1, steps + 10 + 1):
        with torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16"):
            logits, states = model(ids[:, :-1], states)
        states = detached(states)
        loss = nn.functional.cross_entropy(logits.float().reshape(-1, VOCABULARY), ids[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        if done % every == 0:
            loss.item()  # which waits for a GPU
            seconds.append((time.perf_counter() - began) / every)
            began = time.perf_counter()
    figures = {"characters_per_second": batch * length / statistics.median(seconds[10 // every :]), "loss": loss.item()}
    print("contender: " + json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:7]), sys.argv[7])
