"""Pendulum-v1 of Gymnasium: train, look at the result, act.

Run it with a number of steps, 300 000 where none is given.
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
    config={
        "ppo.gamma": 0.9, "ppo.clip": 0.2, "ppo.entropy_coef": 0, "ppo.lr_schedule": "linear", "ppo.adam_beta1": 0.9, "ppo.adam_beta2": 0.999,
        "ppo.weight_decay": 0, "ppo.scale_rewards": True, "ppo.eval_every": 0, "policy.min_shape": 0.5, "report.episodes": 50,
    },
)  # fmt: skip

# %% What the comparison says

for row in run.summary["tables"][0]["rows"]:
    print(f"{row['policy']:25} {row['return']:8.1f}")

# %% One episode

env = gym.make("Pendulum-v1")
with paspo.load(run) as policy:
    obs, _ = env.reset(seed=1)
    total, over = 0.0, False
    while not over:
        obs, reward, terminated, truncated, _ = env.step(policy.act(obs).astype("float32"))
        total, over = total + reward, terminated or truncated
print(f"return of one episode: {total:.1f}")
