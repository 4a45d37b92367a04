"""Gradient steps of Stable-Baselines3's PPO on the CPU, on a rollout of random numbers with the sizes of the portfolio: as
many a second as in the best of its calls of train(), each of which makes ten epochs of 512 rows."""

import argparse
import time

import gymnasium
import numpy as np
import stable_baselines3
import torch


class Nothing(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (27,), np.float32)
    action_space = gymnasium.spaces.Box(-1, 1, (12,), np.float32)

    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        return self.np_random.normal(size=27).astype(np.float32), {}

    def step(self, action):
        return self.np_random.normal(size=27).astype(np.float32), self.np_random.normal(), False, False, {}


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--minibatch", type=int, required=True)
    args.add_argument("--width", type=int, required=True, help="of both hidden layers of actor and critic")
    args.add_argument("--threads", type=int, default=1)
    args.add_argument("--seconds", type=float, default=1)
    args = args.parse_args()
    torch.set_num_threads(args.threads)
    wide = [args.width, args.width]
    model = stable_baselines3.PPO(
        "MlpPolicy", stable_baselines3.common.vec_env.DummyVecEnv([Nothing] * 8), n_steps=64, batch_size=args.minibatch, n_epochs=10,
        learning_rate=1e-6, seed=1, device="cpu", policy_kwargs={"net_arch": {"pi": wide, "vf": wide}, "activation_fn": torch.nn.ReLU},
    )
    model.learn(512)  # fills the rollout
    best, start = 0, time.perf_counter()
    while time.perf_counter() - start < args.seconds:
        begun = time.perf_counter()
        model.train()
        best = max(best, 10 * (512 // args.minibatch) / (time.perf_counter() - begun))
    print(best)


if __name__ == "__main__":
    main()
