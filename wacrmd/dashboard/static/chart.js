"use strict";
// Draws the table of a timeline as lines. The table has the same for who does not see them.
const STAGES = [["sent", "--dim"], ["delivered", "--accent"], ["read", "--blue"], ["replied", "--warn"], ["failed", "--bad"]];
let chart = null;

function dataOf(table) {
  const columns = [[], ...STAGES.map(() => [])];
  for (const row of table.tBodies[0].rows) {
    columns[0].push(Date.parse(row.querySelector("time").dateTime) / 1000);
    STAGES.forEach((_, place) => columns[place + 1].push(Number(row.cells[place + 1].textContent.replace(/\D/g, ""))));
  }
  return columns;
}

// Times as the language of whoever looks writes them; the first one of a day has its date below it.
const hour = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const second = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const date = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const at = (seconds) => new Date(seconds * 1000);

// From label to label, in seconds. uPlot's own jump from one minute to five: on a phone one label was left, or none.
const MINUTE = 60, HOUR = 3600, DAY = 86400;
const STEPS = [
  ...[1, 2, 5, 10, 15, 30], ...[1, 2, 5, 10, 15, 30].map((each) => each * MINUTE),
  ...[1, 2, 3, 6, 12].map((each) => each * HOUR), ...[1, 2, 5, 10, 15, 30, 90, 365].map((each) => each * DAY),
];

function ticks(_, times, axis, space, step) {
  let day = "", named = "";
  return times.map((each) => {
    if (each % 1) return "";  // a part of a second
    const today = date.format(at(each)), first = today !== day;
    const name = step >= DAY ? today : (step < MINUTE ? second : hour).format(at(each));
    if (name === named && !first) return "";
    day = today;
    named = name;
    return first && step < DAY ? `${name}\n${today}` : name;
  });
}

// The room of a label: how wide the language of whoever looks writes a time.
const FONT = "12px system-ui, sans-serif";
function room() {
  const context = document.createElement("canvas").getContext("2d");
  context.font = FONT;
  const late = new Date(2026, 10, 30, 22, 58, 58);
  return Math.ceil(Math.max(...[hour, second, date].map((each) => context.measureText(each.format(late)).width))) + 20;
}

function colour(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function draw() {
  const table = document.querySelector("table[data-chart]"), place = document.getElementById("chart");
  if (!table || !place) return;
  const data = dataOf(table);
  place.hidden = !data[0].length;
  if (place.hidden) return;
  if (chart) return chart.setData(data);
  const line = () => colour("--line"), text = () => colour("--dim");
  const axis = { stroke: text, grid: { stroke: line }, ticks: { stroke: line } };
  chart = new uPlot({
    width: place.clientWidth, height: 260,
    series: [{ label: "time", value: (_, time) => time == null ? "--" : moment.format(at(time)) }, ...STAGES.map(([label, name], place) => ({ label, stroke: () => colour(name), width: 2, dash: place % 2 ? [] : [6, 3] }))],
    axes: [{ ...axis, font: FONT, space: room(), incrs: STEPS, values: ticks }, { ...axis, size: 70, values: (_, ticks) => ticks.map((each) => Number.isInteger(each) ? each.toLocaleString() : "") }],
    scales: { y: { range: (_, low, high) => [0, Math.max(high, 1)] } },
  }, data, place);
  new ResizeObserver(() => chart.setSize({ width: place.clientWidth, height: 260 })).observe(place);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart.redraw());
}
draw();
document.addEventListener("htmx:load", (event) => {
  if (event.target.id === "timeline") draw();
});
