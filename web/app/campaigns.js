// Top campaigns with their credit, by any grouping and model.

import { html } from "/vendor/preact-htm.js";
import { count, money, percent, share } from "/app/format.js";

const ROWS_SHOWN = 10;

export const GROUPINGS = { channel: "Channel", source: "Source", campaign: "Campaign", link: "Link" };
export const MODELS = {
  first: "First touch",
  last: "Last touch",
  last_non_direct: "Last non-direct",
  linear: "Linear",
  position: "Position",
  time_decay: "Time decay",
};

const MEANINGS = {
  first: "The first touch earns the whole conversion.",
  last: "The last touch earns the whole conversion.",
  last_non_direct: "The last touch that is not direct earns the whole conversion.",
  linear: "All touches share the conversion equally.",
  position: "The first and the last touch earn 40 % each, those between share the rest.",
  time_decay: "A touch earns half as much for each week before the last one.",
};

function Choice({ name, legend, choices, value, choose }) {
  return html`<fieldset class="choice">
    <legend>${legend}</legend>
    <div class="segments">
      ${Object.entries(choices).map(
        ([key, label]) => html`<label key=${key}>
          <input type="radio" name=${name} value=${key} checked=${key === value} onChange=${() => choose(key)} />
          <span>${label}</span>
        </label>`,
      )}
    </div>
  </fieldset>`;
}

const ratio = (roas) => (roas === null || roas === undefined ? "–" : roas.toFixed(2));

/** Where the cost of some goods is not known, the margin is at most what is told. */
const margin = (row) =>
  (row.goods_known !== null && row.goods_known < 1 && row.margin_minor !== null ? "≤\u00a0" : "") +
  money(row.margin_minor, row.currency);

function MarginRow({ name, row }) {
  return html`<tr>
    <th scope="row"><span class="name" title=${name}>${name}</span></th>
    <td class="wide">${money(row.revenue_minor, row.currency)}</td>
    <td>${money(row.goods_minor, row.currency)}</td>
    <td class="wide">${row.goods_known === null ? "–" : percent.format(row.goods_known)}</td>
    <td class="wide">${money(row.cost_minor, row.currency)}</td>
    <td>${margin(row)}</td>
  </tr>`;
}

function Margins({ report, by }) {
  const rows = report.rows.slice(0, ROWS_SHOWN).filter((row) => row.margin_minor !== null || row.revenue_minor !== 0);
  const { totals } = report;
  if (!report.rows.some((row) => row.goods_minor !== undefined)) return null;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Margin table">
    <table>
      <caption>What is left: revenue without cost of goods and spend</caption>
      <thead>
        <tr>
          <th scope="col">${GROUPINGS[by]}</th>
          <th scope="col" class="wide">Revenue</th>
          <th scope="col">Cost of goods</th>
          <th scope="col" class="wide">Known for</th>
          <th scope="col" class="wide">Spend</th>
          <th scope="col">Margin</th>
        </tr>
      </thead>
      <tbody>
        ${rows.map((row) => html`<${MarginRow} key=${row[by] + row.currency} name=${row[by] || "(none)"} row=${row} />`)}
      </tbody>
      ${totals.goods_minor !== undefined &&
      html`<tfoot><${MarginRow} name="All" row=${{ goods_known: null, ...totals }} /></tfoot>`}
    </table>
  </div>`;
}

function Row({ row, by, most, costs }) {
  const name = row[by] || "(none)";
  const width = most > 0 ? Math.max(0, (100 * row.revenue_minor) / most) : 0;
  return html`<tr>
    <th scope="row">
      <span class="name" title=${name}>${name}</span>
      <span class="bar" aria-hidden="true"><span style=${{ width: `${width}%` }}></span></span>
    </th>
    <td class="wide">${count(row.clicks)}</td>
    <td class="wide">${count(row.touches)}</td>
    <td class="wide">${count(row.sessions)}</td>
    <td>${share(row.conversions)}</td>
    <td>${money(row.revenue_minor, row.currency)}</td>
    ${costs &&
    html`<td>${row.cost_minor === null ? "–" : money(row.cost_minor, row.currency)}</td>
      <td class="wide">${row.cac_minor === null ? "–" : money(row.cac_minor, row.currency)}</td>
      <td>${ratio(row.roas)}</td>`}
  </tr>`;
}

function Table({ report, by }) {
  const rows = report.rows.slice(0, ROWS_SHOWN);
  const most = Math.max(0, ...rows.map((row) => row.revenue_minor));
  const more = report.rows.length - rows.length;
  const totals = report.totals;
  const costs = report.rows.some((row) => row.cost_minor !== null);
  const revenue = totals.revenue.length
    ? totals.revenue.map((one) => money(one.revenue_minor, one.currency)).join(" + ")
    : "–";
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Campaign table">
    <table>
      <caption class="hidden">Touches, conversions and revenue by ${by}</caption>
      <thead>
        <tr>
          <th scope="col">${GROUPINGS[by]}</th>
          <th scope="col" class="wide">Clicks</th>
          <th scope="col" class="wide">Touches</th>
          <th scope="col" class="wide">Sessions</th>
          <th scope="col">Conversions</th>
          <th scope="col">Revenue</th>
          ${costs && html`<th scope="col">Cost</th><th scope="col" class="wide">CAC</th><th scope="col">ROAS</th>`}
        </tr>
      </thead>
      <tbody>
        ${rows.map((row) => html`<${Row} key=${row[by] + row.currency} row=${row} by=${by} most=${most} costs=${costs} />`)}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">${more > 0 ? `All ${count(report.rows.length)}` : "All"}</th>
          <td class="wide">${count(totals.clicks)}</td>
          <td class="wide">${count(totals.touches)}</td>
          <td class="wide">${count(totals.sessions)}</td>
          <td>${share(totals.conversions)}</td>
          <td>${revenue}</td>
          ${costs &&
          html`<td>${totals.cost_minor === null ? "–" : money(totals.cost_minor, totals.currency)}</td>
            <td class="wide">${totals.cac_minor === null ? "–" : money(totals.cac_minor, totals.currency)}</td>
            <td>${ratio(totals.roas)}</td>`}
        </tr>
      </tfoot>
    </table>
  </div>`;
}

function Strays({ spend }) {
  if (!spend?.length) return null;
  const names = spend.map(({ name, nearest }) => (nearest.length ? `${name} (${nearest.join(", ")}?)` : name));
  return html`<p class="note">Spend on what was never met: ${names.join("; ")}.</p>`;
}

function Unpriced({ goods }) {
  if (!goods?.length) return null;
  return html`<p class="note">Sold without a known cost: ${goods.map(({ product }) => product).join(", ")}.</p>`;
}

export function Campaigns({ report, by, model, busy, choose }) {
  const shown = report?.query?.by ?? by;
  return html`<section class="card campaigns" aria-labelledby="campaigns-title" aria-busy=${busy}>
    <header>
      <div>
        <h2 id="campaigns-title">Who earned it</h2>
        <p class="note">${MEANINGS[model]}</p>
      </div>
      <div class="choices">
        <${Choice} name="by" legend="Group by" choices=${GROUPINGS} value=${by} choose=${(by) => choose({ by })} />
        <${Choice} name="model" legend="Credit" choices=${MODELS} value=${model} choose=${(model) => choose({ model })} />
      </div>
    </header>
    ${!report
      ? html`<div class="skeleton tall" aria-hidden="true"></div>`
      : report.rows.length
        ? html`<${Table} report=${report} by=${shown} /><${Margins} report=${report} by=${shown} /><${Strays} spend=${report.unmatched_spend} /><${Unpriced} goods=${report.unknown_costs} />`
        : html`<p class="empty">No touches yet. They appear with the first visit that carries a campaign, or comes from another site.</p>`}
  </section>`;
}
