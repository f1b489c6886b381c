// Scores with the served WebAssembly module, in Node or in Chromium: what `node` and browsers make of it.
//   node model_scores.mjs WHERE MODULES BASE_URL < {"use_case", "seen": [names, latest first], "rows": [[features]]}
import { text } from "node:stream/consumers";
import { withPage } from "./chromium.mjs";

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

const inChromium = () => withPage(modules, async (page) => {
  await page.goto(`${base}/healthz`);
  return page.evaluate(scores, { base, ...asked });
});

const found = where === "chromium" ? await inChromium() : await scores({ base, ...asked });
console.log(JSON.stringify(found));
