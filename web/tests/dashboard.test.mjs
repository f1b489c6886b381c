// The dashboard in a real Chromium, against the real binary.
//
//   MILLSTREAM=target/release/millstream node web/tests/dashboard.test.mjs
//
// MILLSTREAM_NODE_MODULES names the folder that holds playwright-core and axe-core, CHROMIUM another
// browser than /usr/bin/chromium, MILLSTREAM_SCREENSHOTS a folder for pictures.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { IMAGE, SCRIPT, fill, report, start } from "./instance.mjs";

const modules = process.env.MILLSTREAM_NODE_MODULES;
const require = createRequire(modules ? join(modules, "/") : import.meta.url);
const { chromium } = require("playwright-core");
const axe = await readFile(require.resolve("axe-core/axe.min.js"), "utf8");
const binary = process.env.MILLSTREAM;
assert.ok(binary, "MILLSTREAM must name the binary to test");
const ARGUMENTS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

// A destination that may not be sent to: what it is owed waits, and the page says so.
const CRM = '[request]\nurl = "https://127.0.0.1:1/"\nitem = "event"\n';

// The first order that the filled instance has.
const ORDER = "order-0";

let instance;
let context;
let profile;
let sent;

before(async () => {
  profile = await mkdtemp(join(tmpdir(), "millstream-browser-"));
  context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ARGUMENTS,
    headless: true,
  });
});

after(async () => {
  await context?.close();
  await instance?.stop();
  await rm(profile, { recursive: true, force: true });
});

async function open({ width = 1280, scheme = "light", hash = "" } = {}) {
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.setViewportSize({ width, height: 900 });
  await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
  await page.goto(`${instance.admin}/${hash}`);
  await page.getByText("Live", { exact: true }).waitFor();
  return { page, complaints };
}

async function violations(page) {
  await page.evaluate(axe);
  const result = await page.evaluate(() => window.axe.run(document));
  return result.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.target).join(", ")}`);
}

async function picture(page, name) {
  const folder = process.env.MILLSTREAM_SCREENSHOTS;
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

const digits = (text) => Number(text.replaceAll(/[^0-9.-]/g, ""));

test("an empty instance says how to begin", async () => {
  instance = await start(binary, { "crm.toml": CRM });
  const { page, complaints } = await open();
  await page.getByRole("heading", { name: "Waiting for the first event" }).waitFor();
  await page.getByText("No session has been seen yet.").waitFor();
  assert.deepEqual(await violations(page), []);
  assert.deepEqual(complaints, []);
  await picture(page, "empty");
  await page.close();
});

test("figures on the page are those of the API, and arrive without a reload", async () => {
  const { page, complaints } = await open();
  sent = await fill(instance);
  const { totals } = await report(instance, "sessions");
  assert.equal(totals.events, sent);
  for (const [name, value] of [["Events", totals.events], ["Sessions", totals.sessions], ["People", totals.people], ["Devices", totals.devices]]) {
    const figure = page.locator(".totals div", { has: page.getByText(name, { exact: true }) }).locator("dd");
    await figure.filter({ hasText: new RegExp(`^${value.toLocaleString("en")}$`) }).waitFor();
  }
  await page.getByRole("heading", { name: /^Figures are complete until/ }).waitFor();
  assert.deepEqual(complaints, []);
  await page.close();
});

test("grouping and model switch by keyboard and match the API", async () => {
  const { page, complaints } = await open();
  await page.getByRole("radio", { name: "Channel" }).focus();
  await page.keyboard.press("ArrowRight");
  await page.locator(".campaigns thead th", { hasText: "Source" }).waitFor();
  await page.getByRole("radio", { name: "Last touch" }).focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await page.locator('.campaigns[aria-busy="false"]').waitFor();
  assert.match(page.url(), /by=source&model=linear/);
  const { totals, rows } = await report(instance, "campaigns", "by=source&model=linear");
  const shown = await page.locator(".campaigns tfoot td").last().innerText();
  assert.equal(digits(shown) * 100, totals.revenue_minor);
  assert.equal(await page.locator(".campaigns tbody tr").count(), Math.min(10, rows.length));
  assert.deepEqual(complaints, []);
  await page.close();
});

test("markup in names is shown as text and never runs", async () => {
  for (const [by, name] of [["source", SCRIPT], ["campaign", IMAGE]]) {
    const { page, complaints } = await open({ hash: `#by=${by}&model=last` });
    await page.getByText(name, { exact: true }).waitFor();
    assert.equal(await page.evaluate(() => window.pwned), undefined);
    assert.equal(await page.locator(".campaigns table script, .campaigns table img").count(), 0);
    assert.deepEqual(complaints, []);
    await page.close();
  }
});

test("the stitching panel shows the report, and says when it cannot", async () => {
  const { page, complaints } = await open();
  const panel = page.locator(".stitching");
  await panel.locator(".checks li").first().waitFor();
  const { trust, totals, rows } = await report(instance, "stitching");
  assert.equal(await panel.locator(".checks li").count(), trust.length);
  assert.equal(await panel.locator(".mark.doubt").count(), trust.filter((check) => !check.ok).length);
  assert.equal(await panel.locator("tbody tr").count(), Math.min(8, rows.length));
  const whole = panel.locator(".shares div", { hasText: "5 min" }).locator("dd");
  assert.equal(digits(await whole.innerText()), Math.round(1000 * totals.within_5min) / 10);
  const first = panel.locator("details").first();
  await first.locator("summary").click();
  await first.getByText(trust[0].answer.slice(0, 30)).waitFor();
  assert.deepEqual(complaints, []);
  await page.close();

  const broken = await context.newPage();
  await broken.route("**/api/report/stitching", (route) => route.fulfill({ status: 500, body: "{}" }));
  await broken.goto(instance.admin);
  await broken.getByText("The stitching figures cannot be read.").waitFor();
  assert.deepEqual(await violations(broken), []);
  await picture(broken, "stitching-trouble");
  await broken.unroute("**/api/report/stitching");
  await broken.locator(".stitching").getByRole("button", { name: "Try now" }).click();
  await broken.locator(".stitching .checks li").first().waitFor();
  await broken.close();
});

test("the destinations panel tells what waits and what to do", async () => {
  const { page, complaints } = await open();
  const panel = page.locator(".destinations");
  await panel.getByText("does not answer as it should").waitFor();
  const { destinations } = await (await fetch(`${instance.admin}/api/destinations`)).json();
  const waiting = destinations[0].lines.reduce((sum, line) => sum + line.pending, 0);
  assert.ok(waiting > 0);
  const row = panel.locator("tbody tr", { hasText: "crm" });
  assert.equal(digits(await row.locator("td").nth(2).innerText()), waiting);
  assert.equal(await row.locator(".mark.doubt").innerText(), "left alone");
  assert.deepEqual(complaints, []);
  await page.close();

  const broken = await context.newPage();
  await broken.route("**/api/destinations", (route) => route.fulfill({ status: 500, body: "{}" }));
  await broken.goto(instance.admin);
  await broken.getByText("The destinations cannot be read.").waitFor();
  assert.deepEqual(await violations(broken), []);
  await broken.close();
});

test("the audit panel shows the chain behind a conversion, and says what there is not", async () => {
  const { page, complaints } = await open();
  const panel = page.locator(".audit");
  await panel.getByLabel("Which").fill("nothing-has-this-id");
  await panel.getByRole("button", { name: "Trace" }).click();
  await panel.locator(".error", { hasText: "there is no conversion" }).waitFor();
  const { rows } = await report(instance, "campaigns");
  assert.ok(rows.some((row) => row.conversions > 0));
  await panel.getByLabel("Which").fill(ORDER);
  await panel.getByRole("button", { name: "Trace" }).click();
  await panel.locator(".part summary", { hasText: "conversion" }).first().waitFor();
  const chain = await (await fetch(`${instance.admin}/api/audit/conversion/${ORDER}`)).json();
  assert.equal(await panel.locator(":scope > .part > .facts dd", { hasText: chain.value }).count(), 1);
  assert.match(page.url(), /audit=conversion/);
  assert.deepEqual(await violations(page), []);
  await picture(page, "audit");
  await panel.getByRole("button", { name: "Verify the chain" }).click();
  await panel.getByText(/each follows from the one before it/).waitFor();
  assert.deepEqual(complaints.filter((text) => !text.includes("404")), []);
  await page.close();
});

test("every size and scheme is accessible and fits", async () => {
  for (const width of [1280, 390]) {
    for (const scheme of ["light", "dark"]) {
      const { page, complaints } = await open({ width, scheme, hash: "#by=source&model=linear" });
      await page.locator(".campaigns tbody tr").first().waitFor();
      await page.locator(".stitching .checks li").first().waitFor();
      assert.deepEqual(await violations(page), [], `${width} ${scheme}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(wide <= 0, `the page is ${wide} px too wide at ${width}`);
      assert.deepEqual(complaints, []);
      await picture(page, `dashboard-${width}-${scheme}`);
      await page.close();
    }
  }
});

test("a lost connection is told, and the figures stay", async () => {
  const { page } = await open();
  await page.locator(".campaigns tbody tr").first().waitFor();
  await instance.kill();
  await page.getByText("Connection lost.").waitFor();
  const events = page.locator(".totals div", { has: page.getByText("Events", { exact: true }) }).locator("dd");
  assert.equal(digits(await events.innerText()), sent);
  assert.deepEqual(await violations(page), []);
  await picture(page, "lost");
  await page.close();
});
