// What the page says when there is nothing to show, nothing to hear, or no key.

import { html, useState } from "/vendor/preact-htm.js";
import { clock } from "/app/format.js";

export function Lost({ since, retry }) {
  return html`<div class="banner" role="status">
    <p>
      <strong>Connection lost.</strong>${" "}
      ${since ? html`These are the figures of ${clock(since)}. ` : null}Trying again by itself.
    </p>
    <button type="button" onClick=${retry}>Try now</button>
  </div>`;
}

export function Trouble({ text }) {
  return html`<div class="banner" role="status">
    <p><strong>The figures cannot be read at the moment.</strong> ${text}</p>
  </div>`;
}

export function Empty() {
  return html`<section class="card welcome" aria-labelledby="welcome-title">
    <h2 id="welcome-title">Waiting for the first event</h2>
    <p>Send one to the public address, and it appears here within a second:</p>
    <pre tabindex="0" aria-label="Command"><code>curl http://127.0.0.1:8080/v1/page -u demo: \\
  -d '{"anonymousId":"me","context":{"page":{"url":"https://shop.example/?utm_source=news"}}}'</code></pre>
    <p class="note">Or see a whole shop at work with <code>millstream demo</code>, or real figures with <code>millstream import --format combined access.log</code>.</p>
  </section>`;
}

export function Locked({ unlock, refused }) {
  const [token, setToken] = useState("");
  const submit = (event) => {
    event.preventDefault();
    if (token.trim()) unlock(token.trim());
  };
  return html`<main class="locked">
    <form class="card" onSubmit=${submit}>
      <h1>A token opens this page</h1>
      <p class="note">It was made by whoever runs this instance, and stays in this browser tab only.</p>
      <label for="token">Token</label>
      <input id="token" type="password" autocomplete="off" spellcheck="false" value=${token}
        aria-invalid=${refused} aria-describedby=${refused ? "token-error" : undefined}
        onInput=${(event) => setToken(event.currentTarget.value)} />
      ${refused ? html`<p class="error" id="token-error" role="alert">This token is not accepted.</p>` : null}
      <button type="submit">Open</button>
    </form>
  </main>`;
}
