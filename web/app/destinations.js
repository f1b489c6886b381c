// Does every system get what it is owed? Destinations, what waits for them, and whether they keep their promise.

import { html } from "/vendor/preact-htm.js";
import { count, duration, micros, percent } from "/app/format.js";
import { usePolling } from "/app/polling.js";

const EVERY_MS = 5_000;

/** The sums over a destination's classes of events. */
function sums(destination) {
  const all = { delivered: 0, dead: 0, unconsented: 0, shed: 0, waiting: 0, kept: 0 };
  for (const { totals, pending, kept_events } of destination.lines) {
    for (const name of ["delivered", "dead", "unconsented", "shed"]) all[name] += totals[name];
    all.waiting += pending;
    all.kept += kept_events ?? 0;
  }
  return all;
}

/** What to do about it, most pressing first; nothing where all is well. */
function concern(destination) {
  const { waiting, dead, kept } = sums(destination);
  const age = destination.backlog_age_ms ?? 0;
  const beyond = kept > 0 ? `, and ${count(kept)} are kept of what the log let go` : "";
  const waits = waiting > 0 ? `${count(waiting)} events wait, the oldest ${duration(age)}${beyond}` : "nothing waits";
  if (!destination.enabled) return null;
  if (destination.standing !== "running") return `is ${destination.standing}: ${waits}`;
  if (destination.breaker !== "closed") return `does not answer as it should and is tried now and then: ${waits}`;
  if (destination.measured.sla.burn_rate_5m > 1) return `breaks its promise faster than it may: ${waits}`;
  return dead > 0 ? `did not take ${count(dead)} events: see what they are with millstream destinations dead ${destination.name}` : null;
}

function Row({ destination }) {
  const { delivered, dead, unconsented, shed, waiting } = sums(destination);
  const { measured } = destination;
  const well = concern(destination) === null;
  const kept = measured.sla.kept_percent;
  const state = destination.enabled ? (destination.standing === "running" && destination.breaker !== "closed" ? "left alone" : destination.standing) : "off";
  return html`<tr>
    <th scope="row"><span class="name" title=${destination.about}>${destination.name}</span></th>
    <td><span class=${`mark ${well ? "ok" : "doubt"}`}>${state}</span></td>
    <td>${count(delivered)}</td>
    <td>${count(waiting)}</td>
    <td>${count(dead)}</td>
    <td class="wide">${count(unconsented)}</td>
    <td class="wide">${count(shed)}</td>
    <td class="wide">${measured.attempt.p95_us === null ? "–" : micros(measured.attempt.p95_us)}</td>
    <td>${kept === null ? "–" : percent.format(kept / 100)}</td>
  </tr>`;
}

export function Destinations({ token }) {
  const [{ report, trouble }, retry] = usePolling("/api/destinations", token, EVERY_MS);
  const destinations = report?.destinations ?? [];
  const concerns = destinations.map((one) => [one.name, concern(one)]).filter(([, text]) => text !== null);
  return html`<section class="card destinations" aria-labelledby="destinations-title" aria-busy=${report === null && !trouble}>
    <header>
      <h2 id="destinations-title">Does every system get what it is owed?</h2>
      ${destinations.length > 0 && concerns.length === 0 ? html`<p class="note">All of them take what they are sent.</p>` : null}
    </header>
    ${trouble
      ? html`<div class="banner" role="status">
          <p><strong>The destinations cannot be read.</strong> ${report ? "These are earlier figures; " : ""}${trouble}.</p>
          <button type="button" onClick=${retry}>Try now</button>
        </div>`
      : null}
    ${concerns.length > 0 ? html`<ul class="checks">${concerns.map(([name, text]) => html`<li key=${name}><strong>${name}</strong> ${text}.</li>`)}</ul>` : null}
    ${report === null
      ? trouble ? null : html`<div class="skeleton tall" aria-hidden="true"></div><p class="hidden">Loading</p>`
      : destinations.length === 0
        ? html`<p class="empty">Events are forwarded nowhere. A file in <code>destinations/</code> of the data directory changes that.</p>`
        : html`<div class="scroll" tabindex="0" role="region" aria-label="Destinations">
            <table>
              <caption class="hidden">What became of the events of each destination</caption>
              <thead>
                <tr>
                  <th scope="col">Destination</th><th scope="col">State</th><th scope="col">Delivered</th><th scope="col">Waiting</th>
                  <th scope="col">Given up</th><th scope="col" class="wide">Without consent</th><th scope="col" class="wide">Passed by</th>
                  <th scope="col" class="wide">Answers p95</th><th scope="col">In time, last hour</th>
                </tr>
              </thead>
              <tbody>${destinations.map((one) => html`<${Row} key=${one.name} destination=${one} />`)}</tbody>
            </table>
          </div>`}
  </section>`;
}
