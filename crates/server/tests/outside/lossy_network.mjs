// Sends events from a file with a real SDK, which sends again what it gets no answer to.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [, , modules, port, file] = process.argv;
const { Analytics } = createRequire(join(modules, "entry.js"))("@segment/analytics-node");
const client = new Analytics({
  writeKey: "key",
  host: `http://127.0.0.1:${port}`,
  maxRetries: 40,
  flushAt: 8,
  flushInterval: 100,
  httpRequestTimeout: 4000,
});
const failed = [];
client.on("error", (error) => failed.push(error));
for (const { type, ...event } of JSON.parse(readFileSync(file, "utf8"))) {
  client[type]({ ...event, timestamp: new Date(event.timestamp) });
  await new Promise((resolve) => setTimeout(resolve, 3));
}
await client.closeAndFlush({ timeout: 120000 });
if (failed.length > 0) {
  console.error(failed[0]);
  process.exit(1);
}
