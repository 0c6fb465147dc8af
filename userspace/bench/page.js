// SPDX-License-Identifier: Apache-2.0
// Draws the charts of the page: Chart.js configurations from the JSON beside each canvas (charts.h).
"use strict";
(() => {
  const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const colourOf = (arm) => variable(arm) || variable("ink");
  const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 }).format;

  // Marks of a logarithmic axis: 1, 2, 5 times powers of ten; of many decades only the powers, within one more.
  function logarithmicMarks(axis) {
    const wide = axis.max / axis.min;
    const steps = wide > 1000 ? [1] : wide > 10 ? [1, 2, 5] : [1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9];
    const marks = [];
    for (let power = Math.floor(Math.log10(axis.min)); 10 ** power <= axis.max; ++power)
      for (const step of steps) {
        const value = Number(`${step}e${power}`);
        if (value >= axis.min && value <= axis.max) marks.push({ value });
      }
    axis.ticks = marks;
  }

  function scale(axis, values) {
    const result = {
      type: axis.logarithmic ? "logarithmic" : "linear",
      title: { display: Boolean(axis.title), text: axis.title },
      grid: { color: variable("rule"), borderColor: variable("soft"), drawTicks: false },
      ticks: { callback: short, maxTicksLimit: 8, maxRotation: 0, padding: 6, includeBounds: false },
    };
    if (axis.ends) [result.min, result.max] = axis.ends;
    if (axis.logarithmic) {
      const positive = values.filter((value) => value > 0);
      result.min ??= Math.min(...positive) / 1.1;
      result.max ??= Math.max(...positive) * 1.1;
      result.afterBuildTicks = logarithmicMarks;
    }
    return result;
  }

  // The values as text, in a column at the right.
  const valuesBeside = (texts) => ({
    id: "valuesBeside",
    beforeLayout(chart) {
      chart.ctx.font = Chart.helpers.toFont(Chart.defaults.font).string;
      const widest = Math.max(...texts.map((text) => chart.ctx.measureText(text).width));
      chart.options.layout.padding = { right: widest + 10 };
    },
    afterDatasetsDraw(chart) {
      const { ctx } = chart;
      ctx.save();
      ctx.font = Chart.helpers.toFont(Chart.defaults.font).string;
      ctx.fillStyle = variable("ink");
      ctx.textAlign = "right";
      ctx.textBaseline = "middle";
      chart.getDatasetMeta(0).data.forEach((bar, i) => ctx.fillText(texts[i], chart.width, bar.y));
      ctx.restore();
    },
  });

  function barChart(data) {
    const { bars } = data;
    const ends = bars.flatMap((bar) => [0, bar.value, ...(bar.interval ?? [])]);
    const interval = ({ interval: both }) => (both ? `, 95 %: ${both.map((end) => end.toFixed(2)).join(" to ")}` : "");
    return {
      type: "bar",
      data: {
        labels: bars.map((bar) => bar.arm),
        datasets: [
          { data: bars.map((bar) => bar.value), backgroundColor: bars.map((bar) => colourOf(bar.arm)), barPercentage: 0.8,
            categoryPercentage: 0.9, borderRadius: 2 },
          // The intervals: thin bars that begin and end with them.
          { data: bars.map((bar) => bar.interval ?? null), backgroundColor: variable("ink"), grouped: false,
            barThickness: 3, minBarLength: 2, order: -1 },
        ],
      },
      options: {
        indexAxis: "y",
        layout: {},
        interaction: { mode: "index", axis: "y", intersect: false },
        scales: {
          x: scale({ title: data.unit, ends: [Math.min(...ends), Math.max(...ends) * 1.02 || 1] }),
          y: { grid: { display: false, drawBorder: false }, ticks: { color: variable("ink"), autoSkip: false } },
        },
        plugins: {
          legend: { display: false },
          tooltip: {
            filter: (item) => item.datasetIndex === 0,
            callbacks: { label: (item) => bars[item.dataIndex].text + interval(bars[item.dataIndex]) },
          },
        },
      },
      plugins: [valuesBeside(bars.map((bar) => bar.text))],
    };
  }

  function lineChart(data) {
    const drawn = (x, y) => (x > 0 || !data.x.logarithmic) && (y > 0 || !data.y.logarithmic);
    const seen = {};
    const datasets = data.lines.map((line) => {
      const nth = (seen[line.arm] = (seen[line.arm] ?? -1) + 1); // a second line of an arm is dashed
      return {
        label: line.label,
        data: line.points.filter(([x, y]) => drawn(x, y)).map(([x, y]) => ({ x, y })),
        borderColor: colourOf(line.arm),
        backgroundColor: colourOf(line.arm),
        borderDash: [[], [7, 4], [2, 3], [10, 3, 2, 3]][nth % 4],
        borderWidth: 2,
        pointRadius: line.points.length > 20 ? 0 : 3,
      };
    });
    const points = datasets.flatMap((set) => set.data);
    return {
      type: "line",
      data: { datasets },
      options: {
        interaction: { mode: "nearest", intersect: false },
        scales: {
          x: scale(data.x, points.map((point) => point.x)),
          y: scale(data.y, points.map((point) => point.y)),
        },
        plugins: {
          legend: { position: "bottom", labels: { boxWidth: 16, boxHeight: 2, padding: 8, color: variable("ink") } },
          tooltip: {
            callbacks: {
              title: () => "",
              label: ({ dataset, raw }) => `${dataset.label}: ${short(raw.x)}, ${short(raw.y)}`,
            },
          },
        },
      },
    };
  }

  const makers = { bars: barChart, lines: lineChart };
  let charts = [];
  function draw() {
    for (const chart of charts) chart.destroy();
    Object.assign(Chart.defaults, { animation: false, maintainAspectRatio: false, color: variable("soft") });
    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    charts = [...document.querySelectorAll("figure.chart")].map((figure) => {
      const data = JSON.parse(figure.querySelector("script").textContent);
      return new Chart(figure.querySelector("canvas"), makers[data.type](data));
    });
  }
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
