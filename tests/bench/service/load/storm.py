"""Many clients of the current `openai` for Python, each with its usual retries, one call after the other.

    storm.py BASE_URL CODE CLIENTS SECONDS

Prints a line when it is ready, then a line of JSON for each call that has ended.
"""

import asyncio
import json
import sys
import time

from openai import AsyncOpenAI, OpenAIError


async def ask(client, number, begin, seconds):
    while (begun := time.monotonic() - begin) < seconds:
        error = None
        try:
            await client.chat.completions.create(
                model="gpt-5-mini", max_tokens=64, messages=[{"role": "user", "content": "Are you there?"}]
            )
        except OpenAIError as raised:
            error = type(raised).__name__
        ended = time.monotonic() - begin
        print(json.dumps({"client": number, "begun": begun, "ended": ended, "error": error}), flush=True)
        # People read a response, or a refusal, before they send the next request.
        await asyncio.sleep(1)


async def main():
    base_url, code, clients, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    openai_clients = [AsyncOpenAI(base_url=base_url, api_key=f"{code}/client-{number}") for number in range(clients)]
    print("ready", flush=True)
    begin = time.monotonic()
    asking = [ask(client, number, begin, seconds) for number, client in enumerate(openai_clients)]
    # A call that is waiting for its next try when the time is up is not waited for.
    await asyncio.wait([asyncio.ensure_future(one) for one in asking], timeout=seconds + 30)


asyncio.run(main())
