// Takes a picture of a running dashboard: node picture.mjs URL FILE
import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const [url, file] = process.argv.slice(2);
const require = createRequire(join(process.env.MILLSTREAM_NODE_MODULES, "package.json"));
const { chromium } = require("playwright-core");

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
});
const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, deviceScaleFactor: 1 });
for (let tries = 0; ; tries += 1) {
  try {
    await page.goto(url);
    break;
  } catch (error) {
    if (tries === 30) throw error;
    await pause(500);
  }
}
await pause(60_000);
await page.screenshot({ path: file, fullPage: true });
await browser.close();
