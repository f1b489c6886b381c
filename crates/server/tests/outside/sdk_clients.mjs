// Sends a few events with each real SDK to the instance named by its address alone.
import { createRequire } from "node:module";
import { join } from "node:path";

const [, , modules, host, port] = process.argv;
const load = createRequire(join(modules, "entry.js"));
const base = `http://${host}:${port}`;

async function segment() {
  const { Analytics } = load("@segment/analytics-node");
  const client = new Analytics({ writeKey: "key-segment", host: base, maxRetries: 0 });
  const failed = [];
  client.on("error", (error) => failed.push(error));
  client.page({
    anonymousId: "sdk-segment",
    messageId: "sdk-segment-page",
    properties: { url: "https://shop.example/?utm_source=june&utm_medium=email&utm_campaign=sdk-segment" },
    context: {
      page: { url: "https://shop.example/?utm_source=june&utm_medium=email&utm_campaign=sdk-segment" },
      campaign: { name: "sdk-segment", source: "june", medium: "email" },
    },
  });
  client.identify({ anonymousId: "sdk-segment", userId: "user-segment", messageId: "sdk-segment-identify" });
  client.track({
    userId: "user-segment",
    event: "Order Completed",
    messageId: "sdk-segment-order",
    properties: { order_id: "sdk-1", total: 12.5, currency: "EUR" },
  });
  await client.closeAndFlush({ timeout: 8000 });
  if (failed.length > 0) throw failed[0];
}

async function rudder() {
  const Client = load("@rudderstack/rudder-sdk-node").default ?? load("@rudderstack/rudder-sdk-node");
  const client = new Client("key-rudder", { dataPlaneUrl: base, flushInterval: 200, retryCount: 0 });
  client.track({
    anonymousId: "sdk-rudder",
    userId: "user-rudder",
    event: "Article Read",
    messageId: "sdk-rudder-track",
    context: { campaign: { name: "sdk-rudder", source: "june", medium: "email" } },
  });
  await new Promise((resolve, reject) => client.flush((error) => (error ? reject(error) : resolve())));
}

async function snowplow() {
  const { newTracker, buildPageView } = load("@snowplow/node-tracker");
  let settle;
  const sent = new Promise((resolve, reject) => (settle = { resolve, reject }));
  const tracker = newTracker(
    { namespace: "sdk", appId: "shop", encodeBase64: true },
    {
      endpoint: host,
      port: Number(port),
      protocol: "http",
      bufferSize: 1,
      onRequestSuccess: () => settle.resolve(),
      onRequestFailure: (data) => settle.reject(new Error(`snowplow: ${JSON.stringify(data)}`)),
    },
  );
  tracker.setUserId("user-snowplow");
  tracker.setDomainUserId("sdk-snowplow");
  tracker.track(
    buildPageView({
      pageUrl: "https://shop.example/?utm_source=june&utm_medium=email&utm_campaign=sdk-snowplow",
      pageTitle: "Shop",
      referrer: "https://www.google.com/",
    }),
  );
  tracker.flush();
  await sent;
}

await segment();
await rudder();
await snowplow();
process.exit(0);
