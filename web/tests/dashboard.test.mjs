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
import { IMAGE, SCRIPT, decide, fill, report, start } from "./instance.mjs";

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

// A use case with an experiment, and one that is never asked.
const DECIDE = `[[decide.use_cases]]
name = "home_hero"
default = "welcome"
goal = "Order Completed"
candidates = ["shoes", "hats"]
[[decide.experiments]]
name = "wording"
use_case = "home_hero"
arms = [{ name = "plain" }, { name = "loud" }]
[[decide.use_cases]]
name = "checkout"
default = "socks"
candidates = ["socks"]
`;
const VISITORS = 400;

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

/** Of a whole page, or of a part of it. */
async function picture(place, name) {
  const folder = process.env.MILLSTREAM_SCREENSHOTS;
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await place.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

const digits = (text) => Number(text.replaceAll(/[^0-9.-]/g, ""));

test("an empty instance says how to begin", async () => {
  instance = await start(binary, { "crm.toml": CRM }, DECIDE);
  const { page, complaints } = await open();
  await page.getByRole("heading", { name: "Waiting for the first event" }).waitFor();
  await page.getByText("No session has been seen yet.").waitFor();
  const use = page.locator(".use", { hasText: "home_hero" });
  await use.getByText("nobody has asked yet").waitFor();
  assert.equal(await use.locator(".figures div", { hasText: "Budget" }).locator("dd").innerText(), "150 ms");
  await page.locator(".experiment").getByText(/Not decided yet/).waitFor();
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

test("the personalization panel shows the report beside the budgets, and says when it cannot", async () => {
  sent = await decide(instance, VISITORS, sent);
  const { page, complaints } = await open();
  const panel = page.locator(".personalization");
  const { totals, rows } = await report(instance, "personalization");
  assert.equal(totals.decisions, VISITORS);
  const { use_cases: now } = await (await fetch(`${instance.admin}/api/decisions`)).json();
  const use = panel.locator(".use", { hasText: "home_hero" });
  await use.getByText(`${VISITORS} decisions`).waitFor();
  const figure = (name) => use.locator(".figures div", { has: page.getByText(name, { exact: true }) }).locator("dd").innerText();
  assert.equal(await figure("Budget"), `${now.find((one) => one.use_case === "home_hero").budget_ms} ms`);
  assert.equal(digits(await figure("Overran")), Math.round(VISITORS * (1 - rows[0].within_budget)));
  const shares = await use.locator(".legend > div").allInnerTexts();
  assert.equal(shares.length, ["personalized", "cached", "segment", "contextual", "default"].filter((rung) => rows[0][rung] > 0).length);
  assert.equal(await panel.locator(".use").count(), 2);
  await panel.locator(".use", { hasText: "checkout" }).getByText("nobody has asked yet").waitFor();

  const [experiment] = totals.experiments;
  const told = panel.locator(".experiment", { hasText: "wording" });
  assert.match(experiment.says, /^of 100 visitors `loud` brings .* fewer to `Order Completed` than `plain`/);
  assert.equal(await told.locator(":scope > p").first().innerText(), `${experiment.says.replaceAll("`", "").replace("of", "Of")}.`);
  const lift = experiment.arms[1].lift;
  const shown = (await told.locator("tbody tr").nth(1).locator(".lift").innerText()).replaceAll("−", "-").match(/[+-]?[0-9.]+/g);
  assert.deepEqual(shown.map(Number), [lift.difference, lift.low, lift.high].map((value) => Number((100 * value).toFixed(2))));
  assert.equal(await told.locator(".whisker.told").count(), 1);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("a personalization panel that is refused, half known or without use cases says so", async () => {
  const page = await context.newPage();
  const panel = page.locator(".personalization");
  const refuse = (route) => route.fulfill({ status: 500, body: "{}" });
  await page.route("**/api/report/personalization", refuse);
  await page.route("**/api/decisions", refuse);
  await page.goto(instance.admin);
  await panel.getByText("The decisions cannot be read.").waitFor();
  assert.deepEqual(await violations(page), []);
  await picture(page, "personalization-trouble");
  await page.unroute("**/api/decisions");
  await panel.getByRole("button", { name: "Try now" }).click();
  await panel.getByText("The decisions cannot be read whole.").waitFor();
  await panel.locator(".use").first().waitFor();
  await page.unroute("**/api/report/personalization");
  await panel.getByRole("button", { name: "Try now" }).click();
  await panel.locator(".use").getByText(`${VISITORS} decisions`).waitFor();
  assert.equal(await panel.locator(".banner").count(), 0);

  const none = { rows: [], totals: { decisions: 0, experiments: [] } };
  await page.route("**/api/report/personalization", (route) => route.fulfill({ json: none }));
  await page.route("**/api/decisions", (route) => route.fulfill({ json: { use_cases: [], waiting: 0, hints: [], late: null, profiles: {} } }));
  await page.reload();
  await panel.getByText("Nothing is decided here.").waitFor();
  assert.deepEqual(await violations(page), []);
  await page.close();
});

test("a use case that is late, and whatever stands beside answers, is told in words", async () => {
  const page = await context.newPage();
  const panel = page.locator(".personalization");
  const row = {
    use_case: SCRIPT, decisions: 12_400, personalized: 9_000, cached: 400, segment: 2_000, contextual: 500, default: 500,
    within_budget: 0.998, p50_ms: 41.2, p95_ms: 120, p99_ms: 161, main_reason: "cold_start",
  };
  const lift = (difference, low, high) => ({ difference, low, high, p: 0.01 });
  const arm = (name, lift, visitors = 4_000) => ({ arm: name, visitors, rate: 0.12, lift, fallback_rate: 0.04, p95_ms: 3.2 });
  const experiment = { use_case: SCRIPT, goal: IMAGE, segments: [], holds: true };
  const totals = {
    decisions: 12_400, within_budget: 0.998, fallback_rate: 0.27,
    experiments: [
      { ...experiment, experiment: "edge_or_not", says: "no difference is known yet, for every interval holds zero; let it run on", arms: [arm("edge", null), arm("slow", lift(-0.004, -0.02, 0.012)), arm("stale", lift(0.011, -0.004, 0.026))] },
      { ...experiment, experiment: "uneven", holds: false, says: "no lift counts", arms: [arm("plain", null), arm("loud", lift(0.1, 0.05, 0.15))] },
    ],
    hints: [{ use_case: "home", kind: "page", hit_rate: 0.39, hit_rate_low: 0.357, hit_rate_high: 0.424, popular_rate: 0.175 }],
    shadows: [{ use_case: "home", candidate: "next", same_choice: 0.73, p95_ms: [1.3, 2.9] }],
  };
  const now = { use_case: SCRIPT, budget_ms: 150, margin_ms: 31, stages_given_up: 2, overrun: 24, timed_out: 300, rungs: { personalized: 9_000, default: 500 } };
  const standing = { use_cases: [now], waiting: 0, late: { expected: 300, came: 280, told: 11 }, profiles: { hits: 900, misses: 100 } };
  await page.route("**/api/report/personalization", (route) => route.fulfill({ json: { rows: [row], totals } }));
  await page.route("**/api/decisions", (route) => route.fulfill({ json: standing }));
  for (const [width, scheme] of [[1280, "light"], [390, "dark"], [390, "light"], [1280, "dark"]]) {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    await page.goto(instance.admin);
    await panel.getByText("24 of 9,500 answers since the start passed the budget").waitFor();
    await panel.getByText("uneven arms").waitFor();
    await panel.getByText("39% (35.7 to 42.4)").waitFor();
    assert.equal(await panel.locator(".track.over").count(), 1);
    assert.equal(await panel.locator(".whisker").count(), 2);
    assert.equal(await page.evaluate(() => window.pwned), undefined);
    assert.deepEqual(await violations(page), [], `${width} ${scheme}`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(wide <= 0, `the page is ${wide} px too wide at ${width}`);
    await picture(panel, `personalization-${width}-${scheme}`);
  }
  await page.close();
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
      await page.locator(".experiment .whisker").first().waitFor();
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
