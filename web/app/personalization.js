// Is everybody answered in time, and is it worth it? Use cases beside their budgets, experiments, and what is measured beside answers.

import { html } from "/vendor/preact-htm.js";
import { Experiments } from "/app/experiments.js";
import { count, interval, millis, rate, words } from "/app/format.js";
import { usePolling } from "/app/polling.js";

/** Between two looks at what decides now, and at the report, which costs a walk. */
const NOW_EVERY_MS = 5_000;
const REPORT_EVERY_MS = 15_000;
const USE_CASES_SHOWN = 8;
/** Shares of answers above which a use case is told: those past their budget, and those that were not ready in time. */
const OVERRUN_SHARE_MAX = 0.000_1;
const TIMED_OUT_SHARE_MAX = 0.02;
/** Where answers come from, closest to the visitor first. */
const RUNGS = ["personalized", "cached", "segment", "contextual", "default"];

const answers = (now) => Object.values(now.rungs).reduce((sum, number) => sum + number, 0);

/** Every use case that was ever asked or can be, the most asked first: what the report says, and what it does now. */
function useCases(report, standing) {
  const rows = new Map((report?.rows ?? []).map((row) => [row.use_case, row]));
  const now = new Map((standing?.use_cases ?? []).map((one) => [one.use_case, one]));
  const names = [...new Set([...rows.keys(), ...now.keys()])];
  const all = names.map((name) => ({ name, row: rows.get(name) ?? null, now: now.get(name) ?? null }));
  return all.sort((a, b) => (b.row?.decisions ?? 0) - (a.row?.decisions ?? 0) || a.name.localeCompare(b.name));
}

/** What to do about a use case, most pressing first; nothing where all is well. */
function concern({ now }) {
  if (!now) return null;
  const all = answers(now);
  if (now.overrun > OVERRUN_SHARE_MAX * all) return `${count(now.overrun)} of ${count(all)} answers since the start passed the budget: give it more, or a stage less`;
  if (now.timed_out > TIMED_OUT_SHARE_MAX * all) return `${rate(now.timed_out / all)} of the answers since the start were not ready in time and fell back: see which stage takes it under /api/decisions`;
  if (now.stages_given_up > 0) return `answers come close to the budget, so ${now.stages_given_up === 1 ? "one heavy stage is" : `${now.stages_given_up} heavy stages are`} given up until there is room again`;
  if (now.http && now.http.breaker !== "closed") return "the external service does not answer as it should and is left alone: answers go on without it";
  return null;
}

function Sources({ row }) {
  const shares = RUNGS.map((rung) => [rung, row ? row[rung] / row.decisions : 0]).filter(([, share]) => share > 0);
  return html`<div class="sources">
    <div class="stack" aria-hidden="true">
      ${shares.map(([rung, share]) => html`<span key=${rung} class=${rung} style=${{ flexGrow: share }}></span>`)}
    </div>
    <dl class="legend">
      ${shares.map(([rung, share]) => html`<div key=${rung} class=${rung}><dt>${words(rung)}</dt><dd>${rate(share)}</dd></div>`)}
    </dl>
  </div>`;
}

/** What answers took beside the budget, and what of it is kept free, drawn to one scale. */
function Time({ row, now }) {
  const budget = now?.budget_ms;
  const part = (ms) => ({ width: `${budget && ms ? Math.min(100, (100 * ms) / budget) : 0}%` });
  const overran = row && row.within_budget !== null ? Math.round(row.decisions * (1 - row.within_budget)) : null;
  const figures = [
    ["p50", millis(row?.p50_ms)],
    ["p99", millis(row?.p99_ms)],
    ["Budget", millis(budget)],
    ["Kept free", millis(now?.margin_ms)],
    ["Overran", overran === null ? "–" : count(overran)],
  ];
  return html`<div class="time">
    <div class=${`track ${row?.p99_ms > budget ? "over" : ""}`} aria-hidden="true">
      <span class="most" style=${part(row?.p99_ms)}></span>
      <span class="half" style=${part(row?.p50_ms)}></span>
      <span class="kept" style=${part(now?.margin_ms)}></span>
    </div>
    <dl class="figures">
      ${figures.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}
    </dl>
  </div>`;
}

function UseCase({ one, standing }) {
  const { name, row, now } = one;
  const state = !now ? "not decided here" : concern(one) ? "needs a look" : "in time";
  const mark = !standing ? null : html`<span class=${`mark ${now && !concern(one) ? "ok" : "doubt"}`}>${state}</span>`;
  const why = row?.main_reason ? `; where not personal, mostly for: ${words(row.main_reason)}` : "";
  return html`<li class="use">
    <header>
      <h3 title=${name}>${name}</h3>
      ${mark}
      <p class="note">${row ? `${count(row.decisions)} ${row.decisions === 1 ? "decision" : "decisions"}${why}` : "nobody has asked yet"}</p>
    </header>
    <${Sources} row=${row} />
    <${Time} row=${row} now=${now} />
  </li>`;
}

/** Hints, shadows, memory, late answers: each as a name, what it means, a figure. */
function beside(report, standing) {
  const { hits = 0, misses = 0 } = standing?.profiles ?? {};
  const rows = [];
  for (const hint of report?.totals.hints ?? []) {
    const expected = hint.kind === "page" ? "next pages" : "next use cases";
    rows.push([`Hints of ${hint.use_case}`, `${expected} that were expected; the popular ones would be ${rate(hint.popular_rate)}`, interval(hint.hit_rate, hint.hit_rate_low, hint.hit_rate_high)]);
  }
  for (const shadow of report?.totals.shadows ?? []) {
    const [shown, scored] = shadow.p95_ms.map(millis);
    rows.push([`Shadow ${shadow.candidate}`, `first choice as ${shadow.use_case}; p95 ${scored} beside ${shown}`, rate(shadow.same_choice)]);
  }
  if (hits + misses > 0) rows.push(["Profiles from memory", "of those read since the start", rate(hits / (hits + misses))]);
  const late = standing?.late;
  if (late?.expected > 0) rows.push(["Better answers that came late", `of ${count(late.expected)} that were promised; ${count(late.told)} were fetched`, count(late.came)]);
  return rows;
}

function Beside({ rows }) {
  if (rows.length === 0) return null;
  return html`<section aria-label="Measured beside answers">
    <h3>Beside the answers</h3>
    <dl class="list">
      ${rows.map(([name, note, value]) => html`<div key=${name + note}><dt>${name}<span>${note}</span></dt><dd>${value}</dd></div>`)}
    </dl>
  </section>`;
}

function Figures({ report, standing, all }) {
  const concerns = all.map((one) => [one.name, concern(one)]).filter(([, text]) => text !== null);
  const shown = all.slice(0, USE_CASES_SHOWN);
  return html`${concerns.length > 0 ? html`<ul class="checks">${concerns.map(([name, text]) => html`<li key=${name}><strong>${name}</strong> ${text}.</li>`)}</ul>` : null}
    <ul class="uses">${shown.map((one) => html`<${UseCase} key=${one.name} one=${one} standing=${standing} />`)}</ul>
    ${all.length > shown.length ? html`<p class="note">${count(all.length - shown.length)} use cases that are asked less are in <code>millstream report personalization</code>.</p>` : null}
    <${Experiments} results=${report?.totals.experiments ?? []} />
    <${Beside} rows=${beside(report, standing)} />`;
}

/** All of it in a sentence. */
function verdict({ totals }) {
  if (totals.decisions === 0) return null;
  return `${rate(totals.within_budget)} of ${count(totals.decisions)} decisions kept their budget, ${rate(1 - totals.fallback_rate)} were made of the visitor's own profile.`;
}

export function Personalization({ token }) {
  const [reported, askReport] = usePolling("/api/report/personalization", token, REPORT_EVERY_MS);
  const [standing, askStanding] = usePolling("/api/decisions", token, NOW_EVERY_MS);
  const report = reported.report;
  const trouble = reported.trouble ?? standing.trouble;
  const known = report !== null || standing.report !== null;
  const all = useCases(report, standing.report);
  const retry = () => {
    askReport();
    askStanding();
  };
  return html`<section class="card personalization" aria-labelledby="personalization-title" aria-busy=${!known && !trouble}>
    <header>
      <h2 id="personalization-title">Is everybody answered in time, and is it worth it?</h2>
      ${report ? html`<p class="note">${verdict(report)}</p>` : null}
    </header>
    ${trouble
      ? html`<div class="banner" role="status">
          <p><strong>The decisions cannot be read${known ? " whole" : ""}.</strong> ${known ? "What stands here may be earlier; " : ""}${trouble}.</p>
          <button type="button" onClick=${retry}>Try now</button>
        </div>`
      : null}
    ${!known
      ? trouble ? null : html`<div class="skeleton tall" aria-hidden="true"></div><p class="hidden">Loading</p>`
      : all.length === 0
        ? trouble ? null : html`<p class="empty">Nothing is decided here. One of <code>[[decide.use_cases]]</code> in the configuration, with what can be shown, makes <code>POST /v1/decide</code> answer.</p>`
        : html`<${Figures} report=${report} standing=${standing.report} all=${all} />`}
  </section>`;
}
