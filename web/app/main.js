// The dashboard: one live stream in, one page out.

import { html, render, useCallback, useEffect, useRef, useState } from "/vendor/preact-htm.js";
import { Audit } from "/app/audit.js";
import { Campaigns, GROUPINGS, MODELS } from "/app/campaigns.js";
import { Destinations } from "/app/destinations.js";
import { ArrivalsPanel, Freshness, Hops, Outcomes, Totals } from "/app/panels.js";
import { Personalization } from "/app/personalization.js";
import { Empty, Locked, Lost, Trouble } from "/app/states.js";
import { Stitching } from "/app/stitching.js";
import { follow } from "/app/stream.js";

const HISTORY_SECONDS = 300;
const TOKEN_KEY = "millstream.token";

/** The question in the address, so that a view can be kept and shared. */
function questionInAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  const known = (name, choices, otherwise) => (given.get(name) in choices ? given.get(name) : otherwise);
  return { by: known("by", GROUPINGS, "channel"), model: known("model", MODELS, "last") };
}

function Header({ moment, state }) {
  const words = { live: "Live", lost: "Connection lost", loading: "Connecting" };
  return html`<header class="top">
    <a class="brand" href="/"><img src="/icon.svg" alt="" width="28" height="28" />Millstream</a>
    <ul aria-label="State">
      ${moment ? html`<li class="pill">Gear: ${moment.gear}</li>` : null}
      <li class=${`pill ${state}`}><span class="dot" aria-hidden="true"></span>${words[state]}</li>
    </ul>
  </header>`;
}

/** Plain links carry no token: with one they are left out, the command line has the same. */
function Documents() {
  return html`<footer class="bottom">
    <a href="/api/report/campaigns?format=html">Campaigns to print</a>
    <a href="/api/report/delivery?format=html">Delivery to print</a>
    <a href="/api/report/stitching?format=html">Stitching to print</a>
    <a href="/api/report/personalization?format=html">Personalization to print</a>
    <a href="/openapi.json">API</a>
    <a href="/metrics">Metrics</a>
  </footer>`;
}

function useLive(question, token) {
  const [live, setLive] = useState({ state: "loading", moment: null, history: [], locked: false });
  const stream = useRef(null);
  useEffect(() => {
    const on = {
      history: (history) => setLive((now) => ({ ...now, history })),
      moment: (moment) =>
        setLive((now) => {
          const second = Math.floor(Date.parse(moment.as_of) / 1_000);
          const rest = now.history.filter(([at]) => at !== second);
          const history = [...rest, [second, moment.arrivals_per_second]].slice(-HISTORY_SECONDS);
          const campaigns = moment.campaigns ?? now.moment?.campaigns ?? null;
          return { state: "live", locked: false, history, moment: { ...moment, campaigns } };
        }),
      lost: () => setLive((now) => ({ ...now, state: "lost" })),
      locked: () => setLive((now) => ({ ...now, locked: true })),
    };
    stream.current = follow({ ...question, token }, on);
    return () => stream.current.stop();
  }, [question.by, question.model, token]);
  return [live, useCallback(() => stream.current?.retry(), [])];
}

function Dashboard() {
  const [question, setQuestion] = useState(questionInAddress);
  const [token, setToken] = useState(() => sessionStorage.getItem(TOKEN_KEY));
  const [live, retry] = useLive(question, token);
  const { moment, history, state } = live;

  const choose = (change) => {
    const next = { ...question, ...change };
    // What other panels keep in the address stays there.
    const address = new URLSearchParams(location.hash.slice(1));
    Object.entries(next).forEach(([name, value]) => address.set(name, value));
    window.history.replaceState(null, "", `#${address}`);
    setQuestion(next);
  };
  const unlock = (given) => {
    sessionStorage.setItem(TOKEN_KEY, given);
    setToken(given);
  };
  if (live.locked) return html`<${Locked} unlock=${unlock} refused=${Boolean(token)} />`;

  const report = moment?.campaigns ?? null;
  const busy = report ? report.query.by !== question.by || report.query.model !== question.model : true;
  const empty = moment && moment.counts.accepted === 0 && moment.totals.events === 0;
  return html`<${Header} moment=${moment} state=${state} />
    <main class=${state === "lost" ? "stale" : ""}>
      ${state === "lost" ? html`<${Lost} since=${moment?.as_of} retry=${retry} />` : null}
      ${moment?.trouble ? html`<${Trouble} text=${moment.trouble} />` : null}
      <${Freshness} moment=${moment} />
      ${empty ? html`<${Empty} />` : null}
      <${ArrivalsPanel} moment=${moment} history=${history} />
      <${Totals} totals=${moment?.totals} />
      <div class="columns">
        <${Campaigns} report=${report} by=${question.by} model=${question.model} busy=${busy} choose=${choose} />
        <div class="side">
          <${Hops} moment=${moment} />
          <${Outcomes} moment=${moment} />
        </div>
      </div>
      <${Stitching} token=${token} />
      <${Personalization} token=${token} />
      <${Destinations} token=${token} />
      <${Audit} token=${token} />
    </main>
    ${token ? null : html`<${Documents} />`}`;
}

const place = document.getElementById("app");
place.replaceChildren();
render(html`<${Dashboard} />`, place);
