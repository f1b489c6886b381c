// A real instance for one test: its own data directory, free ports, events of a small shop.

import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const START_MS_MAX = 20_000;
const FOLD_MS_MAX = 20_000;

/** A browser of a person. */
const AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/** Text that would run if the page ever took it for markup. */
export const SCRIPT = '<script>window.pwned=1</script>';
export const IMAGE = '<img src=x onerror="window.pwned=1">';

async function until(what, milliseconds, check) {
  const deadline = Date.now() + milliseconds;
  for (;;) {
    const found = await check().catch(() => null);
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`waited ${milliseconds} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Starts `millstream serve` on free ports of this machine; `destinations` are files by their names, `config` is a file. */
export async function start(binary, destinations = {}, config = "") {
  const dir = await mkdtemp(join(tmpdir(), "millstream-dashboard-"));
  await mkdir(join(dir, "destinations"));
  for (const [name, text] of Object.entries(destinations)) await writeFile(join(dir, "destinations", name), text);
  const address = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
  const configured = join(dir, "settings.toml");
  await writeFile(configured, config);
  const child = spawn(binary, ["serve", "--data-dir", dir, "--config", configured, ...address], { stdio: ["ignore", "ignore", "pipe"] });
  let complaints = "";
  child.stderr.on("data", (piece) => { complaints = (complaints + piece).slice(-4_000); });
  let ended = false;
  const exit = new Promise((resolve) => child.once("exit", () => { ended = true; resolve(); }));
  const addresses = await until("the instance", START_MS_MAX, async () => {
    if (ended) throw new Error(complaints);
    const told = JSON.parse(await readFile(join(dir, "instance.json"), "utf8"));
    return told.pid === child.pid && told.admin && told.public ? told : null;
  }).catch((error) => { throw new Error(`${error.message}\n${complaints}`); });
  return {
    admin: addresses.admin,
    public: addresses.public,
    kill() { child.kill("SIGKILL"); return exit; },
    async stop() {
      if (!ended) child.kill("SIGTERM");
      await exit;
      await rm(dir, { recursive: true, force: true });
    },
  };
}

export async function report(instance, kind, query = "") {
  const response = await fetch(`${instance.admin}/api/report/${kind}?${query}`);
  if (!response.ok) throw new Error(`${kind}: ${response.status} ${await response.text()}`);
  return response.json();
}

/** Sends visits and orders of a few people, some from campaigns whose names hold markup. */
export async function fill(instance) {
  const sources = ["newsletter", "google", SCRIPT, "partner.example"];
  const campaigns = ["autumn", "brand", IMAGE, "launch"];
  const batch = [];
  for (let person = 0; person < 40; person += 1) {
    const at = (minutes) => new Date(Date.now() - (90 - minutes) * 60_000).toISOString();
    const page = new URL("https://shop.example/");
    page.searchParams.set("utm_source", sources[person % 4]);
    page.searchParams.set("utm_medium", person % 2 ? "cpc" : "email");
    page.searchParams.set("utm_campaign", campaigns[person % 4]);
    const anonymousId = `device-${person}`;
    const context = { page: { url: page.href, search: page.search }, library: { name: "analytics.js" } };
    const id = (step) => `dashboard-${person}-${step}`;
    batch.push({ type: "page", messageId: id("page"), anonymousId, timestamp: at(person), context });
    batch.push({ type: "track", event: IMAGE, messageId: id("track"), anonymousId, timestamp: at(person + 1), context });
    if (person % 3 === 0) {
      const properties = { revenue: 25 + person, currency: "USD", order_id: `order-${person}` };
      batch.push({ type: "track", event: "Order Completed", messageId: id("order"), anonymousId, timestamp: at(person + 2), context, properties });
    }
  }
  await post(instance, "/v1/batch", { batch, sentAt: new Date().toISOString(), writeKey: "demo" });
  return folded(instance, batch.length);
}

async function post(instance, path, body) {
  const headers = { "content-type": "application/json", "user-agent": AGENT };
  const response = await fetch(`${instance.public}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path} was refused: ${response.status} ${await response.text()}`);
  return response.json();
}

/** Waits until so many events are in the figures. */
async function folded(instance, events) {
  await until("the fold", FOLD_MS_MAX, async () => {
    const { provisional, totals } = await report(instance, "sessions");
    return !provisional && totals.events === events;
  });
  return events;
}

/** Asks what so many visitors should see; those of the arm `loud` order less. Told is how many events there are then. */
export async function decide(instance, visitors, events) {
  const batch = [];
  for (let visitor = 0; visitor < visitors; visitor += 1) {
    const anonymousId = `shopper-${visitor}`;
    const answer = await post(instance, "/v1/decide", { use_case: "home_hero", anonymous_id: anonymousId });
    if (visitor % 10 < (answer.experiments.wording === "loud" ? 1 : 6)) {
      const properties = { revenue: 30, currency: "USD", order_id: `shopper-order-${visitor}` };
      batch.push({ type: "track", event: "Order Completed", messageId: `shopper-${visitor}`, anonymousId, properties });
    }
  }
  await post(instance, "/v1/batch", { batch, sentAt: new Date().toISOString(), writeKey: "demo" });
  return folded(instance, events + visitors + batch.length);
}
