// Numbers, money and times as people read them.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const fraction = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const signed = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2, signDisplay: "exceptZero" });
/** Shares of one. */
export const percent = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });
const moneyFormats = new Map();

/** A count with grouped digits. */
export const count = (number) => whole.format(number ?? 0);

/** Fractional conversions. */
export const share = (number) => fraction.format(number ?? 0);

/** Minor units of a currency as an amount; a dash where nothing is known. */
export function money(minor, currency) {
  if (minor === null || minor === undefined || !currency) return "–";
  let format = moneyFormats.get(currency);
  if (!format) {
    try {
      format = new Intl.NumberFormat("en", { style: "currency", currency });
    } catch {
      return `${whole.format(minor)} ${currency}`;
    }
    moneyFormats.set(currency, format);
  }
  return format.format(minor / 10 ** format.resolvedOptions().maximumFractionDigits);
}

/** Microseconds in the unit that suits them. */
export function micros(value) {
  if (value < 1_000) return `${value} µs`;
  if (value < 100_000) return `${(value / 1_000).toFixed(1)} ms`;
  if (value < 1_000_000) return `${Math.round(value / 1_000)} ms`;
  return duration(value / 1_000);
}

/** Shares of one, where they are known. */
export const rate = (value) => (value === null || value === undefined ? "–" : percent.format(value));

/** A share with its interval. */
export const interval = (value, low, high) =>
  value === null ? "–" : `${rate(value)} (${fraction.format(100 * low)} to ${fraction.format(100 * high)})`;

/** A difference of shares in points of a hundred, with its sign. */
export const points = (value) => signed.format(100 * value).replace("-", "−");

/** Milliseconds, where they are known. */
export const millis = (value) => (value === null || value === undefined ? "–" : micros(Math.round(1_000 * value)));

/** Milliseconds as a rough span. */
export function duration(ms) {
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} days`;
}

/** A stamp as local time; with its date when that is not today's. */
export function clock(stamp) {
  const time = new Date(stamp);
  const text = time.toLocaleTimeString("en-GB");
  if (time.toDateString() === new Date().toDateString()) return text;
  return `${text} on ${time.toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" })}`;
}

/** A stable name such as `last_non_direct` in words. */
export const words = (name) => name.replaceAll("_", " ");
