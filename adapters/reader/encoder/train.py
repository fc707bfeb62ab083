"""Trains the reading model: train.py BASE SECTIONS CANDIDATES OUT [--start CHECKPOINT] [--minutes N] [--asked SHARE] ...

BASE is the folder of the embedding model, SECTIONS a file of `documentation.py`,
CANDIDATES a folder of `candidates.py`. Groups are drawn from both, `--asked` of
them from questions that people wrote; one organisation (`--held`) is only
measured on. What a question's wording alone tells about whether its author gave
it an answer is fitted first, added while training, and so not learnt (Clark et
al., 2019). OUT gets a checkpoint every few minutes, and what is held out is
measured.
"""

import argparse
import pathlib
import random
import time

import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from torch.nn import functional as F

from net import Batches, Reader
from pairs import Asked, Documentation

READ_TOGETHER, WARM_UP, LEAST_RATE, SHOWN = 4, 60, 0.03, 50


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("base", "sections", "candidates", "out"):
        parser.add_argument(name)
    parser.add_argument("--start", help="checkpoint to go on from")
    parser.add_argument("--asked", type=float, default=0.66, help="share of groups from questions that people wrote")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--every", type=float, default=9, help="minutes between two checkpoints")
    parser.add_argument("--rate", type=float, default=2e-4)
    parser.add_argument("--pairs", type=int, default=32, help="pairs a step")
    parser.add_argument("--held", default="university")
    parser.add_argument("--apart", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)

    net, batches = Reader(options.base, options.apart), Batches(options.base)
    if options.start:
        net.load_state_dict(torch.load(options.start))
    files = sorted(pathlib.Path(options.candidates).glob("*.jsonl"))
    rows = [row for file in files for row in Asked(file).rows]
    known = priors([row["question"] for row in rows], np.array([bool(row["answers"]) for row in rows]))
    asked = [Asked(file, known) for file in files if file.stem != options.held]
    held = [row for file in files if file.stem == options.held for row in Asked(file).rows]
    documentation, random_ = Documentation(options.sections), random.Random(1)

    def draw():
        if random_.random() >= options.asked:
            return documentation.group(random_)
        return random_.choices(asked, [len(source.rows) for source in asked])[0].group(random_)

    train(net, batches, draw, options, lambda: print(report(net, batches, held), flush=True))


def priors(questions, answered):
    """Log-odds that a question is answered, by its words alone, each by a model that has not seen it."""
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True, lowercase=True)
    model = make_pipeline(words, LogisticRegression(max_iter=3000))
    found = cross_val_predict(model, questions, answered, cv=8, method="decision_function")
    print(f"answered or not by wording alone: AUC {roc_auc_score(answered, found):.3f} of {len(found)}")
    return dict(zip(questions, found.tolist()))


def train(net, batches, draw, options, told):
    body = [weight for weight in net.layers.parameters() if weight.requires_grad]
    head = [weight for name, weight in net.named_parameters() if not name.startswith(("emb", "layers"))]
    optimizer = torch.optim.AdamW([{"params": body, "lr": options.rate, "weight_decay": 0.01},
                                   {"params": head, "lr": options.rate * 8, "weight_decay": 0.0}], betas=(0.9, 0.98))
    rates = [group["lr"] for group in optimizer.param_groups]
    began = saved = time.time()
    step, seen, lost = 0, 0, 0.0
    while (done := (time.time() - began) / 60 / options.minutes) < 1:
        for group, rate in zip(optimizer.param_groups, rates):
            group["lr"] = rate * min(1, (step + 1) / WARM_UP) * max(LEAST_RATE, 1 - done)
        groups = []
        while sum(len(group.passages) for group in groups) < options.pairs:
            groups.append(draw())
        value = loss(net, batches, groups)
        value.backward()
        torch.nn.utils.clip_grad_norm_(body, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        step, seen, lost = step + 1, seen + sum(len(group.passages) for group in groups), lost + value.item()
        if step % SHOWN == 0:
            print(f"step {step}, {seen} pairs, {time.time() - began:.0f} s, loss {lost / SHOWN:.3f}", flush=True)
            lost = 0.0
        if time.time() - saved > options.every * 60:
            torch.save(net.state_dict(), options.out)
            told()
            saved = time.time()
    torch.save(net.state_dict(), options.out)
    told()


def loss(net, batches, groups):
    pairs = [(group.question, passage) for group in groups for passage in group.passages]
    found, at, total = read(net, batches, pairs, 20), 0, 0.0
    for group in groups:
        odds = torch.stack(found[at:at + len(group.passages)])
        at += len(group.passages)
        told = odds + group.prior
        truth = torch.zeros(len(odds))
        truth[0] = group.answered
        which = F.cross_entropy(torch.cat([torch.zeros(1), told])[None], torch.tensor([int(group.answered)]))
        total = total + which + 0.5 * F.binary_cross_entropy_with_logits(told, truth)
        if group.answered:
            total = total + 0.5 * F.cross_entropy(odds[None], torch.tensor([0]))
    return total / len(groups)


def read(net, batches, pairs, rows):
    """Log-odds of each pair; pairs of like length together."""
    found = [None] * len(pairs)
    order = sorted(range(len(pairs)), key=lambda n: len(pairs[n][0]) + len(pairs[n][1]))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for start in range(0, len(order), rows):
            part = order[start:start + rows]
            for n, odds in zip(part, net(*batches([pairs[n] for n in part]))):
                found[n] = odds
    return found


def report(net, batches, rows):
    """Each answered question is asked with its passages and without; near misses are those that nothing answers.

    The first comparison can't be won by the question's wording: both sides have the same questions.
    """
    cases, first = {"left out": [], "near misses": []}, []
    for row in rows:
        found = [passage for passage in row["passages"] if passage["features"]]
        found.sort(key=lambda passage: -passage["features"]["score"])
        with torch.inference_mode():
            odds = [value.item() for value in read(net, batches, [(row["question"], passage["text"]) for passage in found], 32)]
        with_all, without = list(range(len(found))), [n for n, passage in enumerate(found) if not passage["right"]]
        seen = lambda kept: features(found, odds, kept[:READ_TOGETHER])
        if row["answers"] and any(found[n]["right"] for n in with_all[:READ_TOGETHER]):
            cases["left out"] += [(seen(with_all), 1), (seen(without), 0)]
            first.append(found[max(with_all[:READ_TOGETHER], key=lambda n: odds[n])]["right"])
        cases["near misses"].append((seen(with_all), int(bool(row["answers"]))))
    lines = [f"right first of {READ_TOGETHER}: {np.mean(first):.3f} of {len(first)}"]
    for name, case in cases.items():
        x, y = np.array([x for x, _ in case]), np.array([y for _, y in case])
        lines.append(f"{name}, AUC: read {roc_auc_score(y, x[:, -1]):.3f}, features {folds(x[:, :-2], y):.3f}, both {folds(x, y):.3f} of {len(y)}")
    return "; ".join(lines)


def features(found, odds, kept):
    best = found[kept[0]]["features"]
    return [best["similarity"], *best["met"].values(), odds[kept[0]], max(odds[n] for n in kept)]


def folds(x, y):
    x = (x - x.mean(0)) / (x.std(0) + 1e-6)
    return roc_auc_score(y, cross_val_predict(LogisticRegression(max_iter=1000), x, y, method="decision_function",
                                              cv=KFold(5, shuffle=True, random_state=1)))


if __name__ == "__main__":
    main()
