// The one-file documents in a real Chromium: plans with their topology, reviews, the scorecard.
//
//   MILLSTREAM=target/release/millstream node --test web/tests/documents.test.mjs
//
// MILLSTREAM_NODE_MODULES names the folder that holds playwright-core and axe-core, CHROMIUM another
// browser than /usr/bin/chromium, MILLSTREAM_SCREENSHOTS a folder for pictures.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

const modules = process.env.MILLSTREAM_NODE_MODULES;
const require = createRequire(modules ? join(modules, "/") : import.meta.url);
const { chromium } = require("playwright-core");
const axe = await readFile(require.resolve("axe-core/axe.min.js"), "utf8");
const binary = process.env.MILLSTREAM;
assert.ok(binary, "MILLSTREAM must name the binary to test");
const plans = join(dirname(fileURLToPath(import.meta.url)), "../../docs/plans");
const ARGUMENTS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];
const WIDTHS = { desktop: 1280, phone: 390 };

let browser;
let folder;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "millstream-documents-"));
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ARGUMENTS, headless: true });
});

after(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

/** Runs the binary; what it printed. */
function millstream(...words) {
  return execFileSync(binary, words, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** Opens a document as a file, where it can reach nothing; what it complains of and asks for. */
async function open(file, { width = WIDTHS.desktop, scheme = "light", script = true } = {}) {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: scheme, javaScriptEnabled: script });
  const page = await context.newPage();
  const complaints = [];
  const requests = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => requests.push(request.url()));
  const address = pathToFileURL(file).href;
  await page.goto(address);
  return { page, complaints, requests, address };
}

/** Everything that must hold of a document at every width, in both colour schemes. */
async function holds(file, name) {
  for (const [kind, width] of Object.entries(WIDTHS)) {
    for (const scheme of ["light", "dark"]) {
      const { page, complaints, requests, address } = await open(file, { width, scheme });
      assert.deepEqual(complaints, [], `${name} on a ${kind}, ${scheme}`);
      assert.deepEqual(requests, [address], "a document asks for nothing but itself");
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(overflow <= 0, `${name} is ${overflow} pixels too wide on a ${kind}`);
      const text = await page.evaluate(() => document.body.innerText);
      assert.doesNotMatch(text, /\bNaN\b|\binfinity\b|\bundefined\b|\bnull\b/i);
      const pictures = process.env.MILLSTREAM_SCREENSHOTS;
      if (pictures) {
        await mkdir(pictures, { recursive: true });
        await page.screenshot({ path: join(pictures, `${name}-${kind}-${scheme}.png`), fullPage: true });
      }
      assert.deepEqual(await violations(page), [], `${name} on a ${kind}, ${scheme}`);
      await page.context().close();
    }
  }
}

/** What axe finds. The document's own policy lets no script in, so it goes in beside it. */
async function violations(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Page.setBypassCSP", { enabled: true });
  await page.reload();
  await page.evaluate(axe);
  const result = await page.evaluate(() => window.axe.run(document));
  return result.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.target).join(", ")}`);
}

test("the scorecard", async () => {
  const sheet = join(folder, "sheet.toml");
  const file = join(folder, "score.html");
  millstream("score", "init", sheet);
  millstream("score", sheet, "--html", file);
  await holds(file, "score");
  const card = JSON.parse(millstream("score", sheet, "--format", "json"));
  const { page } = await open(file);
  const heading = await page.getByRole("heading", { level: 1 }).innerText();
  assert.ok(heading.includes(card.winner), heading);
  await page.context().close();
});

test("a plan shows the load that is chosen, by mouse and by keyboard, without a script", async () => {
  const plan = join(plans, "launch.toml");
  const file = join(folder, "launch.html");
  millstream("plan", plan, "--html", file);
  await holds(file, "launch");
  const report = JSON.parse(millstream("plan", plan, "--format", "json"));
  const { page, complaints } = await open(file, { script: true });
  const shown = () => page.locator(".view:visible .topology:visible").count();
  assert.equal(await shown(), 1, "one view at a time");
  const loads = page.getByRole("group", { name: "Load" });
  assert.equal(await loads.getByRole("radio").count(), report.scenarios.length);
  await loads.getByRole("radio", { name: "Mean" }).check({ force: true });
  const drawing = page.locator(".view:visible .topology:visible");
  assert.match(await drawing.getAttribute("aria-label"), /^Topology\. Mean: /);
  await page.keyboard.press("ArrowRight");
  assert.doesNotMatch(await drawing.getAttribute("aria-label"), /^Topology\. Mean: /);
  assert.equal(await shown(), 1);
  for (const hop of report.scenarios[0].hops) {
    assert.ok(await drawing.locator("title", { hasText: hop.name }).count() > 0, hop.name);
  }
  await page.getByRole("group", { name: "Failure" }).getByRole("radio").first().check({ force: true });
  assert.match(await drawing.getAttribute("aria-label"), / down: /);
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test("a plan reads without scripts and prints on paper", async () => {
  const file = join(folder, "launch.html");
  const { page } = await open(file, { script: false });
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.locator(".choices").isVisible(), false);
  const sheet = await page.pdf({ format: "A4" });
  assert.ok(sheet.length > 10_000);
  await page.context().close();
});

test("the product's own pipeline, with small events and with large ones", async () => {
  for (const name of ["pipeline-small", "pipeline-large"]) {
    const file = join(folder, `${name}.html`);
    const overlay = name === "pipeline-small" ? [] : ["--what-if", join(plans, "pipeline-large.toml")];
    millstream("plan", join(plans, "pipeline-small.toml"), ...overlay, "--html", file);
    await holds(file, name);
  }
});

test("names in a plan are text and never run", async () => {
  const hostile = "<img src=x onerror=document.title=1>";
  const plan = join(folder, "hostile.toml");
  await writeFile(plan, `title = "<script>document.title = 1</script>"
[[components]]
name = "${hostile}"
kind = "edge"
events = "100/s"
[[flows]]
name = "</style><svg onload=document.title=1>"
path = ["${hostile}"]
rate = "150/s"
`);
  const file = join(folder, "hostile.html");
  millstream("plan", plan, "--html", file);
  const { page, complaints, requests } = await open(file);
  assert.match(await page.title(), /^<script>document\.title = 1<\/script>/);
  assert.equal(await page.locator("img, script").count(), 0);
  assert.deepEqual(complaints, []);
  assert.equal(requests.length, 1);
  assert.match(await page.getByRole("heading", { level: 1 }).innerText(), /does not fit/);
  await page.context().close();
});

test("a review has a page of its own", async () => {
  for (const period of ["week", "month", "quarter"]) {
    const file = join(folder, `${period}.html`);
    await writeFile(file, millstream("plan", join(plans, "launch.toml"), "--review", period, "--format", "html"));
    await holds(file, `review-${period}`);
  }
});
