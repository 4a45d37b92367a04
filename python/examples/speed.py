"""Steps a second of training Pendulum-v1, beside PPO of Stable-Baselines3 with SubprocVecEnv.

    pip install stable-baselines3
    python speed.py [steps] [rounds]

Both train with 16 environments in two processes or more, 128 steps each, minibatches of 64 and 10 epochs, in turns, so that
what else the machine does meets both. Networks have layers of 64: two of the critic and two of the actor there; here two of the
critic, two of the encoder and one of the head.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import gymnasium as gym

import paspo


def make():
    return gym.make("Pendulum-v1")


def ours(steps):
    with tempfile.TemporaryDirectory() as folder:
        run = paspo.train(
            make, steps=steps, out=Path(folder, "run"), device="cpu", quiet=True, start="fork",
            config={
                "ppo.envs": 16, "ppo.steps_per_env": 128, "ppo.minibatch": 64, "ppo.epochs": 10, "ppo.eval_every": 0,
                "policy.encoder": [64], "policy.latent": 64, "policy.heads": [64], "policy.critic": [64, 64],
                "report.episodes": 2, "debias.enabled": False,
            },
        )  # fmt: skip
        lines = [json.loads(line) for line in Path(run, "metrics.jsonl").read_text().splitlines()]
        return lines[-1]["step"] / sum(m["rollout_seconds"] + m["update_seconds"] for m in lines)


def theirs(steps):
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import SubprocVecEnv

    torch.set_num_threads(1)
    vector = SubprocVecEnv([make] * 16, start_method="fork")
    model = PPO("MlpPolicy", vector, n_steps=128, batch_size=64, n_epochs=10, device="cpu")
    start = time.time()
    model.learn(steps)
    took = time.time() - start
    vector.close()
    return model.num_timesteps / took


if __name__ == "__main__":
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 20_480
    for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 3):
        a, b = ours(steps), theirs(steps)
        print(f"paspo {a:8.0f} steps/s   Stable-Baselines3 {b:8.0f} steps/s   {a / b:5.1f} times", flush=True)
