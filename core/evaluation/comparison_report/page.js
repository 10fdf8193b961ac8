"use strict";
// Draws every chart from the JSON beside it. Colours of text and lines come from the style sheet.
const charts = [...document.querySelectorAll(".chart")];
const drawings = charts.map((chart) => {
  const figure = JSON.parse(document.getElementById(chart.dataset.figure).textContent);
  chart.dataset.height = figure.layout.height;
  return Plotly.newPlot(chart, figure.data, figure.layout, { responsive: true, displayModeBar: false });
});
Promise.all(drawings).then(() => { document.documentElement.dataset.drawn = charts.length; });

// A page of paper is narrower than most windows, has room for fewer rows, and prints no closed details.
const WIDE = 660;
const NARROW = 320;
const SHORTER = 0.75;
let closed = [];

function resize(chart, height, size) {
  chart.style.height = `${height}px`;
  Plotly.relayout(chart, { height, ...size });
}

addEventListener("beforeprint", () => {
  closed = [...document.querySelectorAll("details:not([open])")];
  for (const each of closed) each.open = true;
  for (const chart of charts) {
    const width = chart.closest(".half") ? NARROW : WIDE;
    resize(chart, Math.round(chart.dataset.height * SHORTER), { autosize: false, width });
  }
});
addEventListener("afterprint", () => {
  for (const each of closed) each.open = false;
  for (const chart of charts) resize(chart, Number(chart.dataset.height), { autosize: true, width: null });
});
