"""Fits the reader's two heads: train.py EXAMPLES.jsonl [MEASURED.jsonl]

Both files are what `lorekeeper dataset build reader` writes. The heads are
linear and fitted on EXAMPLES: `rank` by a softmax over the passages of a
question, `answer` by logistic regression. MEASURED (by default EXAMPLES, in
folds by page) is what they are then judged on, beside the weights in
weights.json. Fitted weights go to standard output; they replace weights.json
only if they are better on questions that people asked.
"""

import json
import pathlib
import sys

import numpy as np
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

RANK = ("fused", "met", "page", "number", "ticket")
ANSWER = ("similarity", "weighted", "weakest", "coverage", "no_number", "unknown_name", "bias")
FOLDS, DECAY = 5, 0.02


def main(examples, measured=None):
    train = read(examples)
    shipped = json.loads((pathlib.Path(__file__).parent / "weights.json").read_text())
    folds = [(train, read(measured))] if measured else list(by_page(train))
    report("shipped", [(shipped, test) for _, test in folds])
    report("fitted", [(fit(part), test) for part, test in folds])
    print(json.dumps({"base": shipped["base"], **fit(train)}, indent=2))


def read(path):
    return [json.loads(line) for line in open(path, encoding="utf-8")]


def by_page(rows):
    pages = {page: n % FOLDS for n, page in enumerate(sorted({row["document"] or row["question"] for row in rows}))}
    for fold in range(FOLDS):
        inside = lambda row: pages[row["document"] or row["question"]] == fold
        yield [row for row in rows if not inside(row)], [row for row in rows if inside(row)]


def fit(rows):
    return {"rank": named(RANK, fit_rank(rows)), "answer": named(ANSWER, fit_answer(rows))}


def fit_rank(rows):
    searches = [(x, right) for x, right in map(passages, rows) if right.any()]
    # Features of small range must not pay for their large weights.
    unit = np.concatenate([x for x, _ in searches]).std(0) + 1e-6
    searches = [(x / unit, right) for x, right in searches]

    def loss(weights):
        total, slope = DECAY * weights @ weights, 2 * DECAY * weights
        for x, right in searches:
            chance = softmax(x @ weights)
            among = chance * right / (chance @ right)
            total -= np.log(chance @ right) / len(searches)
            slope = slope - (among - chance) @ x / len(searches)
        return total, slope

    return minimize(loss, np.zeros(len(RANK)), jac=True, method="L-BFGS-B").x / unit


def fit_answer(rows):
    x, y = answers(rows)
    unit = x[:, :-1].std(0) + 1e-6
    head = LogisticRegression(max_iter=2000).fit(x[:, :-1] / unit, y)
    return np.append(head.coef_[0] / unit, head.intercept_)


def report(name, judged):
    first, reciprocal, scores, truth = [], [], [], []
    for weights, rows in judged:
        rank = np.array([weights["rank"][key] for key in RANK])
        for x, right in map(passages, rows):
            if right.any():
                place = np.flatnonzero(right[np.argsort(-(x @ rank), kind="stable")])[0]
                first.append(place == 0)
                reciprocal.append(1 / (place + 1))
        x, y = answers(rows)
        scores.append(x @ np.array([weights["answer"][key] for key in ANSWER]))
        truth.append(y)
    scores, truth = np.concatenate(scores), np.concatenate(truth)
    print(f"{name}: right passage first {np.mean(first):.3f}, MRR {np.mean(reciprocal):.3f} of {len(first)}; "
          f"answered or not, AUC {roc_auc_score(truth, scores):.3f}, accuracy {np.mean((scores > 0) == truth):.3f} "
          f"of {len(truth)}", file=sys.stderr)


def passages(row):
    x = np.array([[passage[key] for key in RANK] for passage in row["passages"]])
    return x, np.array([passage["right"] for passage in row["passages"]], float)


def answers(rows):
    x = np.array([[row["answer"][key] for key in ANSWER] for row in rows])
    return x, np.array([row["answered"] for row in rows])


def softmax(scores):
    chance = np.exp(scores - scores.max())
    return chance / chance.sum()


def named(keys, values):
    return {key: round(float(value), 3) for key, value in zip(keys, values)}


if __name__ == "__main__":
    main(*sys.argv[1:])
