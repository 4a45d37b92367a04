"""Environments of Gymnasium's interface in plain Python, for tests."""

import decimal
import fractions
import os
import pickle
import signal
import time

import numpy as np


class Box:
    def __init__(self, low, high, dtype=float):
        self.low, self.high, self.dtype = np.asarray(low, dtype), np.asarray(high, dtype), np.dtype(dtype)
        self.shape = self.low.shape


class Target:
    """Pays for actions near a target that the observation shows. Episodes are truncated
    after 20 steps, and terminate where the target is below 0.05."""

    observation_space = Box([-1, -1, 0], [1, 1, 1])
    action_space = Box([-1, -1], [1, 1], np.float32)
    length = 20

    def reset(self, *, seed=None, options=None):
        if seed is not None:
            self.rng = np.random.default_rng(seed)
        self.time = 0
        return self.draw(), {}

    def draw(self):
        self.target = self.rng.uniform(-1, 1, 2)
        return np.array([*self.target, self.time / self.length])

    def step(self, action):
        reward = -float(np.abs(action - self.target).sum())
        self.time += 1
        obs = self.draw()
        return obs, reward, bool(abs(self.target[0]) < 0.05), self.time >= self.length, {"power": float(np.abs(action).sum())}


class Informs(Target):
    """Has numbers of every kind in its info, and more that are none."""

    def step(self, action):
        out = super().step(action)
        at = self.time
        numbers = {"time": at, "first": np.float32(action[0]), "gap": np.nan if at < 3 else 7.0, "far": np.inf, "largest": np.finfo(float).max, "whole": 10**400, "late": at > 19, "one": np.array([2])}
        other = {"word": "x", "none": None, "row": np.zeros(2), "in": {"a": 1, "b": {"c": 3.0, "d": {"e": 1}}}, 5: 6}
        return (*out[:4], {**numbers, **other, **({f"x{i}": i for i in range(100)} if at == 20 else {})})


def target():
    return Target()


class Fails(Target):
    """Fails in the way that it is asked to, at the 3rd step of the 2nd episode of every
    environment."""

    episodes = 0

    def reset(self, **k):
        self.episodes += 1
        return super().reset(**k)

    def step(self, action):
        out = super().step(action)
        return self.fail() if self.episodes == 2 and self.time == 3 else out


class Raises(Fails):
    def fail(self):
        raise ValueError("no such price")


class Dies(Fails):
    def fail(self):
        os.kill(os.getpid(), signal.SIGKILL)


class Hangs(Fails):
    def fail(self):
        time.sleep(60)


class Stopped(Target):
    """Is told to stop as a group of processes is, and ends a process of its own so."""

    def step(self, action):
        if self.time == 0:
            for s in (signal.SIGTERM, signal.SIGHUP):
                begun, begins = os.pipe()
                child = os.fork()
                if child == 0:
                    os.write(begins, b".")
                    time.sleep(60)
                    os._exit(0)
                os.read(begun, 1)
                os.kill(child, s)
                assert os.waitpid(child, 0)[1] == s
                os.kill(os.getpid(), s)
                os.kill(os.getppid(), s if os.environ.get("PASPO_TEST_PARENT") else 0)
        return super().step(action)


class ReturnsFour(Fails):
    def fail(self):
        return np.zeros(3), 0.0, False, {}


class Misshapes(Fails):
    def fail(self):
        return [0.0, 0.0], 0.0, False, False, {}


class Shrinks(Target):
    """Its observations are of one number once an episode has begun."""

    def step(self, action):
        out = super().step(action)
        return (out[0][:1], *out[1:])


class Shares(Target):
    """All environments show what they see in one array."""

    array = np.zeros(3)

    def draw(self):
        self.array[:] = super().draw()
        return self.array


class Column(Fails):
    def fail(self):
        return np.zeros((3, 1)), 0.0, False, False, {}


class Mixed(Target):
    """Its observations are of several types, and it expects that actions which it keeps stay as they are."""

    def reset(self, **k):
        self.kept = []
        return super().reset(**k)

    def draw(self):
        o = super().draw()
        return [o, list(o), np.repeat(o, 2)[::2]][self.time % 3]

    def step(self, action):
        self.kept.append((action, action.copy()))
        assert all(np.array_equal(a, b) for a, b in self.kept)
        return super().step(action)


class Single(Target):
    def draw(self):
        return super().draw().astype(np.float32)


class Echo(Target):
    """Its reward is the first element of the action that it is given."""

    def step(self, action):
        return (self.draw(), float(action[0]), False, False, {})


class HalfEcho(Echo):
    action_space = Box([-1, -1], [1, 1], np.float16)


class LongEcho(Echo):
    action_space = Box([-1, -1], [1, 1], np.longdouble)


class Swapped(Target):
    """Some of its observations have their bytes in the other order."""

    def draw(self):
        o = super().draw()
        return o if o[0] > 0 else o.astype(">f8")


class Uneven(Target):
    """The third observation of one is too short, that of the next too long."""

    made = 0

    def __init__(self):
        Uneven.made += 1
        self.width, self.steps = 2 + Uneven.made % 2 * 2, 0

    def step(self, action):
        out = super().step(action)
        self.steps += 1
        return (np.zeros(self.width), *out[1:]) if self.steps == 3 else out


class Scalar(Mixed):
    """Its action is a number."""

    action_space = Box(-1, 1)


class Old(Target):
    """Has the interface of Gym before 0.26."""

    def reset(self):
        return super().reset(seed=1)[0]


class OldReset(Target):
    def reset(self, **k):
        return super().reset(**k)[0]


class Closes(Target):
    """Takes a while to close, and then leaves a file."""

    def close(self):
        time.sleep(0.3)
        open(os.path.join(os.environ["PASPO_TEST_CLOSED"], f"{os.getpid()}-{id(self)}"), "w").close()


class ClosesBadly(Closes):
    def close(self):
        super().close()
        raise ValueError("was not open")


class OtherActions(Target):
    """The second one has other bounds of actions."""

    made = 0

    def __init__(self):
        OtherActions.made += 1
        if OtherActions.made > 1:
            self.action_space = Box([-1, -1], [1, 2], np.float32)


class Marks(Target):
    """Leaves a file when it is stepped."""

    def step(self, action):
        open(os.environ["PASPO_TEST_MARK"], "w").close()
        return super().step(action)


class NoBox(Target):
    action_space = None


class Idle(Target):
    """Does nothing: what a step takes is what everybody else takes."""

    answer = np.zeros(3), 0.0, False, False, {}

    def reset(self, **_):
        return self.answer[0], {}

    def step(self, _):
        return self.answer


class Limited(Target):
    """Its power, the limit of the first inequality, follows the state, and its second
    lower bound. It can be saved."""

    def limits(self):
        return {"b": [0.5 + abs(self.target[0])], "lower": [-1, -0.5 * abs(self.target[1])]}

    def save_state(self):
        return pickle.dumps(self.__dict__)

    def load_state(self, data):
        self.__dict__ = pickle.loads(data)


class Wider(Target):
    """Its second upper bound is beyond that of its space once an episode has begun."""

    def limits(self):
        return {"lower": [-1, -1], "upper": [1, 1 + (self.time > 1)]}


class Narrower(Target):
    """Its bounds are those of its space but for rounding."""

    def limits(self):
        return {"lower": [-1 - 1e-9, -0.5], "upper": [0.5, 1 + 1e-9]}


class Changes(Target):
    """Its limits have other names in another state."""

    def limits(self):
        return {"upper": [1, 1]} if self.time < 2 else {"lower": [-1, -1]}


class Nones(Target):
    """Does not say whether an episode has ended."""

    def step(self, action):
        o, reward, *_, info = super().step(action)
        return o, reward, *((None, False) if self.time > 1 else (np.False_, 0)), info


class Texts(Target):
    """Its observations are texts of numbers once an episode has begun."""

    def step(self, action):
        o, *rest = super().step(action)
        return ([str(x) for x in o] if self.time > 1 else o, *rest)


class Complex(Texts):
    def step(self, action):
        o, *rest = super(Texts, self).step(action)
        return (o + 1j if self.time > 1 else o, *rest)


class Masked(Texts):
    """Says by a mask which of its observations are none."""

    def step(self, action):
        o, *rest = super(Texts, self).step(action)
        return (self.masked(o) if self.time > 1 else o, *rest)

    def masked(self, o):
        return np.ma.array(o, mask=[False, True, False])


class MaskedLimits(Target):
    def limits(self):
        return {"upper": np.ma.array([1, 0.5], mask=[False, self.time > 0])}


class MaskedReward(Target):
    def step(self, action):
        o, reward, *rest = super().step(action)
        return o, np.ma.masked, *rest


class TextReward(Target):
    """Its reward is a text of a number."""

    def step(self, action):
        o, reward, *rest = super().step(action)
        return o, str(reward), *rest


class NoReward(Target):
    def step(self, action):
        o, _, *rest = super().step(action)
        return o, None, *rest


class TextLimits(Target):
    def limits(self):
        return {"upper": ["1", "0.5"] if self.time else [1, 1]}


class Exact(Target):
    """Its rewards are exact numbers of Python, and its observations a list of them."""

    def step(self, action):
        o, reward, *rest = super().step(action)
        return [fractions.Fraction(x) for x in o], decimal.Decimal(reward), *rest


class Fraction(Target):
    """Shows 1.5 where its space has whole numbers."""

    class Discrete:
        n, start = 3, 0

    observation_space = Discrete()

    def reset(self, **k):
        super().reset(**k)
        return np.int64(2), {}

    def step(self, action):
        return (1.5, *super().step(action)[1:])


class Worded(Target):
    """Says what it is.

    ## Observation Space
    Two numbers and a time.

    ## Rewards
    Less the farther
    from the target.

    ## Episode Truncation
    After a while.
    """

    class spec:
        max_episode_steps = 20


class Saved(Worded):
    def save_state(self):
        return pickle.dumps(self.__dict__)

    def load_state(self, data):
        self.__dict__ = pickle.loads(data)


class SavesText(Limited):
    def save_state(self):
        return "here"


class LoadsNothing(Limited):
    def load_state(self, data):
        raise ValueError("no such state")


class LoadsOther(Limited):
    def load_state(self, data):
        pass


class Unseeded(Target):
    def draw(self):
        self.rng = np.random.default_rng()
        return super().draw()


class Shapes:
    """Spaces of every kind, and a Box of actions that is a matrix."""

    class Dict:
        spaces = {"a": Box([[0, 0]], [[1, 1]])}

    action_space = Box(np.full((2, 2), -1), np.ones((2, 2)))

    def __init__(self):
        def space(name, **k):
            return type(name, (), k)()

        self.observation_space = self.Dict()
        self.observation_space.spaces = {
            "a": Box([[0, 0]], [[1, 1]]), "b": space("Discrete", n=3, start=1), "c": space("MultiDiscrete", nvec=np.array([2, 3])),
            "d": space("MultiBinary", n=2),
        }

    def reset(self, *, seed, options=None):
        self.seed = seed
        return self.obs(), {}

    def obs(self):
        return {"a": [[0.25, 0.75]], "b": 2, "c": [1, 0], "d": [1, 0]}

    def step(self, action):
        assert action.shape == (2, 2)
        return self.obs(), np.float32(action[1, 0]), np.bool_(False), False, {}


class Shaped(Shapes):
    """Its observations differ and its episodes end; it takes matrices of float32."""

    action_space = Box(np.full((2, 2), -1), np.ones((2, 2)), np.float32)

    def reset(self, *, seed, options=None):
        self.rng, self.time = np.random.default_rng(seed), 0
        return self.obs(), {}

    def obs(self):
        r = self.rng
        return {"a": r.uniform(0, 1, (1, 2)), "b": int(r.integers(1, 4)), "c": np.array([r.integers(2), r.integers(3)]), "d": r.integers(0, 2, 2).astype(np.int8)}

    def step(self, action):
        assert action.shape == (2, 2) and action.dtype == np.float32
        self.time += 1
        return self.obs(), float(action[1, 0]), self.time == 5, False, {}


class Space:
    """A space by the name and with the attributes of one of Gymnasium's."""

    def __new__(cls, name, **k):
        return type(name, (), k)()


class EmptyDict(Target):
    observation_space = Space("Tuple", spaces=())


class MaskedPart(Masked):
    observation_space = Space("Dict", spaces={"at": Box([-1, -1, 0], [1, 1, 1])})

    def reset(self, **how):
        o, info = super().reset(**how)
        return {"at": o}, info

    def step(self, action):
        o, *rest = super().step(action)
        return {"at": o}, *rest


class Wordy(Target):
    """The names of its observations have a megabyte."""

    observation_space = Space("Dict", spaces={"word" * 1000: Box(np.zeros(300), np.ones(300))})

    def draw(self):
        super().draw()
        return {"word" * 1000: np.full(300, 0.5)}


class LimitsNone(Target):
    def limits(self):
        return None


class Chooses(Target):
    """What it sees is of one of three spaces, and its mode below what the space has at times."""

    observation_space = Space("OneOf", spaces=(Box([[0, 0, 0]], [[1, 1, 1]]), Space("Discrete", n=2, start=1), Box(0, 1)))
    modes = 1, 2

    def draw(self):
        super().draw()
        k = self.time % 3
        return k, ([[0.25, 0.5, 0.75]], self.modes[self.time % 2], 0.625)[k]


class ChoosesWrong(Chooses):
    modes = 0, 0


instance = Target()


class Vector:
    """Looks like Gymnasium's, of two kinds of environments."""

    num_envs = 2
    env_fns = [Target, lambda: Short()]

    def close(self):
        pass


class Short(Target):
    length = 5


class Batch:
    """A vector of its own of Targets, which share nothing but the reset of all."""

    metadata = {"autoreset_mode": "NEXT_STEP"}
    num_envs = 3
    single_observation_space, single_action_space = Target.observation_space, Target.action_space

    def __init__(self):
        self.envs = [Target() for _ in range(self.num_envs)]
        self.over = np.zeros(self.num_envs, bool)

    def reset(self, *, seed=None, options=None):
        mask = (options or {}).get("reset_mask", np.ones(self.num_envs, bool))
        for i in np.flatnonzero(mask):
            self.row(i, self.envs[i].reset(seed=None if seed is None else seed + int(i))[0])
        self.over[mask] = False
        return self.obs, {}

    def row(self, i, o):
        if not hasattr(self, "obs"):
            self.obs = np.zeros((self.num_envs, 3))  # is written to again
        self.obs[i] = o

    def step(self, actions):
        assert actions.dtype == np.float32 and actions.shape == (self.num_envs, 2)
        n, mode = self.num_envs, self.metadata["autoreset_mode"]
        rewards, ends, cuts = np.zeros(n, np.float32), np.zeros(n, bool), np.zeros(n, bool)
        info = {"power": np.zeros(n), "_power": np.zeros(n, bool), "final_obs": np.full(n, None, object)}
        for i, env in enumerate(self.envs):
            if self.over[i]:
                assert mode == "NEXT_STEP"
                self.row(i, env.reset()[0])
                continue
            o, rewards[i], ends[i], cuts[i], said = env.step(actions[i])
            info["power"][i], info["_power"][i] = said["power"], True
            if mode == "SAME_STEP" and (ends[i] or cuts[i]):
                info["final_obs"][i] = o
                o = env.reset()[0]
            self.row(i, o)
        self.over = (ends | cuts) & (mode != "SAME_STEP")
        return self.obs, rewards, ends, cuts, info

    def close(self):
        pass


class OneBatch(Batch):
    """Can be made once."""

    made = 0

    def __init__(self):
        OneBatch.made += 1
        assert OneBatch.made == 1
        super().__init__()


class EndsTwice(Batch):
    """Says of episodes that they have ended by 2."""

    def step(self, actions):
        o, rewards, ends, *rest = super().step(actions)
        return o, rewards, 2 * np.ones(len(ends), int), *rest


class NoInfo(Batch):
    """Has None in the place of its info."""

    def step(self, actions):
        return *super().step(actions)[:4], None


class Same(Batch):
    metadata = {"autoreset_mode": "SAME_STEP"}


class Disabled(Batch):
    metadata = {"autoreset_mode": "Disabled"}


class Forgets(Same):
    """Does not show the last observation."""

    def step(self, actions):
        return (*super().step(actions)[:4], {})


class Careless(Disabled):
    """Resets more than it is asked to."""

    def reset(self, *, seed=None, options=None):
        return super().reset(seed=seed)


class Modeless(Batch):
    metadata = {}


class Bounded(Batch):
    """Limits of every environment."""

    def limits(self):
        return {"upper": 0.5 + 0.5 * np.abs(self.obs[:, :2])}


class WiderBatch(Batch):
    def limits(self):
        return {"lower": np.full((3, 2), -1) - 0.5 * (self.obs[:, 2:] > 0)}


def gym(mode, wrapped=True):
    """Pendulum-v1 in Gymnasium's own vector. A wrapped one is not taken apart."""
    import gymnasium

    vector = gymnasium.vector.SyncVectorEnv(
        [lambda: gymnasium.make("Pendulum-v1", max_episode_steps=7)] * 3, autoreset_mode=gymnasium.vector.AutoresetMode[mode]
    )
    return gymnasium.wrappers.vector.RecordEpisodeStatistics(vector) if wrapped else vector


def gym_next():
    return gym("NEXT_STEP")


def gym_same():
    return gym("SAME_STEP")


def gym_disabled():
    return gym("DISABLED")


def gym_apart():
    return gym("SAME_STEP", wrapped=False)
