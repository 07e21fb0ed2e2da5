// `@langchain/openai`, on both APIs, as its agents use it: a tool is called, and its result is sent back.

import { HumanMessage, ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI } from "@langchain/openai";
import { V1, run } from "../node/scenarios.mjs";
import { ANIMAL, check, MODEL, WEATHER } from "./frameworks.mjs";
import { version } from "./version.mjs";

function langChain(options) {
  const model = (apiKey) => new ChatOpenAI({ model: MODEL, apiKey, configuration: { baseURL: V1 }, ...options });
  return {
    ask: async (key, text) => (await model(key).invoke(text)).text,
    async *stream(key, text) {
      for await (const chunk of await model(key).stream(text)) {
        if (chunk.text) yield chunk.text;
      }
    },
    async useTool(key, texts, execute) {
      const { name, description, parameters: schema } = WEATHER;
      const withTool = model(key).bindTools([tool(execute, { name, description, schema })]);
      const said = [];
      for (const text of texts) {
        said.push(new HumanMessage(text), await withTool.invoke([...said, new HumanMessage(text)]));
        while (said.at(-1).tool_calls?.length) {
          for (const { id, args } of said.at(-1).tool_calls) {
            said.push(new ToolMessage({ content: await execute(args), tool_call_id: id }));
          }
          said.push(await withTool.invoke(said));
        }
      }
      return said.at(-1).text;
    },
    fillIn: (key, text) => model(key).withStructuredOutput(ANIMAL).invoke(text),
  };
}

check(langChain({}), "chat");
check(langChain({ useResponsesApi: true }), "responses");
run(`@langchain/openai ${version("@langchain/openai")}`);
