"""Observations as an environment gives them, and what the program reads."""

import numpy as np

from ._binary import Error


class Misfit(ValueError):
    """An observation that is none of its space, nor a batch of such."""


def read(space, dim, obs):
    """The observations in obs as JSON has them, and whether it is one by itself. Own ones, as the
    environment gives them, go before flattened ones; space is None where only those are known."""
    flat = None
    if np.ma.is_masked(obs):
        raise Misfit("obs has masked numbers: numbers without a mask are allowed")
    # What is of one of several spaces is a pair, as a short list may be.
    if space is None or not isinstance(obs, (dict, tuple)) and (space["kind"] != "OneOf" or isinstance(obs, np.ndarray)):
        try:
            a = np.asarray(obs)
            flat = a if a.dtype.kind in "fiub" and a.ndim in (1, 2) and (space is None or a.shape[-1] == dim) else None
        except ValueError:
            pass  # lists of several lengths
        if space is None and flat is None:
            raise Misfit(f"obs has shape {np.shape(obs)}: (dim) or (rows, dim) is allowed")
    # Of a Discrete space a batch of integers and one flattened observation look alike but for the dtype.
    if flat is not None and (space is None or space["kind"] == "Discrete" and flat.dtype.kind == "f"):
        return _numbers(flat, flat.ndim == 1, "obs")
    try:
        return _own(space, obs, "obs")
    except Misfit:
        if flat is None:
            raise
        return _numbers(flat, flat.ndim == 1, "obs")


def _own(space, obs, name):
    kind = space["kind"]
    if kind == "Dict":
        if isinstance(obs, (list, tuple)):
            return _each(space, obs, name)
        if not hasattr(obs, "keys"):
            raise Misfit(f"{name} is a {type(obs).__name__}: a dictionary with {', '.join(space['keys'])} is allowed, or a list of such")
        given = {str(k): v for k, v in obs.items()}
        if given.keys() != set(space["keys"]):
            raise Misfit(f"{name} has {', '.join(sorted(given)) or 'nothing'}: {', '.join(space['keys'])} are allowed")
        rows, alone = _together([(_own(s, given[k], f"{name}.{k}"), f"{name}.{k}") for k, s in zip(space["keys"], space["spaces"])])
        return [dict(zip(space["keys"], row)) for row in rows], alone
    if kind == "Tuple":
        if not isinstance(obs, (list, tuple)) or len(obs) != len(space["spaces"]):
            raise Misfit(f"{name} is a {type(obs).__name__}{f' of {len(obs)}' if hasattr(obs, '__len__') else ''}: a tuple of {len(space['spaces'])} is allowed")
        rows, alone = _together([(_own(s, o, f"{name}.{i}"), f"{name}.{i}") for i, (s, o) in enumerate(zip(space["spaces"], obs))])
        return [list(row) for row in rows], alone
    if kind == "OneOf":
        if not isinstance(obs, (list, tuple)):
            raise Misfit(f"{name} is a {type(obs).__name__}: a tuple of the number of a space and what is of it is allowed, or a list of such")
        if len(obs) == 2 and np.ndim(obs[0]) == 0 and np.asarray(obs[0]).dtype.kind in "iu":
            k = int(obs[0])
            if not 0 <= k < len(space["spaces"]):
                raise Misfit(f"{name} is of space {k}: 0 to {len(space['spaces']) - 1} are allowed")
            rows, alone = _own(space["spaces"][k], obs[1], f"{name}.{k}")
            if not alone:
                raise Misfit(f"{name}.{k} has {len(rows)} rows: one observation is allowed")
            return [[k, rows[0]]], True
        return _each(space, obs, name)
    if np.ma.is_masked(obs):
        raise Misfit(f"{name} has masked numbers: numbers without a mask are allowed")
    try:
        a = np.asarray(obs)
    except ValueError:
        a = np.asarray(None)
    shape = tuple(space.get("shape", ()))
    if a.dtype.kind not in "fiub" or a.shape != shape and a.shape[1:] != shape or a.shape != shape and not a.ndim:
        got = f"has shape {a.shape}" if a.dtype.kind in "fiub" else f"is a {type(obs).__name__}, no array of numbers"
        raise Misfit(f"{name} {got}: {shape} is allowed, or that of a batch with rows of such")
    return _numbers(a, a.shape == shape, name)


def _numbers(a, alone, name):
    """Rows of numbers as JSON has them, and whether it is one row by itself."""
    a = np.asarray(a[None] if alone else a, float)
    for at in np.argwhere(~np.isfinite(a))[:1].tolist():
        row, *index = at
        where = f"component {index[0]} of the observation" if name == "obs" and len(index) == 1 else name + "".join(f"[{i}]" for i in index)
        raise Error(f"{'' if alone else f'row {row}: '}{where} is {a[tuple(at)]}: finite numbers are allowed")
    return a.tolist(), alone


def _each(space, all, name):
    """A list of observations."""
    rows = []
    for i, o in enumerate(all):
        one, alone = _own(space, o, f"{name}[{i}]")
        if not alone:
            raise Misfit(f"{name}[{i}] has {len(one)} rows: one observation is allowed")
        rows += one
    return rows, False


def _together(parts):
    """Rows of the parts of an observation, side by side."""
    (first, alone), named = parts[0]
    for (rows, one), name in parts:
        if one != alone or len(rows) != len(first):
            count = ["one observation" if a else f"{len(r)} rows" for r, a in ((first, alone), (rows, one))]
            raise Misfit(f"{named} has {count[0]}, {name} {count[1]}: as many in all are allowed")
    return zip(*(rows for (rows, _), _ in parts)), alone
