// A question asked of the server again and again; what was known stays while an answer fails.

import { useEffect, useState } from "/vendor/preact-htm.js";

/** Without an answer for this long the question is given up. */
const PATIENCE_MS = 20_000;

/** The latest answer of an address and the latest trouble, and a way to ask at once. */
export function usePolling(path, token, everyMs) {
  const [known, setKnown] = useState({ report: null, trouble: null });
  const [asked, setAsked] = useState(0);
  useEffect(() => {
    const controller = new AbortController();
    let timer = 0;
    async function ask() {
      const patience = setTimeout(() => controller.abort(), PATIENCE_MS);
      try {
        const headers = token ? { authorization: `Bearer ${token}` } : {};
        const response = await fetch(path, { headers, signal: controller.signal, cache: "no-store" });
        if (!response.ok) throw new Error(`the server answered ${response.status}`);
        setKnown({ report: await response.json(), trouble: null });
      } catch (error) {
        setKnown((now) => ({ ...now, trouble: error.message }));
      } finally {
        clearTimeout(patience);
      }
      if (!controller.signal.aborted) timer = setTimeout(ask, everyMs);
    }
    ask();
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [path, token, everyMs, asked]);
  return [known, () => setAsked((times) => times + 1)];
}
