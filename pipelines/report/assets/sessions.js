// The sessions as a table in pages, searched and sorted here, each row with its entry and its diff.

const PAGE = 50;
const PART = 400;
const SIGNS = { PASS: "\u25cf", PARTIAL: "\u25d0", FAIL: "\u2715", UNKNOWN: "\u25cb" };
const COLUMNS = [
  { name: "Time", of: (s) => s.key, descending: true },
  { name: "Task", of: (s) => s.task.toLowerCase() },
  { name: "Agent", of: (s) => s.agent.toLowerCase(), kind: "wide-only" },
  { name: "Status", of: (s) => data.statuses.indexOf(s.status) },
  { name: "Lines", of: (s) => lineCount(s), kind: "number wide-only", descending: true },
  { name: "Time taken", of: (s) => s.minutes, kind: "number wide-only", descending: true },
  { name: "v1 tokens", of: (s) => s.v1, kind: "number wide-only", descending: true },
];

const sessions = data.sessions.map((row, place) => {
  const session = { place };
  data.fields.forEach((field, i) => { session[field] = row[i]; });
  return session;
});
const view = { rows: sessions, page: 0, column: 0, descending: true, open: new Set() };

function lineCount(s) {
  return s.added === null && s.removed === null ? null : (s.added || 0) + (s.removed || 0);
}

function haystack(s) {
  if (s.text === undefined) {
    s.text = [s.key, s.task, s.agent, s.status, s.remark, s.title, s.notes].join("\n").toLowerCase();
  }
  return s.text;
}

/** What fits the filters, in the order of the chosen column; unknown values last. */
function select() {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const agent = byId("agent").value;
  const status = byId("status").value;
  const { of } = COLUMNS[view.column];
  const sign = view.descending ? -1 : 1;
  view.rows = sessions.filter((s) => (!agent || s.agent === agent) && (!status || s.status === status)
    && words.every((word) => haystack(s).includes(word)));
  view.rows.sort((a, b) => {
    const x = of(a);
    const y = of(b);
    if (x === y) return a.key < b.key ? 1 : -1;
    if (x === null || y === null) return x === null ? 1 : -1;
    return x < y ? -sign : sign;
  });
  view.page = 0;
}

/** A reference entry as AGENT_PROGRESS_LOG_v2.md has it. */
function entry(s) {
  const remark = s.remark ? ` (${s.remark})` : "";
  return `### [REF:${s.key}:${s.agent}:${s.task}]\nStatus: ${s.status}${remark}\nMetrics: ${s.metrics}\n`
    + `Diff: ${s.diff || "none"}${s.notes ? `\nNotes: ${s.notes}` : ""}`;
}

function kindOf(line) {
  if (/^(diff |index |\+\+\+ |--- |rename |similarity |new file|deleted file|old mode|new mode)/.test(line)) return "line file";
  if (line.startsWith("@@")) return "line hunk";
  return line.startsWith("+") ? "line add" : line.startsWith("-") ? "line del" : "line";
}

/** A diff, line by line; parts that are not in sight are not laid out. */
function diff(s) {
  const text = JSON.parse(byId(`diff-${s.place}`).textContent);
  const lines = text.replace(/\n$/, "").split("\n");
  const pre = el("pre");
  for (let start = 0; start < lines.length; start += PART) {
    const part = el("span", { class: "part" });
    const some = lines.slice(start, start + PART);
    part.style.containIntrinsicSize = `auto ${Math.round(some.length * 18.2)}px`;
    part.append(...some.map((line) => el("span", { class: kindOf(line) }, line, "\n")));
    pre.append(part);
  }
  return el("div", { class: "diff", tabindex: "0", role: "region", "aria-label": `Diff of ${s.key}` }, pre);
}

function diffPart(s) {
  if (s.diff === null) return el("p", {}, "This session has no diff.");
  if (!byId(`diff-${s.place}`)) {
    const why = data.with_diffs ? "The diff is not in this report." : "Diffs are not in this report.";
    return el("p", {}, `${why} To see it: `, el("code", {}, `session-codec show ${s.key} --diff`));
  }
  const place = el("div");
  const label = (shown) => `${shown ? "Hide" : "Show"} the diff (${bytes(s.bytes)})`;
  const button = el("button", { type: "button", class: "button", "aria-expanded": "false" }, label(false));
  button.addEventListener("click", () => {
    const shown = !place.firstChild;
    place.replaceChildren(...(shown ? [diff(s)] : []));
    button.textContent = label(shown);
    button.setAttribute("aria-expanded", String(shown));
  });
  return el("div", {}, button, place);
}

function detail(s) {
  return el("tr", { class: "detail", id: `entry-${s.place}` }, el("td", { colspan: String(COLUMNS.length) },
    s.title && s.title !== s.task ? el("p", { class: "title" }, s.title) : null,
    el("pre", { class: "entry" }, entry(s)), diffPart(s)));
}

function shownLines(s) {
  if (lineCount(s) === null) return "\u2013";
  return `+${whole.format(s.added || 0)} \u2212${whole.format(s.removed || 0)}`;
}

function row(s) {
  const open = view.open.has(s.place);
  const button = el("button", { type: "button", class: "open", "aria-expanded": String(open), "data-key": s.key },
    el("span", {}, s.task));
  button.addEventListener("click", () => toggle(s, button));
  const [date, clock] = [s.key.slice(0, 10), s.key.slice(11, 16)];
  const sign = el("i", { "aria-hidden": "true" }, SIGNS[s.status]);
  const cells = [
    el("td", { class: "time", title: s.key }, date, el("span", {}, clock ? ` ${clock}` : "")),
    el("td", {}, button),
    el("td", { class: "wide-only" }, s.agent),
    el("td", {}, el("span", { class: `status ${s.status}` }, sign, s.status)),
    el("td", { class: "number wide-only" }, shownLines(s)),
    el("td", { class: "number wide-only" }, s.minutes === null ? "\u2013" : minutes(s.minutes)),
    el("td", { class: "number wide-only" }, s.v1 === null ? "\u2013" : whole.format(s.v1)),
  ];
  return [el("tr", { class: "session" }, ...cells), ...(open ? [detail(s)] : [])];
}

function toggle(s, button) {
  const line = button.closest("tr");
  const open = !view.open.delete(s.place);
  if (open) {
    view.open.add(s.place);
    line.after(detail(s));
  } else {
    line.nextElementSibling.remove();
  }
  button.setAttribute("aria-expanded", String(open));
}

function turn(to) {
  view.page = to;
  showRows();
  byId("sessions").scrollIntoView();
}

function showRows() {
  const pages = Math.max(1, Math.ceil(view.rows.length / PAGE));
  const first = view.page * PAGE;
  const some = view.rows.slice(first, first + PAGE);
  byId("rows").replaceChildren(...some.flatMap(row));
  const all = plural(sessions.length, "session");
  byId("count").textContent = view.rows.length === sessions.length ? all
    : `${whole.format(view.rows.length)} of ${all}`;
  const button = (name, to, possible) => {
    const made = el("button", { type: "button", class: "button", onclick: () => turn(to) }, name);
    made.disabled = !possible;
    return made;
  };
  byId("pager").replaceChildren(...(pages < 2 ? [] : [
    button("First", 0, view.page > 0),
    button("Previous", view.page - 1, view.page > 0),
    el("p", {}, `Page ${whole.format(view.page + 1)} of ${whole.format(pages)}`),
    button("Next", view.page + 1, view.page < pages - 1),
    button("Last", pages - 1, view.page < pages - 1),
  ]));
}

function showColumns() {
  byId("columns").replaceChildren(...COLUMNS.map((column, i) => {
    const chosen = i === view.column;
    const button = el("button", { type: "button", class: "sort" }, column.name);
    button.addEventListener("click", () => {
      view.descending = chosen ? !view.descending : Boolean(column.descending);
      view.column = i;
      refresh();
      showColumns();
      byId("columns").children[i].firstChild.focus();
    });
    const order = chosen ? (view.descending ? "descending" : "ascending") : "none";
    return el("th", { scope: "col", class: column.kind || "", "aria-sort": order }, button);
  }));
}

function refresh() {
  select();
  showRows();
}

/** Open a session in the table and bring it into sight. */
function reveal(key) {
  for (const name of ["search", "agent", "status"]) byId(name).value = "";
  select();
  const at = view.rows.findIndex((s) => s.key === key);
  if (at < 0) return;
  view.open.add(view.rows[at].place);
  view.page = Math.floor(at / PAGE);
  showRows();
  const button = byId("rows").querySelector(`[data-key="${CSS.escape(key)}"]`);
  button.focus({ preventScroll: true });
  button.closest("tr").scrollIntoView({ block: "start" });
}

function startSessions() {
  for (const name of ["agent", "status"]) {
    const counts = new Map();
    for (const s of sessions) counts.set(s[name], (counts.get(s[name]) || 0) + 1);
    const names = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a) || (a < b ? -1 : 1));
    byId(name).append(...names.map((n) => el("option", { value: n }, `${n} (${whole.format(counts.get(n))})`)));
    byId(name).addEventListener("change", refresh);
  }
  byId("search").addEventListener("input", refresh);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  showColumns();
  refresh();
}
