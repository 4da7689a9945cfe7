"use strict";
// Numbers and times as a person reads them, and elements that take their text as text.

const data = JSON.parse(document.getElementById("data").textContent);

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 });
const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** An element; children are elements or texts, never markup. */
function el(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key === "class") made.className = value;
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((c) => c !== null && c !== undefined));
  return made;
}

function byId(id) {
  return document.getElementById(id);
}

/** Per cent, rounded down as `verify` does: no figure looks better than it is. */
function percent(value) {
  const shown = (Math.floor(value * 10 + 1e-9) / 10).toFixed(value === 100 ? 0 : 1);
  return `${shown.replace("-", "\u2212")} %`;
}

function plural(count, one, many) {
  return `${whole.format(count)} ${count === 1 ? one : many || `${one}s`}`;
}

function minutes(value) {
  const rounded = Math.round(value);
  if (rounded < 60) return `${rounded} min`;
  if (rounded >= 6000) return `${whole.format(rounded / 60)} h`;
  const rest = rounded % 60;
  return `${whole.format((rounded - rest) / 60)} h${rest ? ` ${rest} min` : ""}`;
}

function bytes(value) {
  if (value < 1000) return plural(value, "byte");
  const unit = value < 1e6 ? ["kB", 1e3] : value < 1e9 ? ["MB", 1e6] : ["GB", 1e9];
  return `${tenths.format(value / unit[1])} ${unit[0]}`;
}

/** `2025-11-06...` as 6 Nov 2025. */
function day(text) {
  return `${Number(text.slice(8, 10))} ${MONTHS[Number(text.slice(5, 7)) - 1]} ${text.slice(0, 4)}`;
}

function month(text) {
  return `${MONTHS[Number(text.slice(5, 7)) - 1]} ${text.slice(0, 4)}`;
}

/** The name of a period by its first day, as an axis has it. */
function period(start) {
  if (data.periods.unit === "week") return day(start);
  return data.periods.unit === "month" ? month(start) : start.slice(0, 4);
}

/** A table of rows of texts or elements; columns are [heading, class]. */
function table(caption, columns, rows) {
  const heads = columns.map(([text, kind]) => el("th", { scope: "col", class: kind || "" }, text));
  const body = rows.map((cells) => el("tr", {}, ...cells.map((cell, i) => {
    const kind = columns[i][1] || "";
    return i ? el("td", { class: kind }, cell) : el("th", { scope: "row", class: kind }, cell);
  })));
  return el("div", { class: "scroll" }, el("table", {}, el("caption", { class: "hidden" }, caption),
    el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...body)));
}

/** A bar from zero whose filled part is a share of its length. */
function bar(share, kind) {
  const filled = el("i");
  filled.style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
  return el("span", { class: `bar ${kind || ""}`, "aria-hidden": "true" }, filled);
}
