"""Where the program is, and how it says what went wrong."""

import json
import operator
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np


class Error(RuntimeError):
    """What the program could not do, in its words. `traceback` is that of an exception in
    an environment, else empty."""

    def __init__(self, message, traceback=""):
        super().__init__(message)
        self.traceback = traceback


class Traceback(Exception):
    """Shows the traceback of an exception in an environment above that of its Error."""

    def __str__(self):
        return "\n" + self.args[0].rstrip()


def binary():
    """The path of the program: PASPO_BINARY where that is set, else the package's own."""
    named = os.environ.get("PASPO_BINARY")
    path = shutil.which(named) if named else str(Path(__file__).with_name("bin") / "train")
    if not path or not os.access(path, os.X_OK):
        raise Error(f"there is no program {named or path}: PASPO_BINARY names one that is elsewhere")
    return path


def main():
    """Runs the program with the arguments and under the name of this one. The python3 that
    it finds first, for environments, is the one that the package is installed for."""
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    os.execv(binary(), [sys.argv[0], *sys.argv[1:]])


def message(stderr):
    """The last line of what the program says, without its name."""
    lines = [line for line in stderr.splitlines() if line.startswith("train: ")]
    return lines[-1].removeprefix("train: ") if lines else stderr.strip() or "it gave no reason"


def encoded(value):
    """JSON of what may have numbers and arrays of NumPy in it."""

    def plain(x):
        if isinstance(x, (np.generic, np.ndarray)):
            return x.tolist()
        raise TypeError(f"{x!r} is a {type(x).__name__}: numbers, text, lists and dictionaries are allowed")

    return json.dumps(value, default=plain)


@contextmanager
def constraints_file(given):
    """The path of a file of constraints that are given as a dictionary or as text. Errors name the
    constraints, and not the file, which nobody has written."""
    with tempfile.TemporaryDirectory(prefix="paspo-") as folder:
        path = Path(folder, "constraints.yaml")
        path.write_text(encoded(given) if isinstance(given, dict) else given)  # JSON is YAML
        try:
            yield path
        except Error as e:
            e.args = (str(e).replace(str(path), "constraints"),)
            raise


def integer(name, value, largest=2**64 - 1):
    """The value as an int from 0 to the largest."""
    try:
        number = operator.index(value)
    except TypeError:
        number = -1
    if not 0 <= number <= largest:
        raise ValueError(f"{name} is {value!r}: an integer from 0 to {largest} is allowed")
    return number


class Process:
    """The program with pipes to it, which the process that started it may use, one thread at a
    time. Ctrl-C on a terminal reaches this process alone."""

    def __init__(self, *arguments):
        self.pid = os.getpid()
        self.popen = subprocess.Popen(
            [binary(), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )

    def failed(self):
        """The error of a program that has ended, or is about to."""
        try:
            self.popen.stdin.close()
        except BrokenPipeError:
            pass
        said = self.popen.stderr.read().decode(errors="replace")
        self.popen.wait()
        return Error(message(said))

    def kill(self):
        """Ends the program at once, with answers that nobody will read."""
        self.popen.kill()
        self.close()

    @property
    def ours(self):
        """Whether it was started by this process and not by one that this is a copy of, which
        still uses the pipes."""
        return self.pid == os.getpid()

    def close(self):
        if not self.ours:
            for pipe in (self.popen.stdin.raw, self.popen.stdout.raw, self.popen.stderr.raw):
                pipe.close()  # what was to be written is the other's
            self.popen.returncode = 0  # no child of this process
            return
        for pipe in (self.popen.stdin, self.popen.stdout, self.popen.stderr):
            try:
                pipe.close()
            except BrokenPipeError:
                pass
        self.popen.wait()
