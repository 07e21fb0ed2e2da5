// The AI SDK, on both APIs. On responses it needs the setting that nothing is stored.

import { createOpenAI } from "@ai-sdk/openai";
import { generateText, isStepCount, Output, streamText, tool } from "ai";
import { V1, run } from "../node/scenarios.mjs";
import { ANIMAL, check, MODEL, WEATHER } from "./frameworks.mjs";
import { version } from "./version.mjs";

function aiSdk(api, providerOptions) {
  const model = (apiKey) => createOpenAI({ baseURL: V1, apiKey })[api](MODEL);
  return {
    ask: async (key, prompt) => (await generateText({ model: model(key), prompt, providerOptions })).text,
    stream: (key, prompt) => streamText({ model: model(key), prompt, providerOptions }).textStream,
    async useTool(key, texts, execute) {
      const { description, parameters: inputSchema } = WEATHER;
      const tools = { [WEATHER.name]: tool({ description, inputSchema, execute }) };
      const messages = [];
      let text = "";
      for (const content of texts) {
        messages.push({ role: "user", content });
        const stopWhen = isStepCount(5);
        const response = await generateText({ model: model(key), messages, tools, stopWhen, providerOptions });
        messages.push(...response.response.messages);
        text = response.text;
      }
      return text;
    },
    async fillIn(key, prompt) {
      const output = Output.object({ schema: ANIMAL });
      return (await generateText({ model: model(key), prompt, output, providerOptions })).output;
    },
  };
}

check(aiSdk("chat"), "chat");
check(aiSdk("responses", { openai: { store: false } }), "responses");
run(`ai ${version("ai")}, @ai-sdk/openai ${version("@ai-sdk/openai")}`);
