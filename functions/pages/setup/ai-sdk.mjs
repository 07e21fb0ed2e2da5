// Vercel AI SDK: npm install ai @ai-sdk/openai; export LANYARD_KEY='CODE/USER'
import { createOpenAI } from "@ai-sdk/openai";
import { generateText } from "ai";

const lanyard = createOpenAI({ baseURL: "{base}/v1", apiKey: process.env.LANYARD_KEY });
const { text } = await generateText({ model: lanyard.chat("{model}"), prompt: "Say hello" });
console.log(text);
