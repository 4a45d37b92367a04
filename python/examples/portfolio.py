"""The portfolio environment of rlportfolio (pip install rlportfolio) under limits.

Run it with a number of steps, 20 000 where none is given.
"""

# %% Prices whose daily returns carry on: half of one day's is there the next day

import sys
import tempfile

import numpy as np
import pandas as pd
from rlportfolio.environment import PortfolioOptimizationEnv

import paspo

TICKERS = ["AAA", "BBB", "CCC", "DDD", "EEE"]


def prices(days, seed):
    rng, r, rows = np.random.default_rng(seed), np.zeros(len(TICKERS)), []
    log = np.zeros(len(TICKERS))
    for day in pd.bdate_range("2020-01-01", periods=days):
        r = 0.5 * r + 0.01 * rng.standard_normal(len(TICKERS))
        log += r
        rows += [{"date": day, "tic": t, "close": 100 * np.exp(x)} for t, x in zip(TICKERS, log)]
    return pd.DataFrame(rows)


def market(seed, days=252):
    return PortfolioOptimizationEnv(
        prices(days, seed), initial_amount=100_000, features=["close"], time_window=2, data_normalization="by_previous_time",
        comission_fee_pct=0.0005, reward_scaling=100, print_metrics=False, plot_graphs=False, cwd=tempfile.gettempdir(),
    )  # fmt: skip


# %% Train on one year, whose episodes are all the same

LIMITS = {
    "entities": ["cash", *TICKERS],
    "total": 1,
    "bounds": {"cash": [0.05, 1], **{t: [0, 0.4] for t in TICKERS}},
    "constraints": ["AAA + BBB + CCC <= 0.6"],
}
run = paspo.train(
    lambda: market(seed=1),
    envs=16,
    steps=int(sys.argv[1]) if len(sys.argv) > 1 else 20_000,
    out=sys.argv[2] if len(sys.argv) > 2 else None,
    seed=int(sys.argv[3]) if len(sys.argv) > 3 else 1,
    constraints=LIMITS,
    config={"ppo.gamma": 0.5, "ppo.eval_every": 0, "ppo.eval_episodes": 4, "report.episodes": 4},
)
for row in run.summary["tables"][0]["rows"]:
    print(f"{row['policy']:25} {row['return']:8.1f}")

# %% Act on years that it has not seen, beside the mean of all allowed allocations, which is held throughout

polytope, residual = paspo.Polytope.from_yaml(LIMITS), 0.0
mean = polytope.sample(100_000).mean(0)


def value(year, act):
    env = market(seed=year)
    obs, _ = env.reset()
    over = False
    while not over:
        obs, _, over, _, info = env.step(act(obs))
    return info["metrics"]["fapv"]


def learned(obs):
    global residual
    action = policy.act(obs)
    residual = max(residual, polytope.check(action))
    return action


with paspo.load(run) as policy:
    for year in range(101, 104):
        print(f"year {year}: value {value(year, learned):.3f} of 1, the mean allocation's {value(year, lambda _: mean):.3f}")
print(f"largest residual {residual:.1e}, of training {run.summary['max_residual']:.1e}; violations {run.summary['violations']}")
