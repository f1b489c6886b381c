// What came of experiments: each arm beside the first one, with the interval drawn, and what it says in words.

import { html } from "/vendor/preact-htm.js";
import { count, millis, points, rate } from "/app/format.js";

/** What the server says, as a sentence, with names between backticks set apart. */
function Said({ text }) {
  const parts = `${text.charAt(0).toUpperCase()}${text.slice(1)}.`.split("`");
  return html`<p>${parts.map((part, index) => (index % 2 === 1 && index < parts.length - 1 ? html`<code>${part}</code>` : part))}</p>`;
}

/** An interval on a scale from minus to plus `reach`, with nothing in the middle. */
function Whisker({ lift, reach }) {
  const at = (value) => 50 + (50 * value) / reach;
  const told = lift.low > 0 || lift.high < 0;
  return html`<span class=${`whisker ${told ? "told" : ""}`} aria-hidden="true">
    <span class="range" style=${{ left: `${at(lift.low)}%`, width: `${at(lift.high) - at(lift.low)}%` }}></span>
    <span class="point" style=${{ left: `${at(lift.difference)}%` }}></span>
  </span>`;
}

function Arm({ arm, holds, control, reach }) {
  const lift = control
    ? html`<span class="soft">control</span>`
    : !holds
      ? html`<span class="soft">uneven arms</span>`
      : arm.lift === null
        ? html`<span class="soft">too few visitors</span>`
        : html`${points(arm.lift.difference)} <span class="soft">${points(arm.lift.low)} to ${points(arm.lift.high)}</span>
            <${Whisker} lift=${arm.lift} reach=${reach} />`;
  return html`<tr>
    <th scope="row"><span class="name" title=${arm.arm}>${arm.arm}</span></th>
    <td class="wide">${count(arm.visitors)}</td>
    <td>${arm.visitors > 0 ? rate(arm.rate) : "–"}</td>
    <td class="lift">${lift}</td>
    <td class="wide">${rate(arm.fallback_rate)}</td>
    <td class="wide">${millis(arm.p95_ms)}</td>
  </tr>`;
}

function Experiment({ result }) {
  const ends = result.arms.flatMap(({ lift }) => (lift ? [Math.abs(lift.low), Math.abs(lift.high)] : []));
  const reach = Math.max(...ends, Number.MIN_VALUE);
  const believed = result.holds ? result.segments.filter((segment) => segment.discovery) : [];
  return html`<li class="experiment">
    <header>
      <h4>${result.experiment}</h4>
      <p class="note">on ${result.use_case}, goal: ${result.goal}</p>
    </header>
    <${Said} text=${result.says} />
    <div class="scroll" tabindex="0" role="region" aria-label=${`Arms of ${result.experiment}`}>
      <table>
        <caption class="hidden">Visitors, the share that reached the goal, and the lift of each arm in points of 100 visitors</caption>
        <thead>
          <tr>
            <th scope="col">Arm</th><th scope="col" class="wide">Visitors</th><th scope="col">Reached</th>
            <th scope="col">Lift, points</th><th scope="col" class="wide">Fell back</th><th scope="col" class="wide">p95</th>
          </tr>
        </thead>
        <tbody>
          ${result.arms.map((arm, place) => html`<${Arm} key=${arm.arm} arm=${arm} holds=${result.holds} control=${place === 0} reach=${reach} />`)}
        </tbody>
      </table>
    </div>
    ${believed.length > 0
      ? html`<p class="note">Believed by segment, at the end of what was planned: ${believed.map(({ segment, arm, difference }) => `${segment} ${points(difference)} with ${arm}`).join("; ")}.</p>`
      : null}
  </li>`;
}

export function Experiments({ results }) {
  return html`<section aria-labelledby="experiments-title">
    <h3 id="experiments-title">What it is worth</h3>
    ${results.length === 0
      ? html`<p class="empty">Nothing tells yet. <code>holdout_percent</code> of a use case leaves a few visitors without, and one of <code>[[decide.experiments]]</code> compares what they are shown.</p>`
      : html`<p class="note">Lift by assignment, in points of 100 visitors, with an interval that may be read at any time.</p>
          <ul class="experiments">${results.map((result) => html`<${Experiment} key=${result.experiment} result=${result} />`)}</ul>`}
  </section>`;
}
