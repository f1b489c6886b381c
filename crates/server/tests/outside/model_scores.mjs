// Scores with the served WebAssembly module, in Node or in Chromium: what `node` and browsers make of it.
//   node model_scores.mjs WHERE MODULES BASE_URL < {"use_case", "seen": [names, latest first], "rows": [[features]]}
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

const [, , where, modules, base] = process.argv;
const asked = JSON.parse(await text(process.stdin));

async function scores({ base, use_case, seen, rows }) {
  const answer = await fetch(`${base}/sdk/model/${use_case}.wasm`);
  if (answer.headers.get("content-type") !== "application/wasm") throw new Error(`${answer.status}: no module`);
  const { instance, module } = await WebAssembly.instantiateStreaming(answer);
  const section = WebAssembly.Module.customSections(module, "millstream")[0];
  const about = JSON.parse(new TextDecoder().decode(section));
  const id = (name) => BigInt.asIntN(64, BigInt(about.items[name]));
  const { clear, see, score, memory, input, features, rank } = instance.exports;
  clear();
  for (const name of seen) see(id(name), 1);
  const first = Object.fromEntries(Object.keys(about.items).map((name) => [name, String(score(id(name), 0))]));
  const ranks = rows.map((row) => {
    new Float32Array(memory.buffer, input.value, features.value).set(row.map((value) => value ?? NaN));
    return String(rank(input.value));
  });
  return { imports: WebAssembly.Module.imports(module).length, version: about.version, first, ranks };
}

async function inChromium() {
  const { chromium } = createRequire(join(modules, "entry.js"))("playwright-core");
  const profile = await mkdtemp(join(tmpdir(), "millstream-browser-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
    headless: true,
  });
  try {
    const page = await context.newPage();
    await page.goto(`${base}/healthz`);
    return await page.evaluate(scores, { base, ...asked });
  } finally {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  }
}

const found = where === "chromium" ? await inChromium() : await scores({ base, ...asked });
console.log(JSON.stringify(found));
