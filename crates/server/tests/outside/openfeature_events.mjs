// The real web provider in Chromium hears of changed flags by its event stream, without polling.
//   node openfeature_events.mjs MODULES BASE_URL FLAG TARGETING_KEY
// Prints the value once the stream is open, then the value after the first change that it was told of.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { withPage } from "./chromium.mjs";

const [, , modules, base, flag, targetingKey] = process.argv;
const provider = "@openfeature/ofrep-web-provider";
const files = {
  "@openfeature/core": "@openfeature/core/dist/esm/index.js",
  "@openfeature/web-sdk": "@openfeature/web-sdk/dist/esm/index.js",
  "@openfeature/ofrep-core": `${provider}/node_modules/@openfeature/ofrep-core/index.esm.js`,
  [provider]: `${provider}/index.esm.js`,
};
const imports = Object.fromEntries(Object.keys(files).map((name) => [name, `/modules/${name}`]));
const page_text = `<!doctype html><script type="importmap">${JSON.stringify({ imports })}</script>`;

async function listen({ base, flag, targetingKey }) {
  const { OpenFeature, ProviderEvents } = await import("@openfeature/web-sdk");
  const { OFREPWebProvider } = await import("@openfeature/ofrep-web-provider");
  await OpenFeature.setContext({ targetingKey });
  await OpenFeature.setProviderAndWait(new OFREPWebProvider({ baseUrl: base, pollInterval: 0 }));
  const client = OpenFeature.getClient();
  const changed = new Promise((done) => client.addHandler(ProviderEvents.ConfigurationChanged, done));
  await window.told(client.getStringValue(flag, "none"));
  await changed;
  await window.told(client.getStringValue(flag, "none"));
  await OpenFeature.close();
}

await withPage(modules, async (page) => {
  let streams = 0, bulks = 0;
  const opened = new Promise((done) => page.on("response", (answer) => {
    const path = new URL(answer.url()).pathname;
    bulks += path === "/ofrep/v1/evaluate/flags";
    if (path === "/ofrep/v1/events") done(streams += 1);
  }));
  await page.route("**/modules/**", async (route) => {
    const name = new URL(route.request().url()).pathname.slice("/modules/".length);
    await route.fulfill({ contentType: "text/javascript", body: await readFile(join(modules, files[name])) });
  });
  await page.route("**/page", (route) => route.fulfill({ contentType: "text/html", body: page_text }));
  await page.exposeFunction("told", async (value) => {
    await opened;
    console.log(value);
  });
  await page.goto(`${base}/page`);
  await page.evaluate(listen, { base, flag, targetingKey });
  assert.equal(streams, 1, "one stream");
  assert.equal(bulks, 2, "it asked at the start, and when it was told to");
});
