// The live stream: server-sent events read with fetch, so that a token can travel in a header.

/** Without any event for this long the connection counts as lost. */
const SILENCE_MS = 6_000;
/** Pauses between attempts grow up to this. */
const PAUSE_MS_MAX = 10_000;

/**
 * Follows `/api/live` and tells about it until the returned function is called.
 * `on` has `history(rows)`, `moment(data)`, `lost({ pause })` and `locked()`.
 */
export function follow({ by, model, token }, on) {
  let stopped = false;
  let failures = 0;
  let controller = null;
  let timer = 0;

  async function attempt() {
    controller = new AbortController();
    const { signal } = controller;
    const headers = token ? { authorization: `Bearer ${token}` } : {};
    const query = new URLSearchParams({ by, model });
    let watchdog = 0;
    const alive = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => controller.abort(), SILENCE_MS);
    };
    try {
      alive();
      const response = await fetch(`/api/live?${query}`, { headers, signal, cache: "no-store" });
      if (response.status === 401) {
        if (!stopped) on.locked();
        stopped = true;
        return;
      }
      if (!response.ok) throw new Error(`the server answered ${response.status}`);
      await read(response.body, (name, data) => {
        alive();
        failures = 0;
        if (!stopped) on[name]?.(data);
      });
    } catch {
      // Whatever it was, the answer is the same: say so, wait, try again.
    } finally {
      clearTimeout(watchdog);
    }
    if (stopped) return;
    failures += 1;
    const pause = Math.min(1_000 * 2 ** (failures - 1), PAUSE_MS_MAX) * (0.8 + 0.4 * Math.random());
    on.lost({ pause });
    timer = setTimeout(attempt, pause);
  }

  attempt();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
      controller?.abort();
    },
    retry() {
      clearTimeout(timer);
      controller?.abort();
      failures = 0;
      attempt();
    },
  };
}

async function read(body, take) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const events = text.split("\n\n");
    text = events.pop();
    for (const event of events) {
      const lines = event.split("\n");
      const field = (name) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      const data = field("data");
      if (data) take(field("event"), JSON.parse(data));
    }
  }
}
