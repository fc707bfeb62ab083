"""The reading model in torch; `graph.py` writes the same as an ONNX graph."""

import torch
from torch import nn
from torch.nn import functional as F
from transformers import AutoModel, AutoTokenizer

QUESTION_TOKENS, PASSAGE_TOKENS = 40, 128
START, END, SPECIAL = 101, 102, 103
NOWHERE, SHARPNESS = -1e4, 8.0


class Reader(nn.Module):
    """Question and passage go through the lower `apart` layers as if each stood alone, through the others together.

    So it begins with what the base knows: before any training its score is late
    interaction of the base's token vectors. Only what is together is trained.
    """

    def __init__(self, base, apart=3):
        super().__init__()
        encoder = AutoModel.from_pretrained(base, attn_implementation="eager", add_pooling_layer=False,
                                            hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
        self.emb, self.layers, self.apart = encoder.embeddings, encoder.encoder.layer, apart
        self.emb.requires_grad_(False)
        for layer in self.layers[:apart]:
            layer.requires_grad_(False)
        size = encoder.config.hidden_size
        self.importance, self.evidence = nn.Linear(size, 1), nn.Linear(size, 1)
        self.direct = nn.Sequential(nn.Linear(2 * size, 96), nn.GELU(), nn.Linear(96, 1))
        for layer in (self.importance, self.evidence, self.direct[2]):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.mix, self.bias = nn.Parameter(torch.tensor([6.0, 2.0, 1.0, 4.0])), nn.Parameter(torch.tensor(-7.5))

    def forward(self, ids, types, valid, positions):
        """Log-odds that each passage answers."""
        with torch.no_grad():
            x = self.emb(input_ids=ids, token_type_ids=torch.zeros_like(types), position_ids=positions)
        hide = lambda seen: torch.where(seen, 0.0, NOWHERE)[:, None]
        together = hide(valid[:, None, :].expand(-1, ids.shape[1], -1))
        alone = hide(valid[:, None, :] & (types[:, :, None] == types[:, None, :]))
        for n, layer in enumerate(self.layers):
            mask = alone if n < self.apart else together
            x = layer(x, mask.to(torch.bfloat16) if torch.is_autocast_enabled("cpu") else mask)
            x = x[0] if isinstance(x, tuple) else x
        return self.head(x.float(), ids, types, valid)

    def head(self, x, ids, types, valid):
        words = valid & (ids > SPECIAL)
        asked, read = words & (types == 0), words & (types == 1)
        unit = F.normalize(x, dim=2)
        met = (unit @ unit.transpose(1, 2)).masked_fill(~read[:, None, :], -1.0).max(2).values
        weight = self.importance(x).squeeze(2).masked_fill(~asked, NOWHERE).softmax(1)
        count = lambda part: part.float().sum(1).clamp(min=1)
        mean = lambda part: (x * part.float()[..., None]).sum(1) / count(part)[:, None]
        weakest = -torch.logsumexp((-SHARPNESS * met).masked_fill(~asked, NOWHERE), 1) / SHARPNESS
        sums = torch.stack([(weight * met).sum(1), (met * asked.float()).sum(1) / count(asked), weakest,
                            F.cosine_similarity(mean(asked), mean(read))], 1)
        told = (x * weight[..., None]).sum(1)
        evidence = torch.logsumexp(self.evidence(x).squeeze(2).masked_fill(~read, NOWHERE), 1) - count(read).log()
        return sums @ self.mix + self.bias + self.direct(torch.cat([told, mean(read)], 1)).squeeze(1) + evidence


class Batches:
    def __init__(self, base):
        self.tokenizer = AutoTokenizer.from_pretrained(base)

    def __call__(self, pairs):
        """Token ids, types, validity and positions of `[CLS] question [SEP] [CLS] passage [SEP]`."""
        cut = lambda texts, most: self.tokenizer(texts, add_special_tokens=False, truncation=True, max_length=most)["input_ids"]
        rows = []
        for question, passage in zip(cut([q for q, _ in pairs], QUESTION_TOKENS), cut([p for _, p in pairs], PASSAGE_TOKENS)):
            first, second = [START, *question, END], [START, *passage, END]
            rows.append((first + second, [0] * len(first) + [1] * len(second), [*range(len(first)), *range(len(second))]))
        longest = max(len(ids) for ids, _, _ in rows)
        padded = lambda k: torch.tensor([row[k] + [0] * (longest - len(row[k])) for row in rows])
        valid = torch.tensor([[True] * len(row[0]) + [False] * (longest - len(row[0])) for row in rows])
        return padded(0), padded(1), valid, padded(2)
