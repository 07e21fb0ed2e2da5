#!/usr/bin/env python3
"""Writes the template with some functions on Lambda Managed Instances: many requests in one environment.

    infra/managed_instances.py ARN [FUNCTION...] > template-managed.yaml

ARN is that of a capacity provider. The functions are chat-completions and responses unless others are named; each
keeps three environments alive, so name those for which many wait. SAM takes no condition around a function's capacity
provider, and Lambda no change of it once the function is there, so the choice is made before the first deployment and
not by a parameter. docs/cost.md says from when on it is worth it, decision record 27 what differs.
"""

import pathlib
import re
import sys

TEMPLATE = pathlib.Path(__file__).resolve().parent.parent / "template.yaml"
USUAL = ["chat-completions", "responses"]
# One processor, which is what a function's one thread can use, and the least memory that Lambda gives with it.
MEGABYTES, GIB_PER_PROCESSOR = 2048, 2
# Requests that wait for Azure together. Each takes tens of kilobytes; the processor is the bound.
AT_ONCE = 256


def main(provider, *functions):
    if not re.fullmatch(r"arn:[\w-]+:lambda:[\w-]+:\d{12}:capacity-provider:[\w-]+", provider):
        sys.exit(f"{provider} is no ARN of a capacity provider: arn:aws:lambda:REGION:ACCOUNT:capacity-provider:NAME")
    text = TEMPLATE.read_text()
    for function in functions or USUAL:
        text = managed(text, function, provider)
    sys.stdout.write(text)


def managed(text, function, provider):
    """The template with one function managed."""
    block = re.search(rf"^  \w+:\n    Type: AWS::Serverless::Function\n(?:    .*\n)*?"
                      rf"    Properties:\n      CodeUri: functions/{re.escape(function)}\n(?:      .*\n)*", text, re.M)
    if not block:
        sys.exit(f"{TEMPLATE.name} has no function {function}")
    properties, memory = re.subn(r"      MemorySize: .*\n", f"""\
      MemorySize: {MEGABYTES}
      CapacityProviderConfig:
        Arn: {provider}
        ExecutionEnvironmentMemoryGiBPerVCpu: {GIB_PER_PROCESSOR}
        PerExecutionEnvironmentMaxConcurrency: {AT_ONCE}
""", block[0])
    properties, reserved = re.subn(r"      ReservedConcurrentExecutions: .*\n", "", properties)
    if (memory, reserved) != (1, 1):
        sys.exit(f"{function} is not one of those that call Azure")
    return text.replace(block[0], properties)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(*sys.argv[1:])
