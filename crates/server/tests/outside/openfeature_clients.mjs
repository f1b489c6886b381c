// Evaluates flags with the real OpenFeature providers, web and server, knowing the instance by its address alone.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";

const [, , modules, host, port] = process.argv;
const load = createRequire(join(modules, "entry.js"));
const baseUrl = `http://${host}:${port}`;

async function server() {
  const { OpenFeature } = load("@openfeature/server-sdk");
  const { OFREPProvider } = load("@openfeature/ofrep-provider");
  await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl }));
  const client = OpenFeature.getClient();
  const context = { targetingKey: "of-server", plan: "pro" };
  const banner = await client.getStringDetails("banner", "none", context);
  assert.equal(banner.value, "blue");
  assert.equal(banner.variant, "blue");
  assert.equal(await client.getBooleanValue("express", false, context), true);
  assert.equal(await client.getBooleanValue("express", false, { targetingKey: "of-server", plan: "free" }), false);
  assert.equal(await client.getNumberValue("discount", 0, context), 1);
  const missing = await client.getStringDetails("absent", "fallback", context);
  assert.deepEqual([missing.value, missing.errorCode], ["fallback", "FLAG_NOT_FOUND"]);
  await OpenFeature.close();
}

async function web() {
  const { OpenFeature } = load("@openfeature/web-sdk");
  const { OFREPWebProvider } = load("@openfeature/ofrep-web-provider");
  let bulk = 0, unchanged = 0;
  const fetchImplementation = async (...request) => {
    const answer = await fetch(...request);
    bulk += 1;
    unchanged += answer.status === 304;
    return answer;
  };
  await OpenFeature.setContext({ targetingKey: "of-web", plan: "pro" });
  await OpenFeature.setProviderAndWait(new OFREPWebProvider({ baseUrl, pollInterval: 300, fetchImplementation }));
  const client = OpenFeature.getClient();
  assert.equal(client.getStringValue("banner", "none"), "blue");
  assert.equal(client.getBooleanValue("express", false), true);
  await new Promise((done) => setTimeout(done, 1000));
  assert.ok(bulk >= 2 && unchanged >= 1, `${bulk} bulk evaluations, ${unchanged} unchanged`);
  await OpenFeature.setContext({ targetingKey: "of-web", plan: "free" });
  assert.equal(client.getBooleanValue("express", true), false);
  await OpenFeature.close();
}

await server();
await web();
