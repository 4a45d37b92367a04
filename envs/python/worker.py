"""What a worker process runs: environments of Gymnasium's interface behind shared memory.

The program that trains gives this text to Python, so the two are always of one version.
It needs NumPy alone. A word of the shared memory asks for a step or a reset of what the memory
lists, and says that it is done. Other requests are M with a length and JSON on a socket, as
answers are, or "." where all is well. A W wakes who sleeps at the socket.
"""

import base64
import ctypes
import importlib
import inspect
import itertools
import json
import mmap
import os
import select
import signal
import socket
import struct
import sys
import threading
import time
import traceback
from numbers import Number

try:
    import numpy as np
except ImportError as e:
    np, no_numpy = None, str(e).strip().partition("\n")[0]

TERMINATED, TRUNCATED, FRESH, SKIPPED = 1, 2, 4, 8  # flags
LIMITS = "b", "lower", "total", "upper"  # of a state
MOST = 500  # characters of what an environment says about itself
NAMES = 32  # of numbers in the info of an environment
LARGE = 1e290  # what numbers in info are below, whose means would else be infinite
CLOSING = 5  # seconds that workers may take to close their environments
LOOKS = 8  # steps in which it is looked whether environments share an array
MANY = 20  # environments, above which it pays to prepare a step and to join observations


class Refused(Exception):
    """Says what about an environment cannot be trained on."""


# Spaces


def kind(space):
    return type(space).__name__


def parts_of(space):
    """The spaces of a Dict, a Tuple or a OneOf, with what each is called."""
    return list(space.spaces.items()) if hasattr(space.spaces, "items") else list(enumerate(space.spaces))


def flattener(space, name="obs"):
    """The length of flattened observations, their names, and a function that flattens
    one, None where it is a vector already. The order is that of gymnasium.spaces.flatten."""
    if hasattr(space, "spaces"):
        items = parts_of(space)
        if not items:
            raise Refused(f"the observation space has a {kind(space)} of nothing as {name}: one space at least is needed")
        parts = [(k, *flattener(s, f"{name}.{k}")) for k, s in items]
        if kind(space) == "OneOf":
            most = max(p[1] for p in parts)

            def chosen(o):
                k = int(o[0])
                if not 0 <= k < len(parts):
                    raise Refused(f"{name} is of space {k}: 0 to {len(parts) - 1} are allowed")
                f = parts[k][3]
                x = np.ravel(o[1]) if f is None else f(o[1])
                if len(x) != parts[k][1]:
                    raise Refused(f"{name} of space {k} has {len(x)} numbers, that has {parts[k][1]}")
                return np.concatenate([[k], x, np.full(most - len(x), x[0])])

            return 1 + most, [f"{name}.which", *(f"{name}.{i}" for i in range(most))], chosen

        def flat(o):
            return np.concatenate([np.ravel(o[k]) if f is None else f(o[k]) for k, _, _, f in parts])

        return sum(p[1] for p in parts), sum((p[2] for p in parts), []), flat
    if hasattr(space, "low") and hasattr(space, "high"):
        shape = np.shape(space.low)
        if 0 in shape:
            raise Refused(f"the observation space has a Box of shape {shape} as {name}: one number at least is needed")
        names = [name + "".join(f"[{i}]" for i in index) for index in np.ndindex(*shape)]
        return len(names), names, None if len(shape) == 1 else np.ravel
    if hasattr(space, "nvec"):
        sizes = np.ravel(space.nvec)
        starts = np.ravel(getattr(space, "start", np.zeros_like(sizes)))
        names = [f"{name}[{i}]={starts[i] + v}" for i, n in enumerate(sizes) for v in range(n)]
        offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]]) - starts

        def one_hot(o):
            out, k = np.zeros(len(names)), np.ravel(o)
            if (k < starts).any() or (k - starts >= sizes).any():
                raise Refused(f"{name} is {k.tolist()}: {starts.tolist()} to {(starts + sizes - 1).tolist()} are allowed")
            out[offsets + k] = 1
            return out

        return len(names), names, one_hot
    if kind(space) == "MultiBinary":
        shape = np.shape(np.zeros(space.n))
        names = [name + "".join(f"[{i}]" for i in index) for index in np.ndindex(*shape)]
        return len(names), names, None if len(shape) == 1 else np.ravel
    if kind(space) == "Discrete":
        n, start = int(space.n), int(getattr(space, "start", 0))

        def hot(o):
            out, k = np.zeros(n), int(o) - start
            if k + start != o or not 0 <= k < n:
                raise Refused(f"{name} is {short(o)}: an integer from {start} to {start + n - 1} is allowed")
            out[k] = 1
            return out

        return n, [f"{name}={start + v}" for v in range(n)], hot
    raise Refused(f"the observation space is a {kind(space)}: Box, Discrete, MultiDiscrete, MultiBinary, Dict, Tuple and OneOf are allowed")


def form(space):
    """A space of observations in JSON (space.go). What flattens its observations knows that it is one."""
    if hasattr(space, "spaces"):
        items = parts_of(space)
        if kind(space) == "OneOf":
            d = {"kind": "OneOf"}
        elif hasattr(space.spaces, "items"):
            d = {"kind": "Dict", "keys": [str(k) for k, _ in items]}
        else:
            d = {"kind": "Tuple"}
        return {**d, "spaces": [form(s) for _, s in items]}
    if hasattr(space, "low") and hasattr(space, "high"):
        return {"kind": "Box", "shape": np.shape(space.low)}
    if hasattr(space, "nvec"):
        start = getattr(space, "start", np.zeros_like(space.nvec))
        return {"kind": "MultiDiscrete", "shape": np.shape(space.nvec), "sizes": np.ravel(space.nvec).tolist(), "start": np.ravel(start).tolist()}
    if kind(space) == "MultiBinary":
        return {"kind": "MultiBinary", "shape": np.shape(np.zeros(space.n))}
    return {"kind": "Discrete", "sizes": [int(space.n)], "start": [int(getattr(space, "start", 0))]}


def batch_flattener(space, flatten):
    """A function that flattens a batch of observations of a space to rows. flatten is that of one."""
    if hasattr(space, "spaces") and kind(space) != "OneOf":
        items = parts_of(space)
        parts = [(k, batch_flattener(s, flattener(s)[2])) for k, s in items]
        return lambda o: np.concatenate([f(o[k]) for k, f in parts], 1)
    if flatten is None or flatten is np.ravel:
        return lambda o: np.asarray(o).reshape(len(o), -1)
    return lambda o: np.array([flatten(x) for x in o])


def part(batch, i):
    """Element i of a batch of observations."""
    if isinstance(batch, dict):
        return {k: part(v, i) for k, v in batch.items()}
    return tuple(part(v, i) for v in batch) if isinstance(batch, tuple) else batch[i]


def action_box(space, actions):
    """The bounds of the elements of an action, its shape and dtype, and the dtype of its space. Its
    dtype is float64 where that is asked for, else that of the space."""
    if space is None or not (hasattr(space, "low") and hasattr(space, "high")):
        raise Refused(f"the action space is a {kind(space)}: a Box is allowed")
    low, high = np.ravel(np.asarray(space.low, float)), np.ravel(np.asarray(space.high, float))
    dtype = np.dtype(getattr(space, "dtype", None) or float)
    if dtype.kind != "f":
        raise Refused(f"the action space is a Box of {dtype}: one of floating-point numbers is allowed")
    if actions != "float64" and dtype.itemsize < 4:
        raise Refused(
            f"the action space is a Box of {dtype}, whose rounding moves an action beyond its limits by up to {np.finfo(dtype).eps / 2:.1g} of their terms: "
            "float32 and float64 are allowed, or env.python.actions is float64, so that step is given such actions all the same"
        )
    if low.shape != high.shape or low.size == 0:
        raise Refused(f"the action space has {low.size} lower and {high.size} upper bounds: as many of both, and one at least, are allowed")
    return low, high, np.shape(space.low), np.dtype(float) if actions == "float64" else dtype, dtype


def floats(v, what):
    """An array of floating-point numbers. NumPy would also take texts that read as numbers, dates,
    real parts, None and what a mask hides."""
    unmasked(v, what)
    a = np.asarray(v)
    if a.dtype.kind not in "fiub" and not (a.dtype.kind == "O" and all(isinstance(x, Number) and not isinstance(x, complex) for x in a.flat)):
        raise Refused(f"{what} is {short(v)}: numbers are allowed")
    return a.astype(float, copy=False)


def unmasked(v, what):
    """Refuses masked numbers in v and in its parts."""
    for k, part in v.items() if isinstance(v, dict) else enumerate(v) if isinstance(v, tuple) else ():
        unmasked(part, f"{what}.{k}")
    if np.ma.is_masked(v):
        raise Refused(f"{what} is {short(v.tolist())}, of which some are masked: numbers without a mask are allowed")


def numbers(v):
    return [None if np.isinf(x) else float(x) for x in v]


# What the environment says about itself


def limits_of(env):
    """The names of its limits that follow the state."""
    limits = method(env, "limits")
    names = sorted(limited(env, limits())) if limits else []
    unknown = set(names) - set(LIMITS)
    if unknown:
        raise Refused(f"limits() has {', '.join(sorted(unknown))}: {', '.join(LIMITS)} are allowed")
    return names


def limited(env, now):
    """What limits() of an environment returned, a dictionary."""
    if not hasattr(now, "keys"):
        raise Refused(f"limits() of {called(env)} returned {short(now)}: a dictionary with {', '.join(LIMITS)} or some of them is allowed")
    return now


def words(env):
    """What the reward and the episode are, from the spec and the docstring, which in Gymnasium
    has headings for both; empty where they do not say."""
    sections = {"reward": "", "episode": ""}
    at = None
    doc = getattr(env, "unwrapped", env).__doc__
    for line in inspect.cleandoc(doc).splitlines() if isinstance(doc, str) else ():
        if line.startswith("#"):
            at = next((name for name in sections if line.strip("# ").lower().startswith(name)), None)
            continue
        if at:
            sections[at] += line + " "
    steps = getattr(getattr(env, "spec", None), "max_episode_steps", None)
    episode = [f"at most {steps} steps"] if steps else []
    reward, said = (" ".join(sections[name].split()) for name in sections)
    return reward[:MOST], "; ".join(episode + [said] * bool(said))[:MOST]


# Environments, by slot


def taken_apart(vector):
    """A function that makes the environments of SyncVectorEnv and AsyncVectorEnv in turn. They are
    stepped one by one, so that whenever the vector would start episodes, they start with seeds of
    the run, and no step is lost on it."""
    makers = itertools.cycle(vector.env_fns)
    vector.close()
    return lambda: next(makers)()


class Singles:
    """Environments with step and reset of their own."""

    blank, blanks = None, ()  # an array for the actions of the next step, and its rows
    used = ()  # what the last step has used
    looks = LOOKS  # that are left

    def __init__(self, make, first, actions):
        self.make, self.spare, self.envs, self.steps, self.bounds = make, [first], [], [], []  # by slot
        self.infos = {}  # by slot, then name: sum and count of numbers in info
        self.dim, self.names, self.flatten = flattener(first.observation_space)
        self.space = form(first.observation_space)
        self.low, self.high, self.shape, self.dtype, self.rounding = action_box(first.action_space, actions)

    def spaces(self):
        action = {"shape": self.shape, "dtype": self.dtype.name}
        return {"obs_names": self.names, "low": numbers(self.low), "high": numbers(self.high), "observation": self.space, "action": action}

    def describe(self):
        d = self.spaces()
        first = self.spare[0]
        # The same seed twice: whether episodes depend on it alone shows in what they begin with.
        one, two = (self.flat(begun(first, seed=1)) for _ in range(2))
        d["repeats"] = bool(np.array_equal(one, two))
        d["limits"] = limits_of(first)
        d["saves"] = all(callable(getattr(first, m, None)) for m in ("save_state", "load_state"))  # not those inside wrappers, which have a state too
        d["reward"], d["episode"] = words(first)
        return d

    def flat(self, o):
        unmasked(o, "obs")
        return floats(o if self.flatten is None else self.flatten(o), "the observation")

    def memory(self, fd, layout):
        self.map = mmap.mmap(fd, layout["size"])
        os.close(fd)
        cap = layout["capacity"]

        def view(name, dtype, width=None):
            shape = cap if width is None else (cap, width)
            return np.ndarray(shape, dtype, self.map, layout[name])

        self.head, self.list = memoryview(self.map)[:64].cast("q"), view("list", np.int32)
        self.seeds, self.rewards, self.flags = view("seeds", np.uint32), view("rewards", float), view("flags", np.uint8)
        self.obs, self.final = view("obs", float, self.dim), view("final", float, self.dim)
        self.actions = view("actions", float, len(self.low))
        self.limits = {k: view(k, float, w) for k, w in layout["limits"].items() if w}
        self.entities, self.own = layout["entities"], {}
        for name, none, sign in (("lower", -np.inf, -1), ("upper", np.inf, 1)):
            own = np.array([none if x is None else x for x in layout["own"][name]], float)
            # Bounds are of the same numbers where rounding alone is between them.
            self.own[name] = own, own + sign * np.finfo(self.rounding).eps * np.maximum(1, np.abs(own))

    def new(self):
        env = self.spare.pop() if self.spare else self.make()
        low, high = env.action_space.low, env.action_space.high
        if np.shape(low) != self.shape or not (np.array_equal(np.ravel(low), self.low) and np.array_equal(np.ravel(high), self.high)):
            raise Refused(f"the function made a {called(env)} with the action space {short(env.action_space)} after one with another: the same is allowed every time")
        self.envs.append(env)
        self.steps.append(env.step)
        self.bounds.append(method(env, "limits"))

    def end(self):
        for e in [*self.envs, *self.spare]:
            if hasattr(e, "close"):
                try:
                    e.close()
                except BaseException as failure:  # the others are closed all the same
                    print(traced(failure), file=sys.stderr, flush=True)

    def chosen(self):
        """The slots that the shared memory lists, and what selects their rows."""
        count, first = self.head[0], self.head[1]
        if first >= 0:
            return range(first, first + count), slice(first, first + count)
        rows = self.list[:count].copy()
        return rows.tolist(), rows

    def reset(self):
        for i, slot in enumerate(self.chosen()[0]):
            self.head[3] = i
            self.fresh(slot)

    def fresh(self, slot):
        self.write(self.obs[slot], self.flat(begun(self.envs[slot], seed=int(self.seeds[slot]))))
        if self.limits:
            self.limit(slot)

    def limit(self, slot):
        """Shows the limits of the next action."""
        now = self.current(slot)
        for name, rows in self.limits.items():
            v = floats(now[name], f"limits()[{name!r}]")
            if v.shape != rows[slot].shape:
                raise Refused(f"limits()[{name!r}] has shape {v.shape}: {rows[slot].shape} is allowed, in the order of constraints check")
            rows[slot] = self.narrowed(slot, name, v)

    def current(self, k):
        """What limits() of an environment returns."""
        now = limited(self.envs[k], self.bounds[k]())
        if now.keys() != self.limits.keys():
            raise Refused(f"limits() of {called(self.envs[k])} has {listed(now)}, at first it had {listed(self.limits)}: the same keys are needed every time")
        return now

    def narrowed(self, k, name, v):
        """Bounds of one state, or one a row, that are no wider than those of all states."""
        if name not in self.own:
            return v
        own, most = self.own[name]
        lower = name == "lower"
        for at in np.argwhere(v < most if lower else v > most)[:1]:
            i = at[-1]
            raise Refused(
                f"limits()[{name!r}] of {called(self.envs[k])} is {v[tuple(at)]:.9g} for {self.entities[i]}, {'below' if lower else 'above'} "
                f"the {own[i]:.9g} of the action space or the constraints: limits may narrow bounds, not widen them"
            )
        return np.maximum(v, own) if lower else np.minimum(v, own)

    def save(self, slot):
        data = self.envs[slot].save_state()
        if not isinstance(data, bytes):
            raise Refused(f"it returned {kind(data)} {short(data)}: bytes are allowed")
        return {"state": base64.b64encode(data).decode()}

    def load(self, slot, state):
        self.envs[slot].load_state(base64.b64decode(state))
        if self.limits:
            self.limit(slot)

    def write(self, row, o):
        o = floats(o, "the observation")
        if o.shape != row.shape:
            raise Refused(f"the observation has shape {o.shape}, that of its space {row.shape}")
        row[:] = o

    def step(self):
        slots, rows = self.chosen()
        again = bool(self.head[2])
        steps = self.steps[rows] if isinstance(rows, slice) else [self.steps[s] for s in slots]
        actions, flatten = self.given(len(slots)), self.flatten
        seen, rewards, ends = [], [], []
        copies = [] if self.looks else None
        try:
            for step, action in zip(steps, actions):
                answer = step(action)
                try:
                    o, reward, terminated, truncated, info = answer
                except (TypeError, ValueError):
                    raise Refused(other_step(self.envs[slots[len(seen)]], answer)) from None
                if copies is not None:  # to look at each takes too long for every step
                    unmasked(o, "obs")
                if flatten is not None:
                    o = flatten(o)
                if copies is not None:
                    floats(o, "the observation")
                    floats(reward, "the reward")
                if terminated is not False or truncated is not False:
                    for name, v in (("terminated", terminated), ("truncated", truncated)):
                        if np.size(v) != 1 or v not in (True, False):
                            raise Refused(f"{name} of {called(self.envs[slots[len(seen)]])} is {short(v)}: True, False, 1 and 0 are allowed")
                    if terminated or truncated:
                        ends.append((len(seen), TERMINATED if terminated else TRUNCATED))
                seen.append(o)
                rewards.append(reward)
                if copies is not None:
                    copies.append(o.tobytes() if isinstance(o, np.ndarray) else None)
                if info and again:  # in training, not in evaluations
                    self.inform(self.infos.setdefault(slots[len(seen) - 1], {}), info)
        except BaseException:
            # Those before have been stepped.
            done = len(rewards)
            self.store(slots[:done], slots[:done], seen[:done], rewards, ends, again)
            self.head[3] = done
            raise
        if copies is not None:
            self.looks -= 1
            self.unshared(slots, seen, copies)
        self.store(slots, rows, seen, rewards, ends, again)
        self.used = actions, seen

    def unshared(self, slots, seen, copies):
        """Refuses observations that another environment has changed since they were shown. The
        place of the first is in the memory."""
        for i, (o, was) in enumerate(zip(seen, copies)):
            if was is not None and o.tobytes() != was:
                self.head[3] = i
                raise Refused(
                    f"the observation of {called(self.envs[slots[i]])} changed when another environment was stepped: "
                    "each environment needs an array of its own, or returns a copy"
                )

    def given(self, count):
        """Actions as the environments are given them: arrays that they may keep."""
        if count == len(self.blanks):
            self.blank[:] = self.actions[:count]
            given, self.blanks = self.blanks, ()
            return given
        actions = self.actions[:count].astype(self.dtype)
        return actions if len(self.shape) == 1 else actions.reshape(count, *self.shape)

    def prepare(self):
        """Makes arrays for the actions of a step like the last one, and frees what that has used. It is
        the other side's turn: nobody waits for this."""
        if self.used:
            count = len(self.used[0])
            if count > MANY and self.shape:
                self.blank = np.empty((count, len(self.low)), self.dtype)
                self.blanks = list(self.blank.reshape(count, *self.shape))
            self.used = ()

    def inform(self, sums, info, within="", depth=0):
        """Adds the numbers in info, and in dictionaries in it, to sums."""
        if not hasattr(info, "items"):
            return
        for name, v in info.items():
            if type(v) is dict:
                if depth < 2:
                    self.inform(sums, v, f"{within}{name}/", depth + 1)
                continue
            if type(v) is not float:
                if isinstance(v, (np.ndarray, np.generic)) and v.size == 1 and v.dtype.kind in "fiub":
                    v = v.item()
                elif not isinstance(v, (int, float)):
                    continue
                try:
                    v = float(v)
                except OverflowError:
                    continue
            if not -LARGE < v < LARGE:
                continue  # NaN, or so large that a sum is no number
            if within or type(name) is not str:
                name = f"{within}{name}"
            s = sums.get(name)
            if s is not None:
                s[0] += v
                s[1] += 1
            elif len(sums) < NAMES and len(name) < MOST:
                sums[name] = [v, 1]
                self.head[4] = 1

    def info(self):
        """What was added since the last time."""
        told = [{"slot": slot, "name": name, "sum": s, "count": n} for slot, sums in self.infos.items() for name, (s, n) in sums.items()]
        self.infos, self.head[4] = {}, 0
        return {"info": told}

    def joined(self, seen):
        """Observations as one array where all are vectors of one type, as they are where not. NumPy
        takes longer to find that out."""
        try:
            dtype = seen[0].dtype
            for o in seen:
                if o.dtype is not dtype or o.ndim != 1 or len(o) != self.dim:
                    return seen
            return np.frombuffer(b"".join(seen), dtype).reshape(len(seen), self.dim)
        except (AttributeError, BufferError, TypeError, ValueError):
            return seen

    def store(self, slots, rows, seen, rewards, ends, again):
        """Shows what steps have given. The place of one that has given something else is in
        the memory."""
        try:
            if seen and len(seen[0]) != self.dim:
                raise ValueError  # of one number, which NumPy would repeat
            self.obs[rows] = self.joined(seen) if len(seen) > MANY else seen
            self.rewards[rows] = rewards
        except (ValueError, TypeError):
            for i, slot in enumerate(slots):
                self.head[3] = i
                self.write(self.obs[slot], seen[i])
                try:
                    self.rewards[slot] = rewards[i]
                except (ValueError, TypeError):
                    raise Refused(f"the reward is {short(rewards[i])}: a number is allowed") from None
        self.flags[rows] = 0
        for i, flag in ends:
            self.head[3], slot = i, slots[i]
            self.final[slot] = self.obs[slot]
            self.flags[slot] = flag
            if again:
                self.fresh(slot)
                self.flags[slot] |= FRESH
        if self.limits:
            over = {i for i, _ in ends}
            for i, slot in enumerate(slots):
                if i not in over:
                    self.head[3] = i
                    self.limit(slot)


MODES = {"nextstep": "NEXT_STEP", "samestep": "SAME_STEP", "disabled": "DISABLED"}


class Vectors(Singles):
    """Vectors of environments. Slots k*count to (k+1)*count-1 are those of vector k, which are
    stepped together. One that nobody has asked for takes the action of one of the others."""

    def __init__(self, make, first, actions):
        self.make, self.spare, self.envs, self.bounds, self.infos = make, [first], [], [], {}
        self.count = int(first.num_envs)
        self.dim, self.names, self.flatten = flattener(first.single_observation_space)
        self.space = form(first.single_observation_space)
        self.rows = batch_flattener(first.single_observation_space, self.flatten)
        self.low, self.high, self.shape, self.dtype, self.rounding = action_box(first.single_action_space, actions)
        mode = (getattr(first, "metadata", None) or {}).get("autoreset_mode")
        self.mode = MODES.get(str(getattr(mode, "value", mode)).replace("_", "").lower())
        if self.mode is None:
            raise Refused(f"the metadata of the {kind(first)} has autoreset_mode {mode!r}: {', '.join(MODES.values())} of gymnasium.vector.AutoresetMode are allowed")

    def describe(self):
        first = self.spare[0]
        self.checked(begun(first, seed=1))  # some have no limits before
        d = {**self.spaces(), "vector": self.count, "limits": limits_of(first)}
        d["reward"], d["episode"] = words(first)
        return d

    def memory(self, fd, layout):
        super().memory(fd, layout)
        self.over = np.zeros(layout["capacity"], bool)  # NEXT_STEP: the next step begins an episode

    def new(self):
        env = self.spare.pop() if self.spare else self.make()
        if env.num_envs != self.count:
            raise Refused(f"the function made a vector of {env.num_envs} environments after one of {self.count}: as many are allowed")
        self.envs.append(env)
        self.bounds.append(method(env, "limits"))

    def checked(self, o):
        unmasked(o, "obs")
        o = floats(self.rows(o), "the observation")
        if o.shape != (self.count, self.dim):
            raise Refused(f"the observations have shape {o.shape} when flattened, those of their space {(self.count, self.dim)}")
        return o

    def each(self, name, v, dtype):
        unmasked(v, f"array of {name}")
        v = np.asarray(v)
        if v.shape != (self.count,) or v.dtype.kind not in "fiub":
            raise Refused(f"the {name} are {short(v)}: {self.count} numbers are allowed")
        if dtype is bool and v.dtype.kind != "b" and not ((v == 0) | (v == 1)).all():
            raise Refused(f"the {name} are {short(v)}: True, False, 1 and 0 are allowed")
        return v.astype(dtype)

    def reset(self):
        """Starts episodes in all of a vector: there is one seed to give."""
        slot = int(self.head[1])
        k = slot // self.count
        rows = slice(k * self.count, (k + 1) * self.count)
        self.head[3] = 0
        self.obs[rows] = self.checked(begun(self.envs[k], seed=int(self.seeds[slot])))
        self.flags[rows], self.over[rows] = FRESH, False
        self.limit(k, np.ones(self.count, bool))

    def step(self):
        slots, again = np.asarray(self.chosen()[0]), bool(self.head[2])
        vectors = slots // self.count
        for k in dict.fromkeys(vectors.tolist()):
            self.head[3] = int(np.argmax(vectors == k))
            self.together(k, slots[vectors == k] - k * self.count, self.actions[: len(slots)][vectors == k], again)

    def together(self, k, asked, given, again):
        """One step of vector k. The environments that are asked for are given actions."""
        env, rows = self.envs[k], slice(k * self.count, (k + 1) * self.count)
        actions = np.broadcast_to(given[0], (self.count, len(self.low))).astype(self.dtype)
        actions[asked] = given
        answer = env.step(actions.reshape(self.count, *self.shape))
        try:
            o, rewards, terminated, truncated, info = answer
        except (TypeError, ValueError):
            raise Refused(other_step(env, answer)) from None
        if not hasattr(info, "items"):
            raise Refused(f"the info of step is {short(info)}: a dictionary is allowed")
        obs, rewards = self.checked(o), self.each("rewards", rewards, float)
        terminated, truncated = self.each("terminations", terminated, bool), self.each("truncations", truncated, bool)
        skipped = self.over[rows].copy()  # an episode has begun, whatever the action
        ends = (terminated | truncated) & ~skipped
        flags = np.where(terminated, TERMINATED, TRUNCATED) * ends + FRESH * ends + SKIPPED * skipped
        rewards[skipped] = 0
        if self.mode == "SAME_STEP":
            for i in np.flatnonzero(ends):
                self.final[rows][i] = self.last(info, i, terminated[i], obs[i])
        else:
            self.final[rows][ends] = obs[ends]
        if self.mode == "NEXT_STEP":
            self.over[rows] = ends
        elif self.mode == "DISABLED" and ends.any():
            obs = self.begin(env, obs.copy(), ends)
        self.obs[rows], self.rewards[rows], self.flags[rows] = obs, rewards, flags
        # Where a step is to come that takes no action, the limits are still those of the last.
        self.limit(k, ~ends if self.mode == "NEXT_STEP" else np.ones(self.count, bool))
        if again and info:
            which = np.zeros(self.count, bool)
            which[asked] = True
            self.inform_all(self.infos.setdefault(k * self.count + int(asked[0]), {}), info, which & ~skipped)

    def last(self, info, i, terminated, obs):
        """The last observation of an episode, which SAME_STEP has in info."""
        batch = info.get("final_obs", info.get("final_observation"))
        found = None if batch is None else part(batch, i)
        if found is None:
            if terminated:
                return obs  # nobody asks for what comes after
            raise Refused("the info of step has no final_obs of an episode that was truncated: SAME_STEP needs it")
        unmasked(found, "final_obs")
        found = floats(found if self.flatten is None else self.flatten(found), "final_obs")
        if found.shape != (self.dim,):
            raise Refused(f"final_obs has shape {found.shape} when flattened, that of its space {(self.dim,)}")
        return found

    def begin(self, env, obs, ends):
        """Observations where DISABLED leaves it to others to begin episodes."""
        now = self.checked(begun(env, options={"reset_mask": ends.copy()}))
        if not np.array_equal(now[~ends], obs[~ends], equal_nan=True):
            raise Refused("reset(options={'reset_mask': ..}) changed environments that the mask leaves out: DISABLED needs one that does not")
        return now

    def limit(self, k, which):
        if not self.limits:
            return
        now, rows = self.current(k), slice(k * self.count, (k + 1) * self.count)
        for name, memory in self.limits.items():
            v, shape = floats(now[name], f"limits()[{name!r}]"), memory[rows].shape
            if v.shape != shape:
                raise Refused(f"limits()[{name!r}] has shape {v.shape}: {shape} is allowed, a row an environment in the order of constraints check")
            memory[rows][which] = self.narrowed(k, name, v[which])

    def inform_all(self, sums, info, which, within=""):
        """Adds the numbers in info, one an environment, of those that _name says have them."""
        for name, v in info.items():
            if str(name).startswith("_") or name in ("final_obs", "final_observation"):
                continue
            has = info.get(f"_{name}")
            use = which if has is None else which & np.asarray(has, bool)
            if isinstance(v, dict):
                # final_info is of the last step of an episode that SAME_STEP has ended.
                self.inform_all(sums, v, use, within if name == "final_info" else f"{within}{name}/")
                continue
            v = np.asarray(v)
            if v.shape != (self.count,) or v.dtype.kind not in "fiub":
                continue
            v = v[use].astype(float)
            v, name = v[np.abs(v) < LARGE], f"{within}{name}"
            if v.size and (name in sums or len(sums) < NAMES and len(name) < MOST):
                s = sums.setdefault(name, [0.0, 0])
                s[0] += float(v.sum())
                s[1] += v.size
                self.head[4] = 1


def method(env, name):
    """A method of an environment or of what is inside its wrappers, None where there is none."""
    while env is not None:
        if callable(getattr(type(env), name, None)):
            return getattr(env, name)
        env = getattr(env, "env", None)
    return None


def called(env):
    """What an environment is known by."""
    return getattr(getattr(env, "spec", None), "id", None) or kind(getattr(env, "unwrapped", env))


OLD = "; it has the interface that Gym had before 0.26, which shimmy.GymV21CompatibilityV0 translates"


def begun(env, **how):
    """The observation that an episode begins with."""
    try:
        o = env.reset(**how)
    except TypeError as e:
        if "seed" in how and "unexpected keyword argument 'seed'" in str(e):
            raise Refused(f"reset of {called(env)} takes no seed: reset(seed=.., options=..) that returns (observation, info) is needed{OLD}") from None
        raise
    if not isinstance(o, tuple) or len(o) != 2 or not hasattr(o[1], "items"):
        raise Refused(f"reset of {called(env)} returned {kind(o)} {short(o)}: a tuple (observation, info) is allowed{OLD * (not isinstance(o, tuple))}")
    return o[0]


def other_step(env, answer):
    """What is wrong with what step returned."""
    many = isinstance(answer, tuple)
    got = f"{len(answer)} values" if many else f"{kind(answer)} {short(answer)}"
    return f"step of {called(env)} returned {got}: five are needed, (observation, reward, terminated, truncated, info){OLD * (many and len(answer) == 4)}"


def listed(names):
    return ", ".join(sorted(names)) or "nothing"


def short(x):
    text = repr(x)
    return text if len(text) < 80 else text[:77] + "..."


# Requests


LOCK, X86 = threading.Lock(), os.uname().machine == "x86_64"


def barrier():
    """What comes before it in the shared memory comes before what follows, to the other side too."""
    if X86:
        LOCK.acquire()  # a locked instruction
        LOCK.release()
    else:
        os.sched_yield()


class Turn:
    """The word of the shared memory that says whose turn it is, this side's where it is above 0
    (turn.go). Both sides wait for it in the same way, as is said there."""

    FAILED, DONE, STEP, RESET, MESSAGE = -1, 0, 1, 2, 3
    TURN, SLEEPS, OTHER_SLEEPS = 5, 6, 7  # words of the memory
    SOON, WAKE, MOST = 100e-6, 10e-6, 1024

    def __init__(self, fd, head):
        self.fd, self.head, self.rest, self.left = fd, head, 0, 0

    def wait(self, prepare):
        """Returns the next request, None where the other side has ended. prepare is called where
        that side is on another core: it would wait for one on this core."""
        head, TURN, polls = self.head, self.TURN, not self.left
        if polls:
            since = time.perf_counter()
            os.sched_yield()
        else:
            self.left -= 1
        if head[TURN] <= 0:
            prepare()
        if polls:
            took, found = time.perf_counter() - since, head[TURN] > 0
            while not found and took < self.SOON:
                os.sched_yield()
                took, found = time.perf_counter() - since, head[TURN] > 0
            self.rest = 0 if took < self.SOON else min(max(2 * self.rest, int(took / self.WAKE)), self.MOST)
            self.left = self.rest
        while head[TURN] <= 0:
            head[self.SLEEPS] = 1
            barrier()
            if head[TURN] <= 0 and not os.read(self.fd, 1):
                return None
        head[self.SLEEPS] = 0
        barrier()
        return head[TURN]

    def end(self, how):
        """Gives the turn to the other side."""
        barrier()
        self.head[self.TURN] = how
        barrier()
        if self.head[self.OTHER_SLEEPS]:
            self.head[self.OTHER_SLEEPS] = 0
            os.write(self.fd, b"W")


class Worker:
    def __init__(self, sock, make):
        self.sock, self.make, self.host, self.turn = sock, make, None, None

    def say(self, answer):
        data = json.dumps(answer).encode()
        self.sock.sendall(b"M" + struct.pack("<I", len(data)) + data)

    def exactly(self, n):
        data = b""
        while len(data) < n:
            more = self.sock.recv(n - len(data))
            if not more:
                os._exit(0)  # the other side has ended
            data += more
        return data

    def message(self):
        """A request in JSON, with the descriptor that may come with it."""
        head, fds, _, _ = socket.recv_fds(self.sock, 4, 1)
        if not head:
            os._exit(0)
        head += self.exactly(4 - len(head))
        return json.loads(self.exactly(struct.unpack("<I", head)[0])), fds

    def answer(self, request, fds):
        op = request["op"]
        if op == "describe":
            first = self.make()
            vector = hasattr(first, "num_envs")
            if vector and getattr(first, "env_fns", None):
                self.make = taken_apart(first)
                first, vector = self.make(), False
            single = "single_" if vector else ""
            for name in ("reset", "step", f"{single}observation_space", f"{single}action_space"):
                if not hasattr(first, name):
                    raise Refused(f"the function made a {kind(first)} without {name}: an environment of Gymnasium's interface is allowed")
            self.host = (Vectors if vector else Singles)(self.make, first, request["actions"])
            return self.host.describe()
        if op == "memory":
            self.host.memory(fds[0], request)
            self.turn = Turn(self.sock.fileno(), self.host.head)
            return None
        if op == "new":
            return self.host.new()
        if op == "info":
            return self.host.info()
        if op == "save":
            return self.host.save(request["slot"])
        if op == "load":
            return self.host.load(request["slot"], request["state"])
        raise Refused(f"unknown request {op}")

    def serve(self):
        while True:
            turn = self.turn
            op = turn.wait(self.host.prepare) if turn else Turn.MESSAGE
            try:
                if op == Turn.STEP:
                    self.host.step()
                elif op == Turn.RESET:
                    self.host.reset()
                elif op == Turn.MESSAGE and self.begins():
                    if turn:
                        turn.end(Turn.DONE)
                    answer = self.answer(*self.message())
                    if answer is None:
                        self.sock.sendall(b".")
                    else:
                        self.say(answer)
                    continue
                else:
                    if self.host:
                        self.host.end()
                    os._exit(0)
                turn.end(Turn.DONE)
            except BrokenPipeError:
                os._exit(0)
            except BaseException as e:
                if op != Turn.MESSAGE:
                    turn.end(Turn.FAILED)
                self.failed(e)

    def begins(self):
        """Waits for a request in JSON; False where the other side has ended."""
        op = b"W"
        while op == b"W":
            op = os.read(self.sock.fileno(), 1)
        return op == b"M"

    def failed(self, e):
        refused = isinstance(e, Refused)
        self.say({"error": str(e) if refused else named(e), "traceback": "" if refused else traced(e) + "\n"})


def named(e):
    """An exception's type and text."""
    return "".join(traceback.format_exception_only(type(e), e)).strip()


def traced(e):
    """An exception with the frames of the user's code: those of this text are nobody's business but
    where nothing else is."""
    frames = traceback.extract_tb(e.__traceback__)
    own = [f for f in frames if f.filename != NAME] or frames
    return "Traceback (most recent call last):\n" + "".join(traceback.format_list(own)) + named(e)


NAME = "<paspo worker>"
ENDS = signal.SIGTERM, signal.SIGHUP


def mortal():
    """Makes signals end a copy of a worker that an environment makes by fork."""
    for s in ENDS:
        if signal.getsignal(s) != signal.SIG_IGN:
            signal.signal(s, signal.SIG_DFL)


os.register_at_fork(after_in_child=mortal)  # a copy that is a worker calls alone again


def alone():
    """Signals that ask to stop are for the program that trains, which then saves what it has
    and ends its workers, where a terminal or a service manager sends them to all of a group.
    This one ends with it even where the environment does not come back."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for s in ENDS:
        if signal.getsignal(s) != signal.SIG_IGN:
            # Not ignored: processes of the environment would inherit that, and it ends them so.
            signal.signal(s, lambda *_: None)
            signal.siginterrupt(s, False)
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    except (OSError, AttributeError):
        pass


def find(module, function):
    """A function that makes environments, which is looked for at the first call."""

    def make():
        found = importlib.import_module(module)
        for part in function.split("."):
            if not hasattr(found, part):
                raise Refused(f"{module} has no {function}")
            found = getattr(found, part)
        if not callable(found):
            raise Refused(f"{module}:{function} is {short(found)}: a function that makes an environment is allowed, since each needs one of its own")
        return found()

    return make


def fork_server(sock, make):
    """Copies this process into workers. It ends when the other side does, after the workers:
    they end with it."""
    alone()
    server, workers = Worker(sock, make), set()
    while True:
        if os.read(sock.fileno(), 1) != b"M":
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(CLOSING)
            for pid in workers:
                os.waitpid(pid, 0)
            os._exit(0)
        request, fds = server.message()
        if request["op"] == "fork":
            pid = os.fork()
            if pid == 0:
                alone()
                sock.close()
                Worker(socket.socket(fileno=fds[0]), make).serve()
            os.close(fds[0])
            workers.add(pid)
            server.say({"pid": pid})
        elif request["op"] == "how":
            # Ended by now, or about to be.
            workers.discard(request["pid"])
            server.say({"status": os.waitpid(request["pid"], 0)[1]})


def main(fd, module, function, path, start):
    alone()
    sys.path[0] = path
    sock, make = socket.socket(fileno=fd), find(module, function)
    if np is None:
        # In place of an answer to the first request.
        Worker(sock, make).failed(Refused(f"{sys.executable} has no NumPy ({no_numpy}): env.python.interpreter names a Python that has it, and what the environment needs"))
        return
    if start == "fork":
        try:
            importlib.import_module(module)
        except BaseException:
            pass  # the first that is made says so again
        fork_server(sock, make)
    Worker(sock, make).serve()
