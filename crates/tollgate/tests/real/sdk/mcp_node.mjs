// The official MCP SDK for TypeScript, unmodified, against a gateway.
//
//     node mcp_node.mjs FOLDER < cases.json
//
// FOLDER is where it is installed. Each case has a URL, a key and the names of tools to call with their arguments.
// Prints one line of JSON for each case: what a program that uses the SDK would see.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder] = process.argv.slice(2);
const require = createRequire(`${folder}/package.json`);
const load = async (path) => await import(pathToFileURL(require.resolve(`@modelcontextprotocol/sdk/${path}`)));
const { Client } = await load("client/index.js");
const { StreamableHTTPClientTransport } = await load("client/streamableHttp.js");

let input = "";
for await (const piece of process.stdin) input += piece;
for (const item of JSON.parse(input)) {
  let seen;
  try {
    seen = await session(item);
  } catch (error) {
    seen = { refused: refused(error) };
  }
  console.log(JSON.stringify({ name: item.name, ...seen }));
}
process.exit(0);

async function session(item) {
  const client = new Client({ name: "tests", version: "1" }, { capabilities: item.capabilities ?? {} });
  const transport = new StreamableHTTPClientTransport(new URL(item.url), {
    requestInit: { headers: { authorization: `Bearer ${item.key}` } },
  });
  await client.connect(transport);
  const { tools } = await client.listTools();
  const calls = [];
  for (const [name, args] of item.calls) calls.push(await called(client, name, args));
  const version = transport.protocolVersion;
  await transport.terminateSession();
  await client.close();
  return { version, tools: tools.map((tool) => tool.name), calls };
}

async function called(client, name, args) {
  let progress = 0;
  try {
    const result = await client.callTool({ name, arguments: args }, undefined, { onprogress: () => (progress += 1) });
    const text = result.content.filter((content) => content.type === "text").map((content) => content.text);
    const reason = result._meta?.["tollgate/problem"]?.reason ?? null;
    return { text: text.join(" "), failed: result.isError ?? false, reason, progress };
  } catch (error) {
    return refused(error);
  }
}

function refused(error) {
  const url = error.data?.elicitations?.[0]?.url ?? null;
  return { error: error.constructor.name, code: error.code ?? null, text: error.message, url, reason: error.data?.reason ?? null };
}
