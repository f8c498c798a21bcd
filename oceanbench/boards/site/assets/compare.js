// Comparisons of the chosen rows, from all pairs of the board that the page holds.
"use strict";

const board = JSON.parse(document.getElementById("pairs").textContent);
const chosen = new URLSearchParams(window.location.search)
  .getAll("row")
  .map((name) => board.names.indexOf(name))
  .filter((place, i, all) => place >= 0 && all.indexOf(place) === i)
  .sort((a, b) => a - b);

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
  return made;
}

function number(value, digits) {
  if (value === null) return "–";
  return value !== 0 && Math.abs(value) < 0.5 * 10 ** -digits ? value.toPrecision(2) : value.toFixed(digits);
}

function between(value, low, high, digits) {
  if (low === null) return number(value, digits);
  return `${number(value, digits)} [${number(low, digits)}, ${number(high, digits)}]`;
}

function bar(difference, low, high) {
  if (difference === null) return "";
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const ends = low === null ? [difference, difference] : [low, high];
  const most = Math.max(...ends.map(Math.abs), Math.abs(difference)) || 1;
  const place = (value) => 36 + (30 * value) / most;
  const parts = [
    ["line", { x1: 36, x2: 36, y1: 1, y2: 11, class: "zero" }],
    ["line", { x1: place(ends[0]), x2: place(ends[1]), y1: 6, y2: 6 }],
    ["circle", { cx: place(difference), cy: 6, r: 3 }],
  ];
  Object.entries({ class: "bar", viewBox: "0 0 72 12", width: 72, height: 12, "aria-hidden": "true" })
    .forEach(([name, value]) => svg.setAttribute(name, value));
  parts.forEach(([tag, attributes]) => {
    const part = document.createElementNS("http://www.w3.org/2000/svg", tag);
    Object.entries(attributes).forEach(([name, value]) => part.setAttribute(name, value));
    svg.append(part);
  });
  return svg;
}

function table(first, second, differences) {
  const [one, other] = [board.names[first], board.names[second]];
  const made = element("table", "");
  made.append(element("caption", `${one} against ${other}`));
  const head = made.createTHead().insertRow();
  ["score", `${one} is`, "difference", "around zero", one, other, "ratio"].forEach((text, i) =>
    head.append(element("th", text, { scope: "col", class: [2, 4, 5, 6].includes(i) ? "number" : "" }))
  );
  const body = made.createTBody();
  differences.forEach(([place, difference, low, high, ratio, least, most, verdict]) => {
    const score = board.scores[place];
    const row = body.insertRow();
    row.append(element("th", score.heading, { scope: "row" }));
    row.insertCell().append(element("span", verdict, { class: "verdict", "data-verdict": verdict }));
    row.append(element("td", between(difference, low, high, score.digits + 1), { class: "number" }));
    row.insertCell().append(bar(difference, low, high));
    [first, second].forEach((side) =>
      row.append(element("td", number(score.values[side], score.digits), { class: "number" }))
    );
    row.append(element("td", between(ratio, least, most, 2), { class: "number" }));
  });
  const region = element("div", "", { class: "wide", tabindex: "0", role: "region", "aria-label": `${one} against ${other}` });
  region.append(made);
  return region;
}

const place = document.getElementById("comparisons");
if (chosen.length > 1) {
  document.querySelector("details.chosen").open = false;
  board.pairs
    .filter(([first, second]) => chosen.includes(first) && chosen.includes(second))
    .forEach(([first, second, differences]) => place.append(table(first, second, differences)));
  const names = chosen.map((one) => board.names[one]);
  const charts = board.charts
    .map((chart) => ({
      ...chart,
      lines: Object.fromEntries(names.filter((n) => n in chart.lines).map((n) => [n, chart.lines[n]])),
    }))
    .filter((chart) => Object.keys(chart.lines).length > 0);
  drawCharts(document.querySelector("figure.charts"), charts);
}
