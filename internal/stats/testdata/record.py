"""Records what rliable 1.2.0 computes: python record.py > rliable.json, with rliable==1.2.0 and pandas<3 from PyPI."""

import importlib.metadata
import json
import sys

import numpy as np
from rliable import library, metrics

assert importlib.metadata.version("rliable") == "1.2.0"
np.random.seed(1)


def rounded(x):
    return np.round(x, 6)


# Runs by tasks: two methods with their own numbers of runs, ties between and within them.
x = rounded(np.random.gamma(2.0, 0.4, size=(10, 4)))
y = rounded(np.random.normal(0.7, 0.3, size=(7, 4)))
y[:3, 1] = x[:3, 1]
x[4, 2] = x[5, 2]
one = rounded(np.random.normal(0.5, 0.2, size=(9, 1)))
taus = [-0.5, 0.0, 0.25, 0.5, float(x[0, 0]), 0.75, 1.0, 2.0, 9.0]


def interval(scores, f, reps=20000):
    point, ends = library.get_interval_estimates({"a": scores}, lambda *s: np.array([f(*s)]), reps=reps)
    return [float(point["a"][0]), float(ends["a"][0][0]), float(ends["a"][1][0])]


out = {"scores": {k: v.T.tolist() for k, v in {"x": x, "y": y, "one": one}.items()}, "taus": taus, "of": {}}
for name, s in {"x": x, "y": y, "one": one}.items():
    profile, _ = library.create_performance_profile({"a": s}, np.array(taus), reps=10)
    out["of"][name] = {
        "iqm": interval(s, metrics.aggregate_iqm),
        "optimality_gap": interval(s, metrics.aggregate_optimality_gap),
        "profile": profile["a"].tolist(),
    }
out["x over y"] = interval([x, y], metrics.probability_of_improvement, 4000)
out["y over x"] = interval([y, x], metrics.probability_of_improvement, 4000)
json.dump(out, sys.stdout, indent=1)
print()
