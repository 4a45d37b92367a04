"""Train allocation policies under hard linear constraints, from Python.

    import paspo, gymnasium as gym

    run = paspo.train(lambda: gym.make("Pendulum-v1"), envs=16, steps=300_000)
    policy = paspo.load(run)
    action = policy.act(obs)

The work is done by a program that comes with the package; nothing of Python but NumPy is
needed.
"""

from ._binary import Error, binary
from ._policy import Policy, load
from ._polytope import Polytope
from ._train import Run, train

__all__ = ["Error", "Policy", "Polytope", "Run", "binary", "load", "train"]
