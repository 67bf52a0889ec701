"""The same encoder in PyTorch, as one would write it: fused attention, fused AdamW.

python -m benchmarks.training.pytorch SIZE_AS_JSON
"""

import os
import random
import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from benchmarks.training import worker
from benchmarks.training.sizes import MAX_SEQUENCE_LENGTH, Size

MASKED = -30.0


class Block(nn.Module):
    """A pre-LN Transformer block with one product for query, key and value."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        width = size.hidden_dim
        self.num_heads = size.num_heads
        self.attention_norm = nn.LayerNorm(width, eps=1e-6)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attention_output = nn.Linear(width, width)
        self.feed_forward_norm = nn.LayerNorm(width, eps=1e-6)
        self.intermediate = nn.Linear(width, size.intermediate_dim)
        self.output = nn.Linear(size.intermediate_dim, width)
        self.dropout = nn.Dropout(size.dropout)

    def forward(self, states: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        attended = self.attention_output(self._attend(states, bias))
        states = states + self.dropout(attended)
        changed = self.intermediate(self.feed_forward_norm(states))
        return states + self.dropout(self.output(functional.gelu(changed)))

    def _attend(self, states: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        rows, tokens, width = states.shape
        flat = self.query_key_value(self.attention_norm(states))
        heads = (rows, tokens, self.num_heads, width // self.num_heads)
        query, key, value = (
            part.view(heads).transpose(1, 2) for part in flat.chunk(3, -1)
        )
        rate = self.dropout.p if self.training else 0.0
        context = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=bias[:, None, None], dropout_p=rate
        )
        return context.transpose(1, 2).reshape(rows, tokens, width)


class Classifier(nn.Module):
    """Token ids `[B, T]` -> logits `[B, C]`; id 0 is padding."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        width = size.hidden_dim
        self.embedding = nn.Embedding(size.vocabulary_size, width)
        self.positions = nn.Parameter(torch.empty(MAX_SEQUENCE_LENGTH, width))
        for table in (self.embedding.weight, self.positions):
            nn.init.trunc_normal_(table, std=0.02)
        self.dropout = nn.Dropout(size.dropout)
        self.blocks = nn.ModuleList(Block(size) for _ in range(size.num_layers))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(2 * width, size.num_classes)

    def forward(self, token_ids: torch.Tensor) -> torch.Tensor:
        bias = (token_ids == 0).float() * MASKED
        positions = self.positions[: token_ids.shape[1]]
        states = self.dropout(self.embedding(token_ids) + positions)
        for block in self.blocks:
            states = block(states, bias)
        states = self.norm(states)
        mean = (states * bias.softmax(-1)[..., None]).sum(1)
        maximum = (states + bias[..., None]).amax(1)
        logits: torch.Tensor = self.head(self.dropout(torch.cat([mean, maximum], -1)))
        return logits


class Learner:
    """A classifier, its optimizer, and one step of both."""

    def __init__(self, size: Size) -> None:
        torch.manual_seed(1)
        self.size = size
        self.model = Classifier(size)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=size.learning_rate,
            weight_decay=size.weight_decay,
            fused=True,
        )

    def step(self, token_ids: torch.Tensor, label_ids: torch.Tensor) -> float:
        """Learns from one batch; the loss, as a number that somebody shows."""
        self.optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(
            self.model(token_ids), label_ids, label_smoothing=self.size.label_smoothing
        )
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.size.clip_norm)
        self.optimizer.step()
        return loss.item()

    def accuracy(self, batches: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> float:
        """The share of rows whose label comes first."""
        self.model.eval()
        with torch.inference_mode():
            hits = [
                (self.model(ids).argmax(-1) == labels).float()
                for ids, labels in batches
            ]
        self.model.train()
        return float(torch.cat(hits).mean())


Rows = Sequence[tuple[Sequence[int], int]]


def learn(size: Size, order: dict[str, Any]) -> float:
    """Trains some epochs of random batches; the accuracy on the other rows.

    `order` has `train`, `validation` (token ids and label id of each row), `epochs`,
    and `padded_to`: a length, or 0 for that of the longest row of a batch.
    """
    learner, padded_to = Learner(size), order["padded_to"]
    shuffled = random.Random(1)
    accuracy = 0.0
    for _ in range(order["epochs"]):
        rows = shuffled.sample(order["train"], len(order["train"]))
        for batch in _batches(rows, size.rows, padded_to):
            if len(batch[1]) == size.rows:
                learner.step(*batch)
        held_out = _batches(order["validation"], size.rows, padded_to)
        accuracy = learner.accuracy(list(held_out))
    return accuracy


def _batches(rows: Rows, count: int, padded_to: int) -> Any:
    for start in range(0, len(rows), count):
        batch = rows[start : start + count]
        texts = [torch.tensor(ids[:MAX_SEQUENCE_LENGTH]) for ids, _ in batch]
        ids = nn.utils.rnn.pad_sequence(texts, batch_first=True)
        missing = max(0, padded_to - ids.shape[1])
        yield functional.pad(ids, (0, missing)), torch.tensor([row[1] for row in batch])


def main(size: Size) -> None:
    """Obeys its standard input."""
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    learner = Learner(size)
    token_ids = torch.randint(5, size.vocabulary_size, (size.rows, size.tokens))
    label_ids = torch.randint(size.num_classes, (size.rows,))
    square = torch.randn(worker.SIDE, worker.SIDE)
    product: Callable[[], object] = lambda: square @ square  # noqa: E731
    worker.obey(
        {
            worker.STEPS: worker.repeated(lambda: learner.step(token_ids, label_ids)),
            worker.PRODUCT: worker.repeated(product),
            worker.LEARN: lambda order: learn(size, order),
        }
    )


if __name__ == "__main__":
    main(Size.from_json(sys.argv[1]))
