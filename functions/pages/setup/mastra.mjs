// Mastra: npm install @mastra/core; export LANYARD_KEY='CODE/USER'
import { Agent } from "@mastra/core/agent";

export const agent = new Agent({
  name: "event",
  instructions: "You are helpful.",
  model: { id: "custom/{model}", url: "{base}/v1", apiKey: process.env.LANYARD_KEY },
});
