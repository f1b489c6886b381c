// Can the journeys be trusted? The checklist, and what the network did, from the stitching report.

import { html } from "/vendor/preact-htm.js";
import { count, duration, rate } from "/app/format.js";
import { usePolling } from "/app/polling.js";

/** Between two looks: the figures move slowly and cost a walk. */
const EVERY_MS = 15_000;
const SOURCES_SHOWN = 8;

const span = (ms) => (ms === null || ms === undefined ? "–" : ms < 1_000 ? `${count(ms)} ms` : duration(ms));

function Checklist({ trust }) {
  return html`<ul class="checks">
    ${trust.map(
      ({ question, answer, ok }) => html`<li key=${question}>
        <details open=${!ok}>
          <summary>
            <span class=${`mark ${ok ? "ok" : "doubt"}`}>${ok ? "ok" : "doubt"}</span>${" "}
            <span>${question}</span>
          </summary>
          <p class="note">${answer}</p>
        </details>
      </li>`,
    )}
  </ul>`;
}

function Shares({ totals }) {
  const shares = [
    ["5 s", totals.within_5s],
    ["30 s", totals.within_30s],
    ["5 min", totals.within_5min],
  ];
  const ended = totals.stitch_success === null ? "" : `; of those that have ended, ${rate(totals.stitch_success)} in 5 min`;
  return html`<p class="note">Sessions whole after their last event${ended}</p>
  <dl class="shares">
    ${shares.map(
      ([name, value]) => html`<div key=${name}>
        <dt>In ${name}</dt>
        <dd>${rate(value)}<span class="bar" aria-hidden="true"><span style=${{ width: `${100 * (value ?? 0)}%` }}></span></span></dd>
      </div>`,
    )}
  </dl>`;
}

function Network({ totals }) {
  const rows = [
    ["Arrival skew", "half of the events, 95 %, 99 %", [totals.skew_p50_ms, totals.skew_p95_ms, totals.skew_p99_ms].map(span).join(" · ")],
    ["Out of order", "received after something later", rate(totals.out_of_order_rate)],
    ["Duplicates", "copies, counted once", rate(totals.duplicate_rate)],
    ["Seen twice", "sessions under another device id", rate(totals.duplicate_session_rate)],
    ["Links", "told by logins and signed clicks", count(totals.deterministic_links)],
    ["Probable links", "used only where asked for", totals.probable_links === null ? "none fitted" : count(totals.probable_links)],
  ];
  return html`<dl class="list">
    ${rows.map(
      ([name, note, value]) => html`<div key=${name}><dt>${name}<span>${note}</span></dt><dd>${value}</dd></div>`,
    )}
  </dl>`;
}

function Sources({ rows }) {
  const shown = [...rows].sort((a, b) => b.events - a.events).slice(0, SOURCES_SHOWN);
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Sources">
    <table>
      <caption class="hidden">How events arrived and sessions became whole, by source</caption>
      <thead>
        <tr>
          <th scope="col">Source</th><th scope="col">Events</th><th scope="col">Copies</th>
          <th scope="col">Skew p95</th><th scope="col" class="wide">Out of order</th><th scope="col">In 5 min</th>
        </tr>
      </thead>
      <tbody>
        ${shown.map(
          (row) => html`<tr key=${row.source}>
            <th scope="row"><span class="name" title=${row.source}>${row.source}</span></th>
            <td>${count(row.events)}</td>
            <td>${rate(row.duplicate_rate)}</td>
            <td>${span(row.skew_p95_ms)}</td>
            <td class="wide">${rate(row.out_of_order_rate)}</td>
            <td>${rate(row.within_5min)}</td>
          </tr>`,
        )}
      </tbody>
    </table>
    ${rows.length > shown.length ? html`<p class="note">${count(rows.length - shown.length)} smaller sources are in <code>millstream report stitching</code>.</p>` : null}
  </div>`;
}

export function Stitching({ token }) {
  const [{ report, trouble }, retry] = usePolling("/api/report/stitching", token, EVERY_MS);
  const doubts = report?.trust.filter((check) => !check.ok).length ?? 0;
  const verdict = doubts === 0 ? "Nothing here is a reason to doubt them." : doubts === 1 ? "One answer is a reason to doubt them." : `${doubts} answers are reasons to doubt them.`;
  return html`<section class="card stitching" aria-labelledby="stitching-title" aria-busy=${report === null && !trouble}>
    <header>
      <h2 id="stitching-title">Can the journeys be trusted?</h2>
      ${report?.totals.sessions ? html`<p class="note">${verdict}</p>` : null}
    </header>
    ${trouble
      ? html`<div class="banner" role="status">
          <p><strong>The stitching figures cannot be read.</strong> ${report ? "These are earlier ones; " : ""}${trouble}.</p>
          <button type="button" onClick=${retry}>Try now</button>
        </div>`
      : null}
    ${report === null
      ? trouble ? null : html`<div class="skeleton tall" aria-hidden="true"></div><p class="hidden">Loading</p>`
      : report.totals.sessions === 0
        ? html`<p class="empty">No session has been seen yet. The first one brings its answers.</p>`
        : html`<div class="trusted">
            <div><${Shares} totals=${report.totals} /><${Network} totals=${report.totals} /></div>
            <div><${Checklist} trust=${report.trust} /></div>
          </div>
          <${Sources} rows=${report.rows} />`}
  </section>`;
}
