// The official OpenAI SDK for Node, unmodified, against a gateway.
//
//   node openai_node.mjs GATEWAY SDK_FOLDER < cases.json
//
// Prints one line of JSON for each case: what a program that uses the SDK would see.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [gateway, folder] = process.argv.slice(2);
const OpenAI = createRequire(join(folder, "package.json"))("openai").OpenAI;

const actions = {
  async completion(client, body) {
    const answer = await client.chat.completions.create(body);
    return { text: answer.choices[0].message.content, tokens: answer.usage.completion_tokens };
  },
  async stream(client, body) {
    let text = "";
    let tokens = null;
    for await (const chunk of await client.chat.completions.create({ ...body, stream: true })) {
      text += chunk.choices[0]?.delta.content ?? "";
      tokens = chunk.usage?.completion_tokens ?? tokens;
    }
    return { text, tokens };
  },
  async embedding(client, body) {
    const answer = await client.embeddings.create(body);
    return { dimensions: answer.data[0].embedding.length, tokens: answer.usage.prompt_tokens };
  },
  async models(client) {
    const models = [];
    for await (const model of client.models.list()) models.push(model.id);
    return { models };
  },
};

function refused(error) {
  return {
    error: error.constructor.name,
    status: error.status ?? null,
    code: error.code ?? null,
    message: error.error?.message ?? error.message,
    request_id: error.requestID ?? null,
  };
}

for (const sent of JSON.parse(readFileSync(0, "utf8"))) {
  const client = new OpenAI({
    apiKey: sent.key,
    baseURL: `${gateway}/v1`,
    defaultHeaders: sent.headers ?? {},
    timeout: 120_000,
  });
  const began = performance.now();
  let seen;
  try {
    seen = await actions[sent.action](client, sent.body ?? {});
  } catch (error) {
    seen = refused(error);
  }
  const seconds = (performance.now() - began) / 1000;
  process.stdout.write(`${JSON.stringify({ name: sent.name, ...seen, seconds })}\n`);
}
