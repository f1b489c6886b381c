// Where does a figure come from? The chain behind one conversion, click, event, decision, link or person, down to the log.

import { html, useEffect, useState } from "/vendor/preact-htm.js";
import { count, words } from "/app/format.js";

const SUBJECTS = {
  conversion: ["Conversion", "order number, event id or conversion id"],
  click: ["Click", "click id"],
  event: ["Event", "event id"],
  decision: ["Decision", "decision_id of the answer"],
  link: ["Link", "slug"],
  person: ["Person", "user id, device id or person id"],
};
/** Parts that are open from the start: what is asked most. */
const OPEN = new Set(["conversion", "click", "event", "decision", "link", "person", "touch", "revisions", "revision", "order"]);
/** Parts deeper than this are closed from the start. */
const DEEP = 2;
const PATIENCE_MS = 20_000;

/** The subject in the address, so that a chain can be shared. */
function subjectInAddress() {
  const [subject, ...id] = (new URLSearchParams(location.hash.slice(1)).get("audit") ?? "").split("/");
  return subject in SUBJECTS ? { subject, id: id.join("/") } : { subject: "conversion", id: "" };
}

const shown = (value) => {
  if (value === true) return "yes";
  if (value === false) return "no";
  if (Array.isArray(value)) return value.length ? value.join(", ") : "none";
  return String(value);
};

function Part({ part, depth }) {
  const { what, id, parts = [], ...facts } = part;
  const rows = Object.entries(facts);
  const open = depth === 0 || (depth <= DEEP && OPEN.has(what));
  return html`<details class="part" open=${open}>
    <summary><strong>${words(what)}</strong>${id ? html` <code>${id}</code>` : null}${facts.cause ? html` <span class="mark ok">${facts.cause}</span>` : null}</summary>
    ${rows.length
      ? html`<dl class="facts">
          ${rows.map(([name, value]) => html`<div key=${name}><dt>${words(name)}</dt><dd>${shown(value)}</dd></div>`)}
        </dl>`
      : null}
    ${parts.map((below, index) => html`<${Part} key=${index} part=${below} depth=${depth + 1} />`)}
  </details>`;
}

async function ask(path, token) {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  const response = await fetch(path, { headers, cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  throw new Error(answer.error?.message ?? `the server answered ${response.status}`);
}

function Verified({ verdict }) {
  const { intact, records, broken, deliveries } = verdict;
  if (intact) {
    const told = deliveries.records > 0 ? ` and ${count(deliveries.records)} delivery records` : "";
    return html`<p class="note">${count(records)} control records${told}: each follows from the one before it.${verdict.head ? html` Head <code>${verdict.head}</code>.` : null}</p>`;
  }
  const fault = broken ?? deliveries.broken;
  const where = broken ? "control history" : `deliveries of ${fault.destination ?? "an unknown destination"}`;
  return html`<p class="error">The ${where} is broken at position ${fault.position}: ${fault.why}.</p>`;
}

export function Audit({ token }) {
  const [asked, setAsked] = useState(subjectInAddress);
  const [answer, setAnswer] = useState({ busy: false, chain: null, verdict: null, trouble: null });
  const from = async (path, name) => {
    setAnswer((now) => ({ ...now, busy: true }));
    try {
      const found = await ask(path, token);
      setAnswer({ busy: false, chain: null, verdict: null, trouble: null, [name]: found });
    } catch (error) {
      setAnswer({ busy: false, chain: null, verdict: null, trouble: error.message });
    }
  };
  const trace = ({ subject, id }) => from(`/api/audit/${subject}/${encodeURIComponent(id)}`, "chain");
  useEffect(() => {
    if (asked.id) trace(asked);
  }, []);
  const submit = (event) => {
    event.preventDefault();
    const wanted = { ...asked, id: asked.id.trim() };
    if (!wanted.id) return;
    const address = new URLSearchParams(location.hash.slice(1));
    address.set("audit", `${wanted.subject}/${wanted.id}`);
    window.history.replaceState(null, "", `#${address}`);
    trace(wanted);
  };
  return html`<section class="card audit" aria-labelledby="audit-title" aria-busy=${answer.busy}>
    <header>
      <h2 id="audit-title">Where does a figure come from?</h2>
      <p class="note">The whole chain behind one thing: link and author, click, values as sent, copies, consent, touches, credit, and why it changed.</p>
    </header>
    <form onSubmit=${submit}>
      <label>What <select value=${asked.subject} onChange=${(event) => setAsked({ ...asked, subject: event.target.value })}>
        ${Object.entries(SUBJECTS).map(([key, [label]]) => html`<option key=${key} value=${key}>${label}</option>`)}
      </select></label>
      <label class="wanted">Which <input type="text" maxlength="512" autocomplete="off" spellcheck="false" placeholder=${SUBJECTS[asked.subject][1]} value=${asked.id}
        onInput=${(event) => setAsked({ ...asked, id: event.target.value })} /></label>
      <button type="submit">Trace</button>
      <button type="button" class="quiet" onClick=${() => from("/api/audit/verify", "verdict")}>Verify the chain</button>
    </form>
    <div aria-live="polite">
      ${answer.trouble ? html`<p class="error">${answer.trouble}</p>` : null}
      ${answer.verdict ? html`<${Verified} verdict=${answer.verdict} />` : null}
    </div>
    ${answer.chain ? html`<${Part} part=${answer.chain} depth=${0} />` : null}
  </section>`;
}
