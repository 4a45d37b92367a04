"""Acting: the program answers observations over pipes."""

import json
import os
import re
import threading

import numpy as np

from ._binary import Error, Process, integer
from ._polytope import Polytope
from ._spaces import read

# What may follow the state, and how many dimensions it has.
LIMITS = {"b": 1, "total": 1, "lower": 1, "upper": 1, "holdings": 1, "A": 2}

CHECKPOINTS = "latest", "best", "initial"

# How many seeds have processes at a time.
SEEDS = 8

# The infinity that is no limit, which JSON does not have.
NONE = {"b": np.inf, "lower": -np.inf, "upper": np.inf}


def _listed(name, values):
    if name not in NONE:
        return values.tolist()
    return [None if x == NONE[name] else x for x in values.tolist()]


def _numbers(name, values):
    """An array of values, with the infinity that is no limit in the place of None."""
    if np.ma.is_masked(values):
        raise ValueError(f"limits[{name!r}] has masked numbers: numbers without a mask are allowed")
    numbers = np.asarray(values)
    if numbers.dtype.kind == "O" and name in NONE:
        free = np.frompyfunc(lambda x: NONE[name] if x is None else x, 1, 1)(numbers)
        try:
            return np.asarray(free.tolist())
        except ValueError:  # rows of different lengths
            pass
    return numbers


def load(run, *, checkpoint="latest"):
    """The policy of a run: normaliser, networks and constraints as they were trained.

    checkpoint: "latest", "best" or "initial".
    """
    return Policy(run, checkpoint)


class Policy:
    """Answers observations with actions that satisfy the constraints. Threads may share it: one
    is answered after the other. A process that os.fork makes starts processes of its own, whose
    streams begin anew."""

    def __init__(self, run, checkpoint="latest"):
        if checkpoint not in CHECKPOINTS:
            raise ValueError(f"checkpoint is {checkpoint!r}: {', '.join(map(repr, CHECKPOINTS))} are allowed")
        self.run, self.checkpoint = os.fspath(run), checkpoint
        self._processes, self._lock, self._pid = {}, threading.Lock(), os.getpid()
        d = self._describe()
        self.entities = [e["name"] for e in d["entities"]]
        self._space, self._dim = d.get("observation_space"), len(d["observation"])
        action = d.get("action_space") or {"shape": [len(self.entities)], "dtype": "float64"}
        self._shape, self._dtype = tuple(action["shape"]), np.dtype(action["dtype"])

    def __repr__(self):
        return f"Policy({self.run!r}, checkpoint={self.checkpoint!r}): {len(self.entities)} entities, {self._dim} numbers observed"

    def act(self, obs, *, limits=None, seed=None):
        """The action for one observation, or one a row for a batch: arrays of the shape and dtype that
        the environment is given.

        obs: what the environment shows, or a vector of such environments: an array, a dictionary
          or tuple of arrays, a number; a list of dictionaries too. Flattened ones are taken too,
          (dim) or (rows, dim).
        limits: what follows the state, of one state or one a row: a dictionary of "b" and
          "total", the right-hand sides of the inequalities and equalities, "lower" and
          "upper", the bounds of the entities, "holdings", what turnover counts from, and "A",
          the rows of the inequalities. None is no limit in "b", "lower" and "upper".
        seed: actions are sampled, by streams of this seed, where it is given; else they
          are those that the policy prefers. A policy that is given the same seeds and
          observations in the same order samples the same actions. The streams of the last
          8 seeds are kept: a seed that comes back after 8 others begins again.

        Raises Error with the reason where an observation cannot be answered.
        """
        rows, alone = read(self._space, self._dim, obs)
        if not (limits is None or hasattr(limits, "items")):
            raise ValueError(f"limits is {limits!r}: a dictionary of {', '.join(LIMITS)} is allowed, or some of them")
        given = {}
        for name, values in (limits or {}).items():
            if name not in LIMITS:
                raise ValueError(f"limits has {name!r}: {', '.join(LIMITS)} are allowed")
            numbers = _numbers(name, values)
            if numbers.dtype.kind not in "fiub":
                raise ValueError(f"limits[{name!r}] is {values!r}: numbers are allowed")
            values = numbers.astype(float)
            if values.ndim == 0 and name in ("b", "total"):  # there is often one row alone
                values = values[None]
            if np.isnan(values).any():
                raise Error(f"limits[{name!r}] has NaN: numbers are allowed")
            more = values.ndim - LIMITS[name]  # 1 where there is one a row
            one = values.shape[max(more, 0) :]  # of one state
            if more not in (0, 1) or more and len(values) not in (1, len(rows)):
                shape = "(n)" if LIMITS[name] == 1 else "(m, n)"
                raise ValueError(f"limits[{name!r}] has shape {values.shape}: {shape} is allowed, or that of {len(rows)} states, one a row")
            given[name] = np.broadcast_to(values, (len(rows), *one))
        if not len(rows):
            return np.empty((0, *self._shape), self._dtype)
        lines = []
        for i, row in enumerate(rows):
            lines.append(json.dumps({"obs": row, **{name: _listed(name, v[i]) for name, v in given.items()}}))
        answers = self._ask(seed, lines)
        actions = []
        for i, answer in enumerate(answers):
            if "error" in answer:
                # A line of the pipe is a row here.
                reason = re.sub(r"^line \d+: ", "", answer["error"])
                raise Error(reason if alone else f"row {i}: {reason}")
            actions.append(answer["action"])
        out = np.array(actions, float).astype(self._dtype).reshape(-1, *self._shape)
        return out[0] if alone else out

    def polytope(self):
        """The polytope of the run, with the bounds of an action space in it and without limits
        that follow the state."""
        return Polytope(self.run)

    def _describe(self):
        """What act --describe says, or Error where there is no such policy."""
        process = Process("act", self.run, "--checkpoint", self.checkpoint, "--describe")
        try:
            said = process.popen.stdout.read()
            if not said:
                raise process.failed()
            return json.loads(said)
        finally:
            process.close()

    def _ask(self, seed, lines):
        if seed is not None:
            seed = integer("seed", seed)
        if self._pid != os.getpid():
            self._lock, self._pid = threading.Lock(), os.getpid()  # a thread of the other process may hold that one
            self.close()
        with self._lock:
            return self._ask_one(seed, lines)

    def _ask_one(self, seed, lines):
        process = self._processes.pop(seed, None)
        if process is None:
            arguments = ["act", self.run, "--checkpoint", self.checkpoint]
            if seed is not None:
                arguments += ["--stochastic", "--seed", str(seed)]
            process = Process(*arguments)
        try:
            answers = self._answers(process, lines)
        except BaseException:
            process.kill()  # what it has yet to answer belongs to nothing else
            raise
        self._processes[seed] = process
        sampling = [s for s in self._processes if s is not None]  # the last used last
        for s in sampling[:-SEEDS]:
            self._processes.pop(s).close()
        return answers

    @staticmethod
    def _answers(process, lines):

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
        if hasattr(self, "_processes"):
            self.close()
