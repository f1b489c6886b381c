// Arrivals per second as a quiet line over the last five minutes.

import { html, useEffect, useRef } from "/vendor/preact-htm.js";
import { count } from "/app/format.js";

const SECONDS = 300;
const HEIGHT = 190;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function options(width) {
  const line = colour("--accent");
  const grid = { stroke: colour("--line"), width: 1 };
  const axis = { stroke: colour("--soft"), font: "12px system-ui, sans-serif", ticks: { show: false } };
  return {
    width,
    height: HEIGHT,
    padding: [8, 8, 0, 0],
    cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
    legend: { show: false },
    scales: { y: { range: (_, __, top) => [0, Math.max(5, top * 1.15)] } },
    axes: [
      { ...axis, grid: { show: false }, size: 30, space: 56, incrs: [60, 120, 300], values: (_, ticks) => ticks.map(minute) },
      { ...axis, grid, size: 46, space: 42, values: (_, ticks) => ticks.map((tick) => count(tick)) },
    ],
    series: [{}, { stroke: line, width: 2, fill: colour("--accent-wash"), points: { show: false } }],
  };
}

const minute = (second) =>
  new Date(second * 1_000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });

/** The rows `[second, count]` as columns that span the whole window, gaps included. */
function columns(rows) {
  const last = rows.length ? rows[rows.length - 1][0] : Math.floor(Date.now() / 1_000);
  const known = new Map(rows);
  const seconds = Array.from({ length: SECONDS }, (_, index) => last - SECONDS + 1 + index);
  return [seconds, seconds.map((second) => known.get(second) ?? null)];
}

export function Arrivals({ rows }) {
  const place = useRef(null);
  const plot = useRef(null);

  useEffect(() => {
    const draw = () => {
      plot.current?.destroy();
      const width = Math.max(200, place.current.clientWidth);
      plot.current = new window.uPlot(options(width), columns(rows), place.current);
    };
    draw();
    const resized = new ResizeObserver(() => {
      const width = Math.max(200, place.current.clientWidth);
      plot.current?.setSize({ width, height: HEIGHT });
    });
    resized.observe(place.current);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", draw);
    return () => {
      resized.disconnect();
      scheme.removeEventListener("change", draw);
      plot.current?.destroy();
      plot.current = null;
    };
  }, []);

  useEffect(() => {
    plot.current?.setData(columns(rows));
  }, [rows]);

  const counts = rows.map(([, value]) => value);
  const highest = counts.length ? Math.max(...counts) : 0;
  const label = `Arrivals per second over the last five minutes: now ${count(counts.at(-1))}, highest ${count(highest)}.`;
  return html`<div class="chart" role="img" aria-label=${label} ref=${place}></div>`;
}
