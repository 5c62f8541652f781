"""A plain training loop for GPT-2, as a careful researcher writes one: bf16 autocast, fused AdamW, torch.compile.

For comparison in `benchmarks.training`. The model is a short GPT-2 of its own with torch's attention, the loop has no
metrics, checks or saving.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from impossible_lms.data.dataset import TokenDataset
from impossible_lms.models.configurations import Size
from impossible_lms.training.recipe import Recipe


class Attention(nn.Module):
    """Causal attention, one product for query, key and value."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.inward, self.outward = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, width = x.shape
        split = self.inward(x).view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        query, key, value = split
        dropout = self.dropout if self.training else 0.0
        mixed = functional.scaled_dot_product_attention(query, key, value, dropout_p=dropout, is_causal=True)
        return functional.dropout(self.outward(mixed.transpose(1, 2).reshape(x.shape)), self.dropout, self.training)


class Block(nn.Module):
    """Attention, then two layers with GELU between; each normed before and added."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, dropout)
        self.wide, self.narrow, self.drop = (
            nn.Linear(width, 4 * width),
            nn.Linear(4 * width, width),
            nn.Dropout(dropout),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(self.first(x))
        added: torch.Tensor = self.narrow(functional.gelu(self.wide(self.second(x)), approximate="tanh"))
        out: torch.Tensor = x + self.drop(added)
        return out


class Transformer(nn.Module):
    """GPT-2: embeddings, blocks, a norm, and the embedding again to predict the next token."""

    def __init__(self, size: Size, vocabulary: int, context: int, dropout: float) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocabulary, size.width), nn.Embedding(context, size.width)
        self.drop = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(size.width, size.heads, dropout) for _ in range(size.layers))
        self.norm = nn.LayerNorm(size.width)
        for parameter in self.parameters():
            if parameter.ndim == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, ids: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        x = self.drop(self.tokens(ids) + self.places(torch.arange(ids.shape[1], device=ids.device)))
        for block in self.blocks:
            x = block(x)
        logits = functional.linear(self.norm(x), self.tokens.weight)
        return functional.cross_entropy(logits.view(-1, logits.shape[-1]), targets.reshape(-1))


def plain_loop(
    dataset: TokenDataset,
    size: Size,
    recipe: Recipe,
    device: str,
    *,
    compiled: bool,
    micro_batch: int,
    start: Callable[[], Any],
    done: Callable[[], Any],
) -> None:
    """Train for `recipe.steps` steps, `micro_batch` at a time; `start` comes before the first, `done` after each."""
    torch.manual_seed(0)
    model = Transformer(size, dataset.vocabulary_size, recipe.context, recipe.dropout).to(device).train()
    groups = [
        {"params": [p for p in model.parameters() if p.ndim >= 2], "weight_decay": recipe.weight_decay},
        {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, betas=(recipe.beta1, recipe.beta2), eps=recipe.epsilon, fused=True)
    forward: Any = torch.compile(model) if compiled else model
    generator = np.random.default_rng(0)
    start()
    for step in range(recipe.steps):
        chosen = np.sort(generator.integers(0, len(dataset), recipe.sequences_per_step))
        ids = torch.from_numpy(dataset.blocks(chosen))
        if device == "cuda":
            ids = ids.pin_memory().to(device, non_blocking=True)
        for first in range(0, len(ids), micro_batch):
            part = ids[first : first + micro_batch]
            with torch.autocast(device, torch.bfloat16):
                loss = forward(part[:, :-1].contiguous(), part[:, 1:]) * (len(part) / len(ids))
            loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.gradient_clip)
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate_at(step)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        done()
