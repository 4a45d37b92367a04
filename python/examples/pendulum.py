"""Pendulum-v1 of Gymnasium: train, look at the result, act.

Run it with a number of steps, 300 000 where none is given, a run folder and a seed.
"""

# %% Train

import sys

import gymnasium as gym

import paspo

run = paspo.train(
    lambda: gym.make("Pendulum-v1"),
    envs=16,
    steps=int(sys.argv[1]) if len(sys.argv) > 1 else 300_000,
    out=sys.argv[2] if len(sys.argv) > 2 else None,
    seed=int(sys.argv[3]) if len(sys.argv) > 3 else 1,
    preset="control",
    config={"ppo.eval_every": 0, "report.episodes": 50},
)

# %% What the comparison says

for row in run.summary["tables"][0]["rows"]:
    print(f"{row['policy']:25} {row['return']:8.1f}")

# %% One episode

env = gym.make("Pendulum-v1")
with paspo.load(run) as policy:
    obs, _ = env.reset(seed=1)
    total, over = 0.0, False
    while not over:
        obs, reward, terminated, truncated, _ = env.step(policy.act(obs))
        total, over = total + reward, terminated or truncated
print(f"return of one episode: {total:.1f}")
