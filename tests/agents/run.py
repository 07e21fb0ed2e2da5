"""Runs the coding agents that attendees bring against the local service and its simulated Azure.

    tests/agents/run.py [--service target/debug/lanyard-local] [--keep] [AGENT…]

Each agent is the real program, with what `GET /api/setup/{tool}` returns as its configuration, in a home of its own
below target/agents. Every case of every agent is a run of the program. Between Lanyard and the simulator stands a
proxy, so that what reached Azure can be compared with what was accounted. `.ci/run agents` installs the agents and
calls this.
"""

import argparse
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/clients"))
from support import service  # noqa: E402

from tools import AGENTS, plain  # noqa: E402

HOMES = ROOT / "target/agents"
SECONDS_PER_RUN = 150


def main():
    arguments = parse()
    HOMES.mkdir(parents=True, exist_ok=True)
    with service.running(arguments.service) as up:
        os.environ |= up.environment()
        # What it imports reads the environment.
        import cases

        results = cases.run_all(up, [AGENTS[name] for name in arguments.chosen], in_home(arguments.keep))
    print(f"\n{'agent':16}{'version':12}{'passed':>7}{'failed':>7}{'skipped':>8}{'seconds':>9}")
    for name in arguments.chosen:
        of_it = [result for result in results if result.agent == name]
        count = lambda outcome: sum(result.outcome == outcome for result in of_it)
        seconds = sum(result.seconds for result in of_it)
        numbers = (count("ok"), count("FAIL"), count("skipped"))
        print(f"{name:16}{AGENTS[name].version():12}{numbers[0]:7}{numbers[1]:7}{numbers[2]:8}{seconds:9.1f}")
    passed, failed = (sum(result.outcome == outcome for result in results) for outcome in ("ok", "FAIL"))
    print(f"\n{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="keep the homes of the agents, in target/agents")
    return service.read_arguments(parser, AGENTS, "agent")


def in_home(keep):
    """A function that runs an agent in a home and a folder of its own, for each of some prompts in one session, and
    returns what it said, its last exit code and the folder's files."""

    def run(agent_class, address, key, prompts_of):
        place = pathlib.Path(tempfile.mkdtemp(prefix=f"{agent_class.name}-", dir=HOMES))
        try:
            home, work = place / "home", place / "work"
            home.mkdir()
            # Agents look for a repository, and would find this one.
            subprocess.run(["git", "init", "--quiet", work], check=True)
            agent = agent_class(home, work, address, key)
            first, *others = prompts_of(agent)
            commands = [agent.prepare(), agent.command(first), *map(agent.resume, others)]
            said = ""
            for command in filter(None, commands):
                code, more = run_bounded(command, work, agent.all_environment())
                said += more
            files = {file.name: file.read_text() for file in work.iterdir() if file.is_file()}
            return code, plain(said), files
        finally:
            if not keep:
                shutil.rmtree(place, ignore_errors=True)

    return run


def run_bounded(command, work, environment):
    """Runs a command without input. When it has ended, or its time is over, so has all that it started."""
    mark = f"LANYARD_RUN={uuid.uuid4()}"
    name, _, value = mark.partition("=")
    system = {name: os.environ[name] for name in ("PATH", "LANG", "NO_PROXY", "no_proxy") if name in os.environ}
    environment = system | environment | {name: value}
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(list(map(str, command)), cwd=work, env=environment, stdin=subprocess.DEVNULL,
                                   stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            code = process.wait(SECONDS_PER_RUN)
        except subprocess.TimeoutExpired:
            code = f"none after {SECONDS_PER_RUN} s"
        finally:
            end_all(mark)
            process.wait()
        output.seek(0)
        return code, output.read()


def end_all(mark):
    """Ends every process that has this in its environment."""
    for environment in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in environment.read_bytes().split(b"\0"):
                os.kill(int(environment.parent.name), signal.SIGKILL)
        except OSError:
            continue


if __name__ == "__main__":
    sys.exit(main())
