"""Training: the program is started with processes of this Python as its environments."""

import importlib
import json
import os
import re
import selectors
import signal
import socket
import subprocess
import sys
import threading
import warnings
from contextlib import ExitStack
from pathlib import Path

from ._binary import Error, Traceback, binary, constraints_file, encoded


class Run(os.PathLike):
    """A run folder, with the summary that ended it: `run.summary["tables"]`, for example."""

    def __init__(self, path):
        self.path = Path(path)

    def __fspath__(self):
        return str(self.path)

    def __repr__(self):
        return f"Run({str(self.path)!r})"

    @property
    def summary(self):
        return json.loads((self.path / "summary.json").read_text())


def train(
    make=None, *, envs=None, steps=None, constraints=None, config=None, seed=None, out=None, resume=None, from_run=None,
    preset=None, workers=None, start=None, timeout=None, device=None, quiet=False,
):
    """Train on an environment and return its Run.

    make: a function without arguments that returns an environment of Gymnasium's interface
      with a Box of actions, or "module:function".
    envs: environments side by side.
    steps: steps of all environments together, rounded up to whole iterations.
    constraints: a YAML file, or the same as a dictionary, over the bounds of the Box; its
      entities are a0, a1 .. unless the file names them.
    config: other settings by their dotted names, {"ppo.gamma": 0.99}; `train config` prints
      all. A file of settings may be given as {"file": "settings.yaml"}.
    seed: of all random numbers.
    out: the run folder, new; below ./runs where not given.
    resume: the folder of a run to go on with, in place of out and most settings. make may be left
      out, or is what the run was begun with.
    from_run: the folder of another run, or one of its checkpoint files, whose parameters and
      statistics of observations the policy begins with. Observations, number of entities
      and networks must be the same, constraints need not be.
    preset: "auto" where not given, "control" for tasks of continuous control, "paper": settings
      that all other settings override; `train presets` lists them.
    workers: processes that hold the environments; one a core where not given.
    start: "spawn" starts each process anew and imports the function by its name, "fork"
      copies this one. Where not given, functions that can be imported are spawned.
    timeout: seconds that a process may take for one answer.

    Warnings of the run, such as that it did not learn, are warnings of Python.

    Raises Error in the program's words; after an exception in an environment its
    `traceback` is that exception's, which is shown above its own. Ctrl-C saves what was learned, then raises
    KeyboardInterrupt; TERM and HUP save it too, then raise SystemExit(128 + their number) where
    this process handles them in no other way.
    """
    if not (make is None or isinstance(make, str) or callable(make)):
        raise TypeError(f"make is {make!r}: a function that returns an environment is allowed, such as lambda: gym.make(..), since many are made")
    if not (config is None or hasattr(config, "keys")):
        raise TypeError(f'config is {config!r}: a dictionary of settings is allowed, such as {{"ppo.gamma": 0.99}}, or {{"file": "settings.yaml"}}')
    if not (constraints is None or isinstance(constraints, (str, os.PathLike, dict))):
        raise TypeError(f"constraints is {constraints!r}: the path of a file or a dictionary is allowed")
    settings = dict(config or {})
    for key, argument, value in (
        ("env.name", "make", make), ("ppo.envs", "envs", envs), ("env.python.workers", "workers", workers), ("env.python.timeout", "timeout", timeout),
        ("env.python.start", "start", start), ("steps", "steps", steps), ("seed", "seed", seed), ("device", "device", device), ("constraints", "constraints", constraints),
    ):
        if value is not None and key in settings and settings[key] != value:
            raise ValueError(f"config has {key} {settings[key]!r}, and {argument} is {value!r}: one of them is allowed")
    start = settings.get("env.python.start") if start is None else start
    command = [binary(), "--json"]
    if "file" in settings:
        command += ["--config", os.fspath(settings.pop("file"))]
    name = make if isinstance(make, str) else _importable(make) if make is not None else None
    if resume is not None and name is not None:
        trained = _environment(resume)
        if trained.startswith("__main__:") and callable(make):
            start = start or "fork"  # as the run was begun
        elif trained not in ("", name):
            raise ValueError(f"make is {name}, the run {os.fspath(resume)} was trained on {trained}: that, or none, is allowed")
    if start is None:
        start = "spawn" if name else "fork"
    if start not in ("spawn", "fork"):
        raise ValueError(f'start is {start!r}: "spawn" or "fork" is allowed')
    if start == "spawn" and make is not None and name is None:
        raise ValueError(f'{make!r} cannot be imported by another process: start="fork" is allowed, or a function of a module')
    if make is None and resume is None:
        raise TypeError("make is missing: a function that returns an environment is allowed")

    if make is not None:
        settings["env.python.start"] = start
        settings.setdefault("env.python.interpreter", sys.executable)
    for key, value in (("ppo.envs", envs), ("env.python.workers", workers), ("env.python.timeout", timeout)):
        if value is not None:
            settings[key] = value
    with ExitStack() as scratch:
        if isinstance(constraints, dict):
            constraints = scratch.enter_context(constraints_file(constraints))
        for flag, value in (
            ("--steps", steps), ("--constraints", constraints), ("--seed", seed), ("--out", out), ("--resume", resume), ("--from", from_run), ("--device", device), ("--preset", preset),
        ):
            if value is not None:
                command += [flag, os.fspath(value) if isinstance(value, os.PathLike) else str(value)]
        if resume is None:
            command += ["--env", "python:" + (name or "__main__:" + _identifier(make))]
        for key, value in settings.items():
            command += ["--set", f"{key}={encoded(value)}"]
        if quiet:
            command.append("--quiet")
        return _run(command, make if start == "fork" and callable(make) else None)


def _importable(make):
    """module:function where that leads another process to the same function, else None."""
    module, name = getattr(make, "__module__", None), getattr(make, "__qualname__", "<")
    if not module or module == "__main__" or "<" in name:
        return None
    try:
        found = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError):
        return None
    return f"{module}:{name}" if found is make else None


def _environment(run):
    """module:function of the environment that a run was trained on, empty where it does not say."""
    try:
        return json.loads(Path(run, "description.json").read_text())["environment"].removeprefix("python:")
    except (OSError, ValueError, KeyError):
        return ""


def _identifier(make):
    name = getattr(make, "__name__", type(make).__name__)
    return name if name.isidentifier() else "function"


def _run(command, make):
    # Workers import what this process can import.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p or os.getcwd() for p in sys.path)}
    ours, theirs = socket.socketpair()
    pass_on, server = [theirs], None
    try:
        # The program ends when the other end of this is closed, whatever ends this process,
        # and says there which run it trains and why it failed.
        environment["PASPO_PARENT"] = str(theirs.fileno())
        if make is not None:
            server, control = _fork_server(make, ours)
            pass_on.append(control)
            environment["PASPO_FORK_SERVER"] = str(control.fileno())
        # What is no terminal is a notebook perhaps, whose stderr is an object of Python.
        terminal = sys.stderr is sys.__stderr__ and sys.stderr is not None and sys.stderr.isatty()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=None if terminal else subprocess.PIPE,
            pass_fds=[s.fileno() for s in pass_on], env=environment, start_new_session=True,
        )
    finally:
        for s in pass_on:
            s.close()
    interrupted, ends = False, []

    def end(number, _):
        ends.append(number)
        process.send_signal(number)

    handled = [s for s in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(s) == signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread():
        handled = []  # which alone may handle signals
    try:
        for s in handled:
            signal.signal(s, end)
        while True:
            try:
                out = _follow(process)
                break
            except KeyboardInterrupt:
                # The first lets it save what it has learned, the second ends it at once.
                interrupted = True
                process.send_signal(signal.SIGINT)
        process.wait()
        with ours.makefile("rb") as reasons:
            said = reasons.read() if process.returncode else b""
    finally:
        ours.close()
        process.wait()
        for s in handled:
            signal.signal(s, signal.SIG_DFL)
        for pipe in filter(None, (process.stdout, process.stderr)):
            pipe.close()
        if server is not None:
            os.waitpid(server, 0)
    said = dict(item for line in said.splitlines() for item in json.loads(line).items())
    if ends:
        print(said.get("error", "interrupted"), file=sys.stderr)
        raise SystemExit(128 + ends[0])
    if interrupted:
        raise KeyboardInterrupt(said.get("error", "interrupted"))
    if process.returncode:
        trace = said.get("traceback", "")
        raise Error(_flags(said.get("error", "")) or _ended(process.returncode, said.get("run")), trace) from (Traceback(trace) if trace else None)
    run = Run(json.loads(out)["run"])
    for text in run.summary.get("warnings") or ():
        warnings.warn(text, stacklevel=3)  # the line that called train
    return run


def _flags(text):
    """Words of the program that name flags, which are arguments here."""
    return re.sub(r"(?<!\S)--(out|resume|steps|seed|constraints|device|preset)\b", r"\1", re.sub(r"(?<!\S)--from\b", "from_run", text))


def _ended(status, run):
    """How a program ended that could not say why, and how its run goes on."""
    text = f"the program ended with status {status}"
    if status < 0:
        text = f"the program was ended by {next((s.name for s in signal.Signals if s == -status), f'signal {-status}')}"
    if run is None:
        return text
    saved = any(Path(run, "checkpoints").glob("iteration-*.safetensors"))
    return f'{text}; {"the run has a checkpoint, go on" if saved else "the run has no checkpoint yet, start it again"} with: paspo.train(.., resume={json.dumps(run)})'


def _follow(process):
    """Passes on what the program says, and returns what it prints."""
    out = b""
    with selectors.DefaultSelector() as waiting:
        for pipe in (process.stdout, process.stderr):
            if pipe is not None and not pipe.closed:
                waiting.register(pipe, selectors.EVENT_READ)
        while waiting.get_map():
            for key, _ in waiting.select():
                data = os.read(key.fd, 1 << 16)
                if not data:
                    waiting.unregister(key.fileobj)
                elif key.fileobj is process.stdout:
                    out += data
                else:
                    sys.stderr.write(data.decode(errors="replace"))
                    sys.stderr.flush()
    return out


def _fork_server(make, ours):
    """A copy of this process that copies itself into workers, and a socket to it."""
    here, there = socket.socketpair()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of other threads, which the copy has none of
        pid = os.fork()
    if pid:
        here.close()
        return pid, there
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        ours.close()
        there.close()
        if here.recv(1) == b"M":
            _, fds, _, _ = socket.recv_fds(here, 4, 1)
            here.recv(1 << 16)  # {"op": "program"}
            with open(fds[0]) as file:
                program = {"__name__": "paspo_worker"}
                exec(compile(file.read(), "<paspo worker>", "exec"), program)
            here.send(b".")
            program["fork_server"](here, make)
    finally:
        os._exit(0)
