// Charts with their figures beside them as a table, in the colours of the page.

const drawn = [];
const styles = () => getComputedStyle(document.documentElement);
const colour = (name) => styles().getPropertyValue(`--${name}`).trim();

/**
 * A chart in a figure: title, a line of what it shows, legend, drawing, table.
 * series: [{name, colour, values, total}]; show: a value as text; tick: a value on the axis.
 */
function chart({ title, about, kind, labels, series, show, tick, stacked, summary }) {
  const canvas = el("canvas", { role: "img", "aria-label": `${title}. ${summary}` });
  const legend = series.map((s) => {
    const swatch = el("span", { class: "swatch", "aria-hidden": "true" });
    swatch.style.background = `var(--${s.colour})`;
    return el("li", {}, swatch, s.total ? `${s.name}: ${s.total}` : s.name);
  });
  const rows = el("div");
  const figures = el("details", { class: "data" }, el("summary", {}, "As a table",
    el("span", { class: "hidden" }, `: ${title}`)), rows);
  figures.addEventListener("toggle", () => {
    if (rows.firstChild || !figures.open) return;
    const unit = data.periods.unit;
    const columns = [[unit === "week" ? "Week of" : unit === "month" ? "Month" : "Year"],
      ...series.map((s) => [s.name, "number"])];
    const made = table(title, columns, labels.map((label, i) =>
      [period(label), ...series.map((s) => show(s.values[i]))]));
    made.tabIndex = 0;
    made.setAttribute("role", "region");
    made.setAttribute("aria-label", `${title}, as a table`);
    rows.append(made);
  });
  drawn.push({ canvas, kind, labels, series, show, tick: tick || compact.format, stacked });
  return el("figure", {}, el("figcaption", {}, el("h3", {}, title), el("p", {}, about)),
    el("ul", { class: "legend" }, ...legend), el("div", { class: "canvas" }, canvas), figures);
}

function options(spec) {
  const soft = colour("soft");
  const font = { family: styles().getPropertyValue("--sans"), size: 12 };
  const unit = data.periods.unit;
  return {
    animation: false,
    responsive: true,
    maintainAspectRatio: false,
    interaction: { mode: "index", intersect: false },
    plugins: {
      legend: { display: false },
      tooltip: {
        backgroundColor: colour("ink"), titleColor: colour("paper"), bodyColor: colour("paper"),
        titleFont: { ...font, weight: "600" }, bodyFont: font, padding: 10, boxPadding: 4,
        callbacks: {
          title: (items) => (unit === "week" ? "Week of " : "") + period(spec.labels[items[0].dataIndex]),
          label: (item) => ` ${item.dataset.label}: ${spec.show(item.raw)}`,
        },
      },
    },
    scales: {
      x: {
        stacked: spec.stacked,
        offset: spec.kind === "bar" || spec.labels.length < 2,
        grid: { display: false },
        border: { display: false },
        ticks: {
          color: soft, font, maxRotation: 0, autoSkip: true, autoSkipPadding: 16, maxTicksLimit: 6,
          callback: (_, i) => period(spec.labels[i]),
        },
      },
      y: {
        stacked: spec.stacked,
        beginAtZero: true,
        grid: { color: (line) => (line.tick.value === 0 ? soft : colour("rule")), drawTicks: false },
        border: { display: false },
        ticks: { color: soft, font, padding: 8, maxTicksLimit: 6, precision: 0, callback: (v) => spec.tick(v) },
      },
    },
  };
}

function datasets(spec) {
  return spec.series.map((s) => {
    const shade = colour(s.colour);
    if (spec.kind === "line") {
      const alone = s.values.length < 2;
      return {
        label: s.name, data: s.values, borderColor: shade, backgroundColor: shade, borderWidth: 2,
        pointRadius: alone ? 4 : 0, pointHoverRadius: 4, tension: 0,
      };
    }
    return {
      label: s.name, data: s.values, backgroundColor: shade, borderColor: colour("paper"),
      borderWidth: spec.stacked && spec.labels.length < 80 ? { top: 1 } : 0, borderSkipped: false,
      maxBarThickness: 44, categoryPercentage: 0.9, barPercentage: 0.92,
    };
  });
}

function draw() {
  for (const spec of drawn) {
    if (spec.chart) spec.chart.destroy();
    spec.chart = new Chart(spec.canvas, {
      type: spec.kind,
      data: { labels: spec.labels, datasets: datasets(spec) },
      options: options(spec),
    });
  }
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
