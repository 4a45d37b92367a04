"""Acting: the program answers observations over pipes."""

import json
import os
import re
import threading

import numpy as np

from ._binary import Error, Process

# What may follow the state, and how many dimensions it has.
LIMITS = {"b": 1, "total": 1, "lower": 1, "upper": 1, "A": 2}

# The infinity that is no limit, which JSON does not have.
NONE = {"b": np.inf, "lower": -np.inf, "upper": np.inf}


def _listed(name, values):
    if name not in NONE:
        return values.tolist()
    return [None if x == NONE[name] else x for x in values.tolist()]


def load(run, *, checkpoint="latest"):
    """The policy of a run: normaliser, networks and constraints as they were trained.

    checkpoint: "latest", "best" or "initial".
    """
    return Policy(run, checkpoint)


class Policy:
    """Answers observations with actions that satisfy the constraints. One thread at a time
    may use it."""

    def __init__(self, run, checkpoint="latest"):
        self.run, self.checkpoint = os.fspath(run), checkpoint
        self.entities = None  # known after the first action
        self._processes = {}

    def act(self, obs, *, limits=None, seed=None):
        """The action for one observation (dim), or one a row for a batch (rows, dim).

        limits: what follows the state, of one state or one a row: a dictionary of "b" and
          "total", the right-hand sides of the inequalities and equalities, "lower" and
          "upper", the bounds of the entities, and "A", the rows of the inequalities.
        seed: actions are sampled, by streams of this seed, where it is given; else they
          are those that the policy prefers. A policy that is given the same seeds and
          observations in the same order samples the same actions.

        Raises Error with the reason where an observation cannot be answered.
        """
        obs = np.asarray(obs, float)
        if obs.ndim not in (1, 2):
            raise ValueError(f"obs has shape {obs.shape}: (dim) or (rows, dim) is allowed")
        rows = np.atleast_2d(obs)
        for i, k in np.argwhere(~np.isfinite(rows))[:1]:
            raise Error(f"{f'row {i}: ' if obs.ndim == 2 else ''}component {k} of the observation is {rows[i, k]}: finite numbers are allowed")
        given = {}
        for name, values in (limits or {}).items():
            if name not in LIMITS:
                raise ValueError(f"limits has {name!r}: {', '.join(LIMITS)} are allowed")
            values = np.asarray(values, float)
            if np.isnan(values).any():
                raise Error(f"limits[{name!r}] has NaN: numbers are allowed")
            one = values.shape[values.ndim - LIMITS[name] :]  # of one state
            given[name] = np.broadcast_to(values, (len(rows), *one))
        lines = []
        for i, row in enumerate(rows):
            lines.append(json.dumps({"obs": row.tolist(), **{name: _listed(name, v[i]) for name, v in given.items()}} if given else row.tolist()))
        answers = self._ask(seed, lines)
        actions = []
        for i, answer in enumerate(answers):
            if "error" in answer:
                # A line of the pipe is a row here.
                reason = re.sub(r"^line \d+: ", "", answer["error"])
                raise Error(f"row {i}: {reason}" if obs.ndim == 2 else reason)
            self.entities = answer["entities"]
            actions.append(answer["action"])
        out = np.array(actions)
        return out[0] if obs.ndim == 1 else out

    def _ask(self, seed, lines):
        process = self._processes.get(seed)
        if process is None:
            arguments = ["act", self.run, "--checkpoint", self.checkpoint]
            if seed is not None:
                arguments += ["--stochastic", "--seed", str(int(seed))]
            process = self._processes[seed] = Process(*arguments)

        # Written beside reading: neither side waits for the other with both pipes full.
        def write():
            try:
                process.popen.stdin.write(("\n".join(lines) + "\n").encode())
                process.popen.stdin.flush()
            except (BrokenPipeError, ValueError):
                pass

        writer = threading.Thread(target=write)
        writer.start()
        answers = [process.popen.stdout.readline() for _ in lines]
        writer.join()
        if not answers[-1]:
            del self._processes[seed]
            raise process.failed()
        return [json.loads(a) for a in answers]

    def close(self):
        """Ends the processes that answer."""
        for process in self._processes.values():
            process.close()
        self._processes.clear()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        self.close()
