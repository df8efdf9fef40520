"""cleanlab's label quality scores on the samples, swaps and out-of-sample probabilities of scripts/labelNoise.ts.

    python bench/peers/label_noise.py OUT [FIXTURE]

Python 3.12 with cleanlab 2.9.0, scikit-learn 1.9.1, scipy 1.18.1. A label is the class with most votes: cleanlab takes
no distributions. Probabilities are (i) the mean of 16 answers of the base trained on the other half, (ii) logistic
regression on 50 principal components of the pixels, five-fold. FIXTURE gets the first 300 samples with everything that
our arithmetic is held to (test/kernels/math/LabelNoise.test.ts): of the embedded scenes only.
"""
import json
import sys
from pathlib import Path

import numpy as np
from cleanlab.rank import get_label_quality_scores
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

METHODS = ["self_confidence", "normalized_margin", "confidence_weighted_entropy"]

out = Path(sys.argv[1])
rows = [json.loads(line) for line in (out / "rows.jsonl").read_text().splitlines()]
pixels = np.fromfile(out / "pixels.bin", dtype=np.uint8).reshape(len(rows), -1) / 255
given = np.array([np.argmax(row["label"]) for row in rows])
votes = np.array([row["votes"] for row in rows])
wrong = np.array([row["wrong"] for row in rows])
plain = wrong & (given != votes.argmax(axis=1))
entropy = -(votes * np.log(np.where(votes > 0, votes, 1))).sum(axis=1)
spread = 1 - votes.max(axis=1)
classes = votes.shape[1]


def figures(name, doubt, known):
    """Higher doubt is more suspect."""
    good = known & ~wrong
    parts = []
    if wrong.any():
        for what, bad in [("AUROC", known & wrong), ("of labels whose first class differs", known & plain)]:
            own = bad | good
            parts.append(f"{what} {roc_auc_score(bad[own], doubt[own]):.3f}")
    parts.append(f"Spearman with entropy {spearmanr(doubt[good], entropy[good])[0]:.3f}")
    parts.append(f"with 1 - largest share {spearmanr(doubt[good], spread[good])[0]:.3f}")
    print(f"{name:48} n {known.sum()}  " + ", ".join(parts))


# Numbers stand for the classes that occur: cleanlab and cross validation want them from 0 without a gap.
present = np.unique(given)
label = np.searchsorted(present, given)


def over_present(probabilities):
    kept = probabilities[:, present]
    total = kept.sum(axis=1, keepdims=True)
    return np.where(total > 0, kept / np.where(total > 0, total, 1), 1 / len(present))


everything = np.ones(len(rows), dtype=bool)
for name in ["metric", "similarity", "mean", "best", "agreement", "certainty"]:
    known = np.array([row.get(name) is not None for row in rows])
    if not known.any():
        continue
    figures(f"ours, {name}", -np.array([row.get(name) or 0.0 for row in rows]), known)

answered = np.array([row["answer"] is not None for row in rows])
answers = over_present(np.array([row["answer"] or [1 / classes] * classes for row in rows]))
model = make_pipeline(StandardScaler(), PCA(50, random_state=0), LogisticRegression(C=0.01, max_iter=2000))
folds = StratifiedKFold(5, shuffle=True, random_state=0)
pixelwise = cross_val_predict(model, pixels, label, cv=folds, method="predict_proba")

for source, probabilities, known in [("answers", answers, answered), ("pixels", pixelwise, everything)]:
    print(f"{source}: accuracy against the right label {np.mean(present[probabilities.argmax(axis=1)] == votes.argmax(axis=1)):.3f}")
    for method in METHODS:
        scores = get_label_quality_scores(label, probabilities, method=method)
        figures(f"cleanlab, {source}, {method}", -scores, known)

if len(sys.argv) > 2:
    first = slice(0, 300)
    scores = {m: get_label_quality_scores(label[first], pixelwise[first], method=m).tolist() for m in METHODS}
    fixture = {
        "made": "bench/peers/label_noise.py, cleanlab 2.9.0, of the embedded scenes",
        "labels": label[first].tolist(),
        "probabilities": pixelwise[first].tolist(),
        "wrong": wrong[first].tolist(),
        "entropy": entropy[first].tolist(),
        "scores": scores,
        "auroc": {m: roc_auc_score(wrong[first], -np.array(s)) for m, s in scores.items()},
        "spearman": {m: spearmanr(-np.array(s), entropy[first])[0] for m, s in scores.items()},
    }
    Path(sys.argv[2]).write_text(json.dumps(fixture) + "\n")
