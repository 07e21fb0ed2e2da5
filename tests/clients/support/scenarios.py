"""Scenarios of a client, which run one after the other.

A scenario is a function whose name is a sentence about behaviour. `run` calls each in turn, prints `ok NAME` or
`FAIL NAME: why`, and ends the process with an exit code.
"""

import asyncio
import contextlib
import inspect
import itertools
import json
import pathlib
import signal
import sys
import traceback

CODE = "hackathon"
SECONDS_PER_SCENARIO = 30
HERE = pathlib.Path(__file__).resolve().parent.parent
SAMPLES = json.loads((HERE / "samples.json").read_text())

_scenarios = []
_numbers = itertools.count(1)


def scenario(function):
    """Registers a function under its own name, read as a sentence."""
    return named(function.__name__.replace("_", " "))(function)


def named(name):
    """Registers a function under a name of its own, for rows of a table."""

    def register(function):
        _scenarios.append((name, function))
        return function

    return register


def attendee(code=CODE):
    """A credential of the local event for an attendee who is new to it, so that scenarios share no allowance."""
    return f"{code}/{pathlib.Path(sys.argv[0]).stem}-{next(_numbers)}"


class Caught:
    """The exception that `raised` caught."""

    error = None


@contextlib.contextmanager
def raised(kind, or_below=False):
    """Expects an exception of exactly this class, or of one below it too, and keeps it for questions."""
    caught = Caught()
    try:
        yield caught
    except Exception as error:
        if type(error) is not kind and not (or_below and isinstance(error, kind)):
            raise AssertionError(f"{named_in_full(error)} was raised, not {kind.__name__}") from error
        caught.error = error
        return
    raise AssertionError(f"nothing was raised, but {kind.__name__} should have been")


def run(client):
    """Runs everything that was registered, and ends the process."""
    print(f"client {client}", flush=True)
    signal.signal(signal.SIGALRM, _out_of_time)
    failed = 0
    # Some clients keep connections for as long as a loop is there, so all scenarios share one.
    with asyncio.Runner() as loop:
        for name, function in _scenarios:
            signal.alarm(SECONDS_PER_SCENARIO)
            try:
                if inspect.iscoroutinefunction(function):
                    loop.run(function())
                else:
                    function()
            except Exception as error:
                failed += 1
                print(f"FAIL {name}: {_why(error)}", flush=True)
                traceback.print_exc()
            else:
                print(f"ok {name}", flush=True)
            finally:
                signal.alarm(0)
    sys.exit(1 if failed else 0)


def named_in_full(error):
    """The class of an exception and its message, on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _why(error):
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{named_in_full(error)} ({pathlib.Path(frame.filename).name}:{frame.lineno}: {frame.line})"


def _out_of_time(_signal, _frame):
    raise TimeoutError(f"not over after {SECONDS_PER_SCENARIO} seconds")
