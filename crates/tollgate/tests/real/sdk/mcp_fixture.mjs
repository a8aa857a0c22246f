// A server with what the MCP conformance suite asks a server for, on the official SDK for TypeScript.
//
//     node mcp_fixture.mjs FOLDER
//
// FOLDER is where the SDK is installed. Prints `listening on port N` for the server, and `keyed on port N` for a proxy
// that adds a key, because the suite cannot send one. Where the proxy leads to is set with `GET /target?url=URL&key=KEY`
// on the port of the server.

import http from "node:http";
import { createRequire } from "node:module";
import { randomUUID } from "node:crypto";
import { pathToFileURL } from "node:url";

const [folder] = process.argv.slice(2);
const require = createRequire(`${folder}/package.json`);
const load = async (name) => await import(pathToFileURL(require.resolve(name)));
const { McpServer, ResourceTemplate } = await load("@modelcontextprotocol/sdk/server/mcp.js");
const { StreamableHTTPServerTransport } = await load("@modelcontextprotocol/sdk/server/streamableHttp.js");
const { SubscribeRequestSchema, UnsubscribeRequestSchema, SetLevelRequestSchema, CompleteRequestSchema } = await load(
  "@modelcontextprotocol/sdk/types.js",
);
const { z } = await load("zod");

const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
const WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=";
const text = (text) => ({ type: "text", text });
const image = { type: "image", data: PNG, mimeType: "image/png" };
const embedded = (uri, text) => ({ type: "resource", resource: { uri, mimeType: "text/plain", text } });
const pause = () => new Promise((resolve) => setTimeout(resolve, 50));
const user = (content) => ({ role: "user", content });

function server() {
  const capabilities = { logging: {}, completions: {}, resources: { subscribe: true } };
  const mcp = new McpServer({ name: "fixture", version: "1" }, { capabilities });
  const tool = (name, inputSchema, call) => mcp.registerTool(name, { description: name, inputSchema }, call);
  const says = (...content) => async () => ({ content });
  tool("test_simple_text", {}, says(text("This is a simple text response for testing.")));
  tool("test_image_content", {}, says(image));
  tool("test_audio_content", {}, says({ type: "audio", data: WAV, mimeType: "audio/wav" }));
  const resource = embedded("test://embedded-resource", "This is an embedded resource content.");
  tool("test_embedded_resource", {}, says(resource));
  tool("test_multiple_content_types", {}, says(text("Multiple content types test:"), image, resource));
  tool("test_error_handling", {}, async () => {
    throw new Error("This tool intentionally returns an error for testing");
  });
  tool("test_tool_with_logging", {}, async (_, extra) => {
    for (const data of ["Tool execution started", "Tool processing data", "Tool execution completed"]) {
      await extra.sendNotification({ method: "notifications/message", params: { level: "info", data } });
      await pause();
    }
    return { content: [text("Done")] };
  });
  tool("test_tool_with_progress", {}, async (_, extra) => {
    const progressToken = extra._meta?.progressToken ?? 0;
    for (const progress of [0, 50, 100]) {
      const params = { progressToken, progress, total: 100 };
      await extra.sendNotification({ method: "notifications/progress", params });
      await pause();
    }
    return { content: [text("Done")] };
  });
  tool("test_sampling", { prompt: z.string() }, async ({ prompt }, extra) => {
    const params = { messages: [user(text(prompt))], maxTokens: 100 };
    const schema = z.object({ content: z.any() }).passthrough();
    const result = await extra.sendRequest({ method: "sampling/createMessage", params }, schema);
    return { content: [text(`LLM response: ${result.content?.text ?? ""}`)] };
  });
  const elicits = (name, inputSchema, message, properties, required) =>
    tool(name, inputSchema, async (args, extra) => {
      const params = { message: args.message ?? message, requestedSchema: { type: "object", properties, required } };
      const schema = z.object({ action: z.string(), content: z.any() }).passthrough();
      const result = await extra.sendRequest({ method: "elicitation/create", params }, schema);
      return { content: [text(`User response: ${result.action}, ${JSON.stringify(result.content ?? {})}`)] };
    });
  const answer = { username: { type: "string" }, email: { type: "string" } };
  elicits("test_elicitation", { message: z.string() }, "", answer, ["username", "email"]);
  elicits("test_elicitation_sep1034_defaults", {}, "Please review", {
    name: { type: "string", default: "John Doe" },
    age: { type: "integer", default: 30 },
    score: { type: "number", default: 95.5 },
    status: { type: "string", enum: ["active", "inactive", "pending"], default: "active" },
    verified: { type: "boolean", default: true },
  });
  const titled = (name) => [1, 2, 3].map((n) => ({ const: `value${n}`, title: `${name} ${n}` }));
  elicits("test_elicitation_sep1330_enums", {}, "Please choose", {
    untitledSingle: { type: "string", enum: ["option1", "option2", "option3"] },
    titledSingle: { type: "string", oneOf: titled("Option") },
    legacyEnum: { type: "string", enum: ["opt1", "opt2", "opt3"], enumNames: ["One", "Two", "Three"] },
    untitledMulti: { type: "array", items: { type: "string", enum: ["option1", "option2", "option3"] } },
    titledMulti: { type: "array", items: { anyOf: titled("Choice") } },
  });

  const prompt = (name, argsSchema, get) => mcp.registerPrompt(name, { description: name, argsSchema }, get);
  prompt("test_simple_prompt", undefined, () => ({ messages: [user(text("This is a simple prompt for testing."))] }));
  prompt("test_prompt_with_arguments", { arg1: z.string(), arg2: z.string() }, ({ arg1, arg2 }) => ({
    messages: [user(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`))],
  }));
  prompt("test_prompt_with_embedded_resource", { resourceUri: z.string() }, ({ resourceUri }) => ({
    messages: [user(embedded(resourceUri, "Embedded resource content for testing.")), user(text("Please process it."))],
  }));
  prompt("test_prompt_with_image", undefined, () => ({ messages: [user(image), user(text("Please look at it."))] }));

  const read = (name, uri, content) =>
    mcp.registerResource(name, uri, { title: name }, async (url) => ({ contents: [{ uri: url.href, ...content(url) }] }));
  read("static-text", "test://static-text", () => ({ mimeType: "text/plain", text: "The static text resource." }));
  read("static-binary", "test://static-binary", () => ({ mimeType: "image/png", blob: PNG }));
  read("watched", "test://watched-resource", () => ({ mimeType: "text/plain", text: "Watched." }));
  read("template", new ResourceTemplate("test://template/{id}/data", { list: undefined }), (url) => ({
    mimeType: "application/json",
    text: JSON.stringify({ id: url.href.split("/")[3], templateTest: true }),
  }));
  mcp.server.setRequestHandler(SubscribeRequestSchema, async () => ({}));
  mcp.server.setRequestHandler(UnsubscribeRequestSchema, async () => ({}));
  mcp.server.setRequestHandler(SetLevelRequestSchema, async () => ({}));
  mcp.server.setRequestHandler(CompleteRequestSchema, async () => ({ completion: { values: [], total: 0 } }));
  return mcp;
}

const sessions = new Map();
let target = { url: "", key: "" };

async function body(request) {
  let text = "";
  for await (const piece of request) text += piece;
  return text === "" ? undefined : JSON.parse(text);
}

const listener = http.createServer(async (request, response) => {
  const url = new URL(request.url, "http://localhost");
  if (url.pathname === "/target") {
    target = { url: url.searchParams.get("url"), key: url.searchParams.get("key") };
    return response.end();
  }
  const known = sessions.get(request.headers["mcp-session-id"]);
  if (known) return known.handleRequest(request, response, await body(request));
  if (request.headers["mcp-session-id"] || request.method !== "POST") return response.writeHead(404).end();
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => sessions.set(id, transport),
  });
  await server().connect(transport);
  await transport.handleRequest(request, response, await body(request));
});
listener.listen(0, "127.0.0.1", () => console.log(`listening on port ${listener.address().port}`));

const keyed = http.createServer((request, response) => {
  const to = new URL(target.url);
  const headers = { ...request.headers, host: to.host, authorization: `Bearer ${target.key}` };
  const passing = http.request(to, { method: request.method, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  passing.on("error", () => response.destroy());
  response.on("close", () => passing.destroy());
  request.pipe(passing);
});
keyed.listen(0, "127.0.0.1", () => console.log(`keyed on port ${keyed.address().port}`));
