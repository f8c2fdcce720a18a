"""Contender: PyTorch's own layers under a recipe's settings, the validation loss by time. DATA SETTINGS STEPS EVERY

SETTINGS is JSON: cell, units, layers, embedding, dropout, batch, length, epochs, learning_rate, weight_decay, clip_norm
(null for none), cosine, precision. It needs torch and numpy alone.

Shapes in letters: B rows, T characters of a window.
"""

import json
import sys

import numpy as np
import torch
from torch import nn
from train_curve import Curve
from train_torch import CharRNN, detached

ROWS, WARM_UP = 64, 256  # of the validation: rows side by side, and characters that bring a row's state to where it was


def evaluate(model, ids, precision):
    """Return the loss of a text, the state carried: rows are warmed up by the characters before them."""
    model.eval()
    targets = len(ids) - 1
    rows = max(1, min(ROWS, targets // (4 * WARM_UP)))
    stride = -(-targets // rows)
    total, states = 0.0, None
    begins = torch.arange(rows)[:, None] * stride
    with torch.no_grad():
        for step in range(-WARM_UP, stride, 128):
            inside = torch.arange(step, min(step + 128, stride))
            places = begins + inside
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
                logits, states = model(ids[places.clamp(0, targets)], states)
            if step < 0:
                for each in states if isinstance(states, tuple) else (states,):
                    each[:, 0] = 0  # nothing stands before the first row
                continue
            counted = (places < targets).flatten()
            losses = nn.functional.cross_entropy(
                logits.float().flatten(0, 1), ids[(places + 1).clamp(0, targets)].flatten(), reduction="none"
            )
            total += losses[counted].double().sum().item()
    model.train()
    return total / targets


def main(data, settings, limit, every):
    torch.manual_seed(0)
    settings, data = json.loads(settings), np.load(data)
    train, validation = (torch.from_numpy(data[name].astype(np.int64)) for name in ("train", "validation"))
    batch, length, precision = (settings[name] for name in ("batch", "length", "precision"))
    symbols = int(data["symbols"])
    model = CharRNN(
        settings["cell"], settings["units"], settings["layers"], symbols, settings["embedding"], settings["dropout"]
    )
    rate = settings["learning_rate"]
    optimizer = torch.optim.AdamW(model.parameters(), rate, weight_decay=settings["weight_decay"])
    windows = (len(train) - length) // (batch * length)
    steps = settings["epochs"] * windows
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps) if settings["cosine"] else None
    curve, states = Curve(every), None
    for step in range(min(steps, limit or steps)):
        window = step % windows
        if window == 0:  # an epoch begins: at an offset of its own, with the initial states
            states, offset = None, int(torch.randint(length, ()))
            rows = train[offset : offset + windows * batch * length + 1]
            starts = torch.arange(batch)[:, None] * (windows * length) + torch.arange(length + 1)
        ids = rows[starts + window * length]  # (B, T + 1)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            logits, states = model(ids[:, :-1], states)
        states = detached(states)
        loss = nn.functional.cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        if settings["clip_norm"] is not None:
            nn.utils.clip_grad_norm_(model.parameters(), settings["clip_norm"])
        optimizer.step()
        if schedule is not None:
            schedule.step()
        curve.step(step + 1, lambda: evaluate(model, validation, precision))
    seconds = curve.seconds
    curve.step(step + 1, lambda: evaluate(model, validation, precision), last=True)
    curve.report(seconds=seconds)


if __name__ == "__main__":
    main(*sys.argv[1:3], *map(int, sys.argv[3:5]))
