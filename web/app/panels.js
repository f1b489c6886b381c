// The panels round the campaigns: freshness, totals, outcomes, hops.

import { html } from "/vendor/preact-htm.js";
import { clock, count, duration, micros, words } from "/app/format.js";
import { Arrivals } from "/app/chart.js";

export function Freshness({ moment }) {
  if (!moment) {
    return html`<div class="freshness"><div class="skeleton line" aria-hidden="true"></div><h1 class="hidden">Loading figures</h1></div>`;
  }
  const { complete_until: until, provisional, lag, campaigns } = moment;
  const waiting = Object.values(lag.records).reduce((sum, records) => sum + records, 0);
  const sentence = !until
    ? "Nothing has been received yet."
    : provisional
      ? html`Figures are complete until <time datetime=${until}>${clock(until)}</time>, ${duration(lag.behind_ms)} behind.`
      : html`Figures are complete until <time datetime=${until}>${clock(until)}</time>. Nothing is waiting.`;
  const gaps = Object.entries(campaigns?.gaps ?? {}).filter(([, number]) => number > 0);
  const today = campaigns?.arrivals?.days[0];
  const awaited = today && today.expected_high > today.conversions;
  return html`<div class="freshness">
    <h1>${sentence}</h1>
    <p class="note">
      ${provisional && waiting > 0 ? html`<span>${count(waiting)} records wait to be counted; figures may still change. </span>` : null}
      ${awaited ? html`<span>${Math.round(100 * today.arrived_share)} % of today's conversions so far have arrived: ${count(today.conversions)} counted, ${count(today.expected_low)} to ${count(today.expected_high)} expected. </span>` : null}
      ${gaps.length ? html`<span>Known gaps: ${gaps.map(([name, number]) => `${count(number)} ${words(name)}`).join(", ")}.</span>` : null}
    </p>
  </div>`;
}

export function ArrivalsPanel({ moment, history }) {
  return html`<section class="card arrivals" aria-labelledby="arrivals-title">
    <div class="figure">
      <h2 id="arrivals-title">Arrivals per second</h2>
      ${moment ? html`<p class="big">${count(moment.arrivals_per_second)}</p>` : html`<div class="skeleton big" aria-hidden="true"></div>`}
      ${moment ? html`<p class="note">${count(moment.counts.accepted)} since the start</p>` : null}
    </div>
    <${Arrivals} rows=${history} />
  </section>`;
}

export function Totals({ totals }) {
  const entries = [
    ["Sessions", totals?.sessions],
    ["People", totals?.people],
    ["Devices", totals?.devices],
    ["Events", totals?.events],
    ["Bot sessions", totals?.bot_sessions],
  ];
  return html`<section class="card totals" aria-label="Totals">
    <dl>
      ${entries.map(
        ([name, value]) => html`<div key=${name}>
          <dt>${name}</dt>
          <dd>${totals ? count(value) : html`<span class="skeleton word" aria-hidden="true"></span>`}</dd>
        </div>`,
      )}
    </dl>
  </section>`;
}

export function Outcomes({ moment }) {
  const counts = moment?.counts;
  const rows = [
    ["Visible", "in the figures", moment?.visible],
    ["Duplicate", "copies, counted once", counts?.duplicate],
    ["Quarantined", "broke the contract, kept", counts?.quarantined],
    ["Degraded", "kept without some enrichment", counts?.degraded],
    ["Restricted", "consent removed fields", counts?.restricted],
    ["Late", "long after they happened", moment?.late],
    ["Bot", "marked, never credited", moment?.bot],
    ["Refused", "requests answered with an error", counts?.refused],
    ["Shed", "turned away under overload", counts?.shed],
  ];
  return html`<section class="card" aria-labelledby="outcomes-title">
    <h2 id="outcomes-title">What became of it</h2>
    <dl class="list">
      ${rows.map(
        ([name, note, value]) => html`<div key=${name} class=${value ? "" : "none"}>
          <dt>${name}<span>${note}</span></dt>
          <dd>${moment ? count(value) : html`<span class="skeleton word" aria-hidden="true"></span>`}</dd>
        </div>`,
      )}
    </dl>
  </section>`;
}

export function Hops({ moment }) {
  const hops = moment?.hops ?? [];
  return html`<section class="card" aria-labelledby="hops-title">
    <h2 id="hops-title">How long it takes</h2>
    ${hops.length
      ? html`<table class="hops">
          <caption class="hidden">Percentiles of the time per hop</caption>
          <thead>
            <tr><th scope="col">Hop</th><th scope="col">p50</th><th scope="col">p95</th><th scope="col">p99</th></tr>
          </thead>
          <tbody>
            ${hops.map(
              (hop) => html`<tr key=${hop.hop}>
                <th scope="row">${words(hop.hop).replace(" to ", " → ")}</th>
                <td>${micros(hop.p50_us)}</td>
                <td>${micros(hop.p95_us)}</td>
                <td>${micros(hop.p99_us)}</td>
              </tr>`,
            )}
          </tbody>
        </table>`
      : html`<p class="empty">Measured with the first event.</p>`}
  </section>`;
}
