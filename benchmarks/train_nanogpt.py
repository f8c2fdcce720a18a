"""Contender: a small transformer at the setting that nanoGPT's README gives for a CPU, in PyTorch. DATA STEPS EVERY

4 layers, 4 heads, 128 wide, windows of 64, batch 12, 2,000 steps, AdamW at 1e-3 with a cosine to 1e-4 after 100 steps
of warming up, betas 0.9 and 0.99, weight decay 0.1 on matrices, clipping at 1, no dropout, no biases, tied embedding.
It needs torch and numpy alone.

Shapes in letters: B rows, T characters of a window, C width, N heads.
"""

import math
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from train_curve import Curve

LAYERS, HEADS, WIDTH, LENGTH, BATCH, STEPS = 4, 4, 128, 64, 12, 2000
RATE, LAST_RATE, WARM_UP = 1e-3, 1e-4, 100
WINDOWS = 2400  # random ones, of the evaluation as nanoGPT makes it


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.before_attention, self.before_mlp = (nn.LayerNorm(WIDTH, bias=False) for _ in range(2))
        self.queries_keys_values = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.mixed = nn.Linear(WIDTH, WIDTH, bias=False)
        self.wide, self.narrow = nn.Linear(WIDTH, 4 * WIDTH, bias=False), nn.Linear(4 * WIDTH, WIDTH, bias=False)

    def forward(self, x):  # (B, T, C)
        heads = self.queries_keys_values(self.before_attention(x)).unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(*heads, is_causal=True)  # (B, N, T, C / N)
        x = x + self.mixed(seen.transpose(1, 2).flatten(2))
        return x + self.narrow(functional.gelu(self.wide(self.before_mlp(x))))


class Transformer(nn.Module):
    def __init__(self, symbols):
        super().__init__()
        self.symbols, self.places = nn.Embedding(symbols, WIDTH), nn.Embedding(LENGTH, WIDTH)
        self.blocks = nn.Sequential(*(Block() for _ in range(LAYERS)))
        self.norm = nn.LayerNorm(WIDTH, bias=False)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                residual = name.endswith(("mixed.weight", "narrow.weight"))
                nn.init.normal_(weight, std=0.02 / (math.sqrt(2 * LAYERS) if residual else 1))

    def forward(self, ids):  # (B, T)
        x = self.symbols(ids) + self.places.weight[: ids.shape[1]]
        return self.norm(self.blocks(x)) @ self.symbols.weight.T


def losses_of(model, ids):
    """Return the losses (B, T) of windows (B, T + 1)."""
    logits = model(ids[:, :-1])
    return functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none").view(len(ids), -1)


def evaluate(model, ids, starts, first=0):
    """Return the mean loss of the windows that begin at `starts`, of their positions from `first` on."""
    total = count = 0
    with torch.no_grad():
        for each in starts.split(256):
            losses = losses_of(model, ids[each[:, None] + torch.arange(LENGTH + 1)])[:, first:]
            total, count = total + losses.double().sum().item(), count + losses.numel()
    return total / count


def rate_of(step):
    if step < WARM_UP:
        return RATE * (step + 1) / (WARM_UP + 1)
    progress = (step - WARM_UP) / (STEPS - WARM_UP)
    return LAST_RATE + 0.5 * (1 + math.cos(math.pi * progress)) * (RATE - LAST_RATE)


def main(data, limit, every):
    torch.manual_seed(0)
    data = np.load(data)
    train, validation = (torch.from_numpy(data[name].astype(np.int64)) for name in ("train", "validation"))
    model = Transformer(int(data["symbols"]))
    matrices = [each for each in model.parameters() if each.dim() == 2]
    gains = [each for each in model.parameters() if each.dim() < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": gains, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, RATE, betas=(0.9, 0.99))
    # All of the text, each character predicted from 32 to 63 before it: better for it than windows without overlap.
    halves = torch.arange(0, len(validation) - LENGTH, LENGTH // 2)
    curve = Curve(every)
    for step in range(min(STEPS, limit or STEPS)):
        for group in optimizer.param_groups:
            group["lr"] = rate_of(step)
        starts = torch.randint(len(train) - LENGTH, (BATCH,))
        loss = losses_of(model, train[starts[:, None] + torch.arange(LENGTH + 1)]).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        curve.step(step + 1, lambda: evaluate(model, validation, halves, LENGTH // 2))
    seconds = curve.seconds
    curve.step(step + 1, lambda: evaluate(model, validation, halves, LENGTH // 2), last=True)
    random = torch.randint(len(validation) - LENGTH, (WINDOWS,), generator=torch.Generator().manual_seed(0))
    whole = torch.arange(0, len(validation) - LENGTH, LENGTH)
    curve.report(
        seconds=seconds,
        random_windows=evaluate(model, validation, random),
        whole_windows=evaluate(model, validation, whole),
    )


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:4]))
