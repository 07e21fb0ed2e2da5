#!/usr/bin/env python3
"""Writes shared/domain/models.json: what is known of Azure's models.

    infra/models.py FILE [--as-of 2026-11]

FILE is a JSON object of models by name, in the form of LiteLLM's public price and context table
after its Azure entries were picked: context_tokens, max_output_tokens, usd_per_million,
usd_per_unit, supports, modalities, mode, endpoints, family, retires. It is read from disk only.

Facts that are not in that table: the field of the output cap, how images are counted,
which added fields a model refuses, and that some models reason. Each has its source beside it.
"""

import argparse
import json
import re
import sys
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "shared/domain/models.json"

SOURCE = (
    "LiteLLM's public model price and context table (Azure OpenAI and Azure AI Foundry entries); "
    "image rules from OpenAI's and Anthropic's vision guides; "
    "what a model router routes to from learn.microsoft.com/azure/foundry/model-router/supported-models"
)

# Models that reason and are not marked so: https://learn.microsoft.com/azure/foundry-classic/foundry-models/how-to/use-chat-reasoning
# A model router sends requests to models that reason, among others.
REASONS = (
    r"deepseek-(r1|v3\.1)$|gpt-oss-|grok-3-mini|grok-4(-fast-reasoning)?$|grok-code-|kimi-k2\.5$"
    r"|phi-4-mini-reasoning$|model[-_]router$"
)

# Embeddings of images that the table does not mark, at 1,000 tokens for each image:
# https://learn.microsoft.com/azure/ai-studio/how-to/deploy-models-cohere-embed
EMBEDS_IMAGES = r"cohere-embed-v3-"

# https://platform.openai.com/docs/guides/images-vision#calculating-costs
# https://docs.claude.com/en/docs/build-with-claude/vision#evaluate-image-size
# The first expression that fits a name decides.
IMAGE_RULES = [
    (r"gpt-4o-mini", {"tiles": [2833, 5667]}),
    (r"gpt-4\.1-mini|gpt-5-mini", {"patches": [1536, 1536, 162]}),
    (r"gpt-4\.1-nano|gpt-5-nano", {"patches": [1536, 1536, 246]}),
    (r"o4-mini", {"patches": [1536, 1536, 172]}),
    (r"gpt-4o|gpt-4\.1|gpt-4\.5|gpt-4-", {"tiles": [85, 170]}),
    (r"o1|o3", {"tiles": [75, 150]}),
    (r"gpt-5\.4-mini", {"patches": [1536, 1536, 162]}),
    (r"gpt-5\.4-nano", {"patches": [1536, 1536, 246]}),
    (r"gpt-5(\.1)?($|-)", {"tiles": [70, 140]}),
    (r"gpt-5\.[23]", {"patches": [1536, 1536, 100]}),
    (r"gpt-5\.[4-9]|gpt-6", {"patches": [2500, 10000, 100]}),
    (r"claude-opus-4-[78]|claude-(opus|sonnet|haiku|fable)-[5-9]", {"pixels": [2576, 4784]}),
    (r"claude-", {"pixels": [1568, 1600]}),
    (EMBEDS_IMAGES, {"tiles": [1000, 0]}),
]

# The tokens of a generated image. "sizes": for low, medium and high quality those of 1024x1024 and of
# any other size. "grid": see shared/domain/src/images/drawn.rs.
# gpt-image-1, gpt-image-1.5: https://platform.openai.com/docs/guides/image-generation#cost-and-latency
# gpt-image-1-mini: the prices of an image ($0.005 to $0.052, at $8 per million tokens; the highest that
# is rounded to them): https://developers.openai.com/api/docs/models/gpt-image-1-mini
# gpt-image-2: OpenAI's calculator, as code:
# https://community.openai.com/t/gpt-image-2-output-pricing-calculator-online-and-in-your-code/1382699
# gpt-image-2.5: OpenAI publishes no figures. It has more qualities (xhigh, max) of the same sizes. Those
# of gpt-image-2 are not lower than any that is reported of it.
# MAI-Image: one token for 1,024 pixels, at most 2048x2048:
# https://fal.ai/models/microsoft/mai-image-2.7/text-to-image/llms.txt
# The first expression that fits a name decides.
DRAWN_RULES = [
    (r"gpt-image-1-mini", {"sizes": [[687, 812], [1437, 1937], [4562, 6562]]}),
    (r"gpt-image-1", {"sizes": [[272, 408], [1056, 1584], [4160, 6240]]}),
    (r"mai-image-", {"sizes": [[4096, 4096], [4096, 4096], [4096, 4096]]}),
    (r"", {"grid": [16, 48, 96]}),
]

# Refused with 422: https://github.com/BerriAI/litellm/issues/11696 and /3899.
REFUSES = [(r"mistral|ministral|codestral", ["user", "stream_options"])]

OPERATIONS = {
    "/v1/chat/completions": ["chat_completions"],
    "/v1/responses": ["responses"],
    "/v1/completions": ["completions"],
    "/v1/embeddings": ["embeddings"],
    "/v1/images/generations": ["images_generations"],
    "/v1/images/edits": ["images_edits"],
    "/v1/audio/transcriptions": ["audio_transcriptions"],
    "/v1/audio/speech": ["audio_speech"],
}
BY_MODE = {
    "chat": ["chat_completions"],
    "responses": ["responses"],
    "completion": ["completions"],
    "embedding": ["embeddings"],
    "image_generation": ["images_generations"],
    "audio_transcription": ["audio_transcriptions", "audio_translations"],
    "audio_speech": ["audio_speech"],
    "video_generation": ["videos"],
}
# Versions of a model router, which writes nothing itself. What its table calls the price of input is
# added to the price of the model that it chooses.
ROUTER = r"model[-_]router"
# https://learn.microsoft.com/azure/foundry/model-router/supported-models
ROUTES = [
    "claude-fable-5-1", "claude-haiku-4-5", "claude-opus-4-6", "claude-opus-4-7", "claude-opus-4-8",
    "claude-opus-5", "claude-sonnet-4-5", "claude-sonnet-4-6", "claude-sonnet-5", "deepseek-v3.1", "deepseek-v3.2",
    "gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano", "gpt-4o", "gpt-4o-mini", "gpt-5", "gpt-5-chat", "gpt-5-mini",
    "gpt-5-nano", "gpt-5.2", "gpt-5.2-chat", "gpt-5.3-chat", "gpt-5.4", "gpt-5.4-mini", "gpt-5.4-nano", "gpt-5.5",
    "gpt-5.6-luna", "gpt-5.6-sol", "gpt-5.6-terra", "gpt-6-astra", "gpt-oss-120b", "grok-4",
    "grok-4-1-fast-reasoning", "grok-4-fast-reasoning", "llama-4-maverick-17b-128e-instruct-fp8", "o4-mini",
]
# https://github.com/openai/tiktoken/blob/main/tiktoken/model.py
OLDER_TOKENIZER = r"(gpt-4|gpt-3\.?5-turbo)($|-)|text-embedding-|ada$"
# Realtime, OCR, rerank and evaluation models have no operation that is proxied.
LEFT_OUT = {"realtime", "ocr", "rerank", "evaluation"}


def micros(usd):
    """Micro-dollars, as an integer."""
    return round(usd * 1_000_000)


def first(rules, name):
    return next((value for pattern, value in rules if re.match(pattern, name)), None)


def facts(name, row):
    supports = row.get("supports", {})
    is_openai = row["family"] == "azure_openai"
    is_said_to_reason = supports.get("reasoning") or re.match(REASONS, name.lower())
    reasons = bool(is_said_to_reason) and not re.search(r"-chat($|-)", name)
    out = {}
    for key, wanted in [("context_tokens", "context"), ("max_output_tokens", "max_output")]:
        if row.get(key):
            out[wanted] = int(row[key])
    if reasons:
        out["reasons"] = True
    # https://learn.microsoft.com/azure/ai-foundry/openai/how-to/reasoning
    if is_openai and (reasons or re.match(r"o\d|gpt-[5-9]", name)):
        out["cap"] = "max_completion_tokens"
    is_marked = supports.get("vision") or "image" in row.get("modalities", [])
    if is_marked or re.match(EMBEDS_IMAGES, name.lower()):
        out["image"] = first(IMAGE_RULES, name.lower()) or {"patches": [10000, 10000, 100]}
    if "output_image" in row.get("usd_per_million", {}):
        out["drawn"] = first(DRAWN_RULES, name.lower())
    refused = first(REFUSES, name.lower())
    if refused:
        out["refuses"] = refused
    if is_openai and re.match(OLDER_TOKENIZER, name.lower()):
        out["tokenizer"] = "cl100k_base"
    operations = [op for path in row.get("endpoints", []) for op in OPERATIONS.get(path, [])]
    if name.startswith("claude-"):
        operations = ["messages"]
    out["operations"] = operations or BY_MODE[row["mode"]]
    prices = {key: micros(usd) for key, usd in row.get("usd_per_million", {}).items()}
    # Writing to the cache for an hour costs twice the input:
    # https://docs.claude.com/en/docs/build-with-claude/prompt-caching#pricing
    if name.startswith("claude-") and "cache_write" in prices:
        prices["cache_write_hour"] = 2 * prices["input"]
    if re.match(ROUTER, name):
        prices = {"surcharge": prices["input"]}
    if prices:
        out["micro_usd_per_million"] = dict(sorted(prices.items()))
    units = {key: round(usd * 1e9) for key, usd in row.get("usd_per_unit", {}).items()}
    if units:
        out["nano_usd_per_unit"] = units
    if re.match(ROUTER, name):
        out["routes_to"] = ROUTES
    if row.get("retires"):
        out["retires"] = row["retires"]
    return out


# Azure's schedule of July 2026 names earlier dates than LiteLLM's table; the earlier one warns.
EARLIER = {
    "gpt-4o": "2026-10-01", "gpt-4o-mini": "2026-10-01", "gpt-4.1": "2026-10-14",
    "o3": "2026-10-16", "o4-mini": "2026-10-16",
}


def main():
    parser = argparse.ArgumentParser(description="Writes shared/domain/models.json.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--as-of", default="2026-11", help="the month of the table")
    parser.add_argument("--output", type=Path, default=TARGET)
    options = parser.parse_args()
    rows = json.loads(options.file.read_text(encoding="utf-8"))
    models = {}
    for name, row in sorted(rows.items(), key=lambda item: item[0].lower()):
        if row["mode"] in LEFT_OUT:
            continue
        models[name.lower()] = facts(name, row)
    # The table has the price of large videos as that of a model of its own.
    for name, fact in models.items():
        large = models.get(f"{name}-high-res")
        if large:
            fact["nano_usd_per_unit"]["large_video_second"] = large["nano_usd_per_unit"]["video_second"]
    for name, date in EARLIER.items():
        if name in models and date < models[name].get("retires", "9999"):
            models[name]["retires"] = date
    lines = [f"    {json.dumps(name)}: {json.dumps(fact)}" for name, fact in sorted(models.items())]
    text = (
        "{\n"
        f"  \"source\": {json.dumps(SOURCE)},\n"
        f"  \"as_of\": {json.dumps(options.as_of)},\n"
        "  \"models\": {\n" + ",\n".join(lines) + "\n  }\n}\n"
    )
    json.loads(text)
    options.output.write_text(text, encoding="utf-8")
    print(f"{len(models)} models", file=sys.stderr)


if __name__ == "__main__":
    main()
