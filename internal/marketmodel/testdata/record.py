"""Records what hmmlearn 0.3.3 fits: python record.py > hmmlearn.json, with hmmlearn==0.3.3 from PyPI."""

import importlib.metadata
import json
import sys

import numpy as np
from hmmlearn.hmm import GaussianHMM

assert importlib.metadata.version("hmmlearn") == "0.3.3"


def model(k, **settings):
    """A model with no prior, so that fit maximises the likelihood alone."""
    return GaussianHMM(k, "full", min_covar=0, covars_prior=0, covars_weight=0, n_iter=5000, tol=1e-11, **settings)


truth = model(3, random_state=7)
truth.startprob_ = np.array([1.0, 0.0, 0.0])
truth.transmat_ = np.array([[0.95, 0.04, 0.01], [0.05, 0.9, 0.05], [0.02, 0.13, 0.85]])
truth.means_ = np.array([[0.012, 0.008], [-0.005, 0.01], [-0.03, -0.04]])
truth.covars_ = np.array([[[4e-4, 1e-4], [1e-4, 3e-4]], [[2e-3, -5e-4], [-5e-4, 1e-3]], [[5e-3, 3e-3], [3e-3, 6e-3]]])
x = np.round(truth.sample(300)[0], 6)

fits = []
for k in (1, 2, 3):
    best = max((model(k, random_state=i).fit(x) for i in range(40)), key=lambda m: m.score(x))
    fits.append({
        "log_likelihood": best.score(x), "bic": best.bic(x), "initial": best.startprob_.tolist(),
        "transition": best.transmat_.tolist(), "means": best.means_.tolist(), "covariances": best.covars_.tolist(),
        "states": best.predict_proba(x)[:5].tolist(),
    })
json.dump({"log_returns": x.tolist(), "fits": fits}, sys.stdout, separators=(",", ":"))
