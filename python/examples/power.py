"""HalfCheetah-v5 or Hopper-v5 of MuJoCo (pip install "gymnasium[mujoco]") under a power limit.

Run it with the environment, a number of steps, 100 000 where none is given, a run folder and a seed.
"""

# %% Train under sum |a_i| <= c

import sys

import gymnasium as gym
import numpy as np

import paspo

given = sys.argv[1:] + [None] * 4
name = given[0] or "HalfCheetah-v5"
n = gym.make(name).action_space.shape[0]
limit = {"HalfCheetah-v5": 2.0, "Hopper-v5": 1.5}.get(name, 0.3 * n)
run = paspo.train(
    lambda: gym.make(name),
    envs=16,
    steps=int(given[1] or 100_000),
    out=given[2],
    seed=int(given[3] or 1),
    preset="control",
    constraints={"constraints": [{"name": "power", "abs": {f"a{i}": 1 for i in range(n)}, "max": limit}]},
    config={"ppo.eval_every": 0, "report.episodes": 8},
)
for row in run.summary["tables"][0]["rows"]:
    print(f"{row['policy']:25} {row['return']:8.1f}")
print(f"violations of the comparison: {sum(row['violations'] for row in run.summary['tables'][0]['rows'])}")

# %% One episode, as the environment is given its actions

env = gym.make(name)
most, actions, total = 0.0, 0, 0.0
with paspo.load(run) as policy:
    obs, _ = env.reset(seed=1)
    over = False
    while not over:
        action = policy.act(obs)
        most, actions = max(most, np.abs(action).sum(dtype=float)), actions + 1
        obs, reward, terminated, truncated, _ = env.step(action)
        total, over = total + reward, terminated or truncated
print(f"return of one episode: {total:.1f}; largest sum |a_i| of its {actions} actions: {most:.12f}, allowed {limit}")
