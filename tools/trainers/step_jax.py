"""Gradient steps of paspo's network in JAX, jitted, in float32, with the parameters, rollout and settings of a trace that
the command paspo beside this file wrote. The steps of the trace are repeated first, and it is an error where losses, norms
of gradients or parameters come out otherwise. What is printed is how many steps a second the best call made; a call makes
ten epochs of the rollout."""

import argparse
import functools
import json
import time

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import digamma, gammaln

EPOCHS = 10
TOLERANCE = 1e-3  # of special functions in float32, where paspo has float64, and what steps make of it


def dense(p, net, layers, x):
    for i in range(layers):
        x = x @ p[f"{net}.{i}.weight"].T + p[f"{net}.{i}.bias"]
        if i < layers - 1:
            x = jax.nn.relu(x)
    return x


def logits_of(p, layers, latent, prefix):
    """Logits of alpha and beta, heads x rows each: every head reads the latent and the entities before its own."""
    heads, _, width = p["heads.0.weight"].shape
    sees = (jnp.arange(width) < latent.shape[1] + jnp.arange(heads)[:, None])[:, None, :]
    x = jnp.concatenate([latent, prefix], axis=1)[:, :width]
    x = jnp.einsum("bi,hoi->hbo", x, jnp.where(sees, p["heads.0.weight"], 0)) + p["heads.0.bias"][:, None, :]
    for i in range(1, layers):
        x = jnp.einsum("hbi,hoi->hbo", jax.nn.relu(x), p[f"heads.{i}.weight"]) + p[f"heads.{i}.bias"][:, None, :]
    return jnp.moveaxis(x, 2, 0)


def evaluate(t, p, b):
    """Log-probability, entropy and value of every row: docs/method.md, sections 2 and 7."""
    net = t["policy"]
    latent = dense(p, "encoder", len(net["Encoder"]) + 1, b["Obs"])
    logits = logits_of(p, len(net["Heads"]) + 1, latent, b["Prefix"])
    alpha, beta = jnp.minimum(jnp.exp(logits) + net["MinShape"], net["MaxShape"])
    log_x, log_1mx, log_width, mask = b["LogX"].T, b["Log1mX"].T, b["LogWidth"].T, b["Mask"].T
    log_b = gammaln(alpha) + gammaln(beta) - gammaln(alpha + beta)
    log_prob = (alpha - 1) * log_x + (beta - 1) * log_1mx - log_b - log_width
    entropy = log_b - (alpha - 1) * digamma(alpha) - (beta - 1) * digamma(beta) + (alpha + beta - 2) * digamma(alpha + beta) + log_width
    value = dense(p, "critic", len(net["Critic"]) + 1, b["Obs"])[:, 0]
    return (mask * log_prob).sum(0), (mask * entropy).sum(0), value


def step(t, state, b):
    """One step of Adam; returns what paspo's diagnostics have too."""
    s = t["settings"]

    def loss(p):
        log_prob, entropy, value = evaluate(t, p, b)
        ratio = jnp.exp(log_prob - b["Old"])
        policy = -jnp.minimum(ratio * b["Advantage"], jnp.clip(ratio, 1 - s["Clip"], 1 + s["Clip"]) * b["Advantage"]).mean()
        values, entropy = ((value - b["Return"]) ** 2).mean(), entropy.mean()
        return policy + s["ValueCoef"] * values - s["EntropyCoef"] * entropy, (policy, values, entropy)

    p, m, v, n = state
    grad, parts = jax.grad(loss, has_aux=True)(p)
    norm = jnp.sqrt(sum(jnp.sum(g * g) for g in grad.values()))
    scale = jnp.minimum(1, s["MaxGradNorm"] / (norm + 1e-6))
    n, b1, b2 = n + 1, s["Beta1"], s["Beta2"]
    g = {k: scale * grad[k] + s["WeightDecay"] * p[k] for k in p}
    m = {k: b1 * m[k] + (1 - b1) * g[k] for k in p}
    v = {k: b2 * v[k] + (1 - b2) * g[k] * g[k] for k in p}
    rate = s["LearningRate"] / (1 - b1**n)
    p = {k: p[k] - rate * m[k] / (jnp.sqrt(v[k] / (1 - b2**n)) + s["Epsilon"]) for k in p}
    return (p, m, v, n), (*parts, norm)


def check(t, state, parts):
    """Ends with an error where the steps of the trace come out otherwise."""
    got, one = [], jax.jit(functools.partial(step, t))
    for i in range(len(t["steps"])):
        state, d = one(state, {k: v[i % len(v)] for k, v in parts.items()})
        got.append([float(x) for x in d])
    want = [[d[k] for k in ("PolicyLoss", "ValueLoss", "Entropy", "GradNorm")] for d in t["steps"]]
    off = np.max(np.abs(np.array(got) - want) / np.maximum(1, np.abs(want)))
    moved = max(np.max(np.abs(np.array(x["Data"]).reshape(x["Shape"]) - state[0][x["Name"]])) for x in t["after"])
    if not (off < TOLERANCE and moved < TOLERANCE):
        raise SystemExit(f"step_jax.py: after {len(got)} steps losses and norms are {off:.1e} off, parameters {moved:.1e}")


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("trace")
    args.add_argument("--seconds", type=float, default=1)
    args = args.parse_args()
    with open(args.trace) as f:
        t = json.load(f)
    n, size = t["batch"]["Rows"], t["minibatch"]
    rollout = {k: jnp.array(t["batch"][k], jnp.float32).reshape(n, -1) for k in ("Obs", "Prefix", "LogX", "Log1mX", "LogWidth", "Mask")}
    rollout |= {k: jnp.array(t["batch"][k], jnp.float32) for k in ("Advantage", "Return")}
    p = {x["Name"]: jnp.array(x["Data"], jnp.float32).reshape(x["Shape"]) for x in t["before"]}
    rollout["Old"] = jax.jit(functools.partial(evaluate, t))(p, rollout)[0]
    parts = {k: v.reshape(n // size, size, *v.shape[1:]) for k, v in rollout.items()}
    zeros = {k: jnp.zeros_like(v) for k, v in p.items()}
    state = (p, zeros, zeros, jnp.float32(0))
    check(t, state, parts)

    small = t | {"settings": t["settings"] | {"LearningRate": 1e-6}}  # the policy stays where it is
    epoch = lambda s, _: (jax.lax.scan(functools.partial(step, small), s, parts)[0], None)
    many = jax.jit(lambda s: jax.lax.scan(epoch, s, None, length=EPOCHS)[0])
    jax.block_until_ready(many(state))
    best, start = 0, time.perf_counter()
    while time.perf_counter() - start < args.seconds:
        begun = time.perf_counter()
        state = jax.block_until_ready(many(state))
        best = max(best, EPOCHS * (n // size) / (time.perf_counter() - begun))
    print(best)


if __name__ == "__main__":
    main()
