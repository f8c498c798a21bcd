// Charts by uPlot: one figure holds several, of which a list chooses one.
"use strict";

const COLOURS = ["#2a8bd4", "#e07a2f", "#2ca58d", "#c0508f", "#8a6fd1", "#b8951d", "#d1495b", "#5f7f8f"];
const ALONG = { time: "", window: "window", lead: "lead [days]", case: "case" };
const HEIGHT = 320;
const HALF_A_DATE = 54; // pixels: the last one stands at the right edge
const short = (number) => String(Number(number.toPrecision(6)));
const date = (seconds) => new Date(seconds * 1e3).toISOString().slice(0, 16).replace("T00:00", "").replace("T", " ");

function drawCharts(figure, charts) {
  const select = figure.querySelector("select");
  const plot = figure.querySelector(".plot");
  figure.hidden = charts.length === 0;
  if (figure.hidden) return;
  select.replaceChildren(...charts.map((chart, i) => new Option(chart.title, i)));
  select.closest("label").hidden = charts.length === 1;
  let drawn = null;

  function draw() {
    const chart = charts[select.value];
    const names = Object.keys(chart.lines);
    const style = getComputedStyle(plot);
    const pencil = { stroke: style.color, grid: { stroke: style.borderTopColor, width: 1 }, ticks: { stroke: style.borderTopColor, width: 1 } };
    const loose = chart.along === "window" || chart.along === "case";
    drawn?.destroy();
    drawn = new uPlot(
      {
        width: Math.max(240, plot.clientWidth),
        height: HEIGHT,
        padding: [null, chart.along === "time" ? HALF_A_DATE : null, null, null],
        tzDate: (ts) => uPlot.tzDate(new Date(ts * 1e3), "Etc/UTC"),
        scales: { x: { time: chart.along === "time" } },
        axes: [
          {
            ...pencil,
            label: ALONG[chart.along],
            labelSize: ALONG[chart.along] ? 24 : 0,
            ...(chart.along === "time" && { space: 90, values: (_, places) => places.map(date) }),
          },
          {
            ...pencil,
            label: chart.title + (chart.unit ? ` [${chart.unit}]` : ""),
            values: (_, places) => places.map((place) => (place === null ? "" : short(place))),
            size: (_, texts) => Math.max(68, 20 + 7 * Math.max(0, ...(texts ?? []).map((text) => text.length))),
            labelSize: 24,
          },
        ],
        series: [
          { label: chart.along, ...(chart.along === "time" && { value: (_, place) => (place === null ? "–" : date(place)) }) },
          ...names.map((name, i) => ({
            label: name,
            value: (_, number) => (number === null ? "–" : short(number)),
            stroke: COLOURS[i % COLOURS.length],
            width: loose ? 0 : 2,
            dash: i < COLOURS.length ? undefined : [6, 4],
            spanGaps: chart.along === "lead",
            points: { show: loose || chart.along === "lead", size: 6, fill: COLOURS[i % COLOURS.length] },
          })),
        ],
      },
      [chart.places, ...names.map((name) => chart.lines[name])],
      plot
    );
    plot.setAttribute("aria-label", `${chart.title}: ${names.join(", ")}`);
  }

  select.onchange = draw;
  draw();
  document.addEventListener("themechange", draw);
  let width = plot.clientWidth;
  new ResizeObserver(() => {
    if (plot.clientWidth !== width) {
      width = plot.clientWidth;
      drawn.setSize({ width: Math.max(240, width), height: HEIGHT });
    }
  }).observe(plot);
}

document.querySelectorAll("figure.charts").forEach((figure) => {
  drawCharts(figure, JSON.parse(figure.querySelector("script").textContent));
});
