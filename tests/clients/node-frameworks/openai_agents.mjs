// `@openai/agents`, on both APIs, with the settings that it comes with.

import { Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, run as ask, setTracingDisabled, tool } from "@openai/agents";
import OpenAI from "openai";
import { V1, run } from "../node/scenarios.mjs";
import { ANIMAL, check, MODEL, WEATHER } from "./frameworks.mjs";
import { version } from "./version.mjs";

setTracingDisabled(true);

function openAiAgents(Model) {
  const agent = (apiKey, options) =>
    new Agent({ name: "event", model: new Model(new OpenAI({ baseURL: V1, apiKey }), MODEL), ...options });
  return {
    ask: async (key, text) => (await ask(agent(key), text)).finalOutput,
    async *stream(key, text) {
      for await (const event of await ask(agent(key), text, { stream: true })) {
        const { data } = event;
        if (event.type === "raw_model_stream_event" && data.type === "output_text_delta") yield data.delta;
      }
    },
    async useTool(key, texts, execute) {
      const withTool = agent(key, { tools: [tool({ ...WEATHER, execute })] });
      let said = [];
      let text = "";
      for (const content of texts) {
        const response = await ask(withTool, [...said, { role: "user", content }]);
        said = response.history;
        text = response.finalOutput;
      }
      return text;
    },
    fillIn: async (key, text) => (await ask(agent(key, { outputType: ANIMAL }), text)).finalOutput,
  };
}

check(openAiAgents(OpenAIChatCompletionsModel), "chat");
check(openAiAgents(OpenAIResponsesModel), "responses");
run(`@openai/agents ${version("@openai/agents")}`);
