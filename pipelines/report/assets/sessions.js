// The sessions as a table in pages, searched and sorted here, each row with its entry and its diff.

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
const opened = new Set();
const view = new PagedTable(sessions, COLUMNS, {
  nouns: ["session"],
  title: "sessions",
  column: 0,
  fits,
  before: (a, b) => a.key > b.key,
  row,
});

function lineCount(s) {
  return s.added === null && s.removed === null ? null : (s.added || 0) + (s.removed || 0);
}

function haystack(s) {
  if (s.text === undefined) {
    s.text = [s.key, s.task, s.agent, s.status, s.remark, s.title, s.notes].join("\n").toLowerCase();
  }
  return s.text;
}

/** Return what decides whether the filters let a session through. */
function fits() {
  const words = searched();
  const agent = byId("agent").value;
  const status = byId("status").value;
  return (s) => (!agent || s.agent === agent) && (!status || s.status === status)
    && words.every((word) => haystack(s).includes(word));
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
  const open = opened.has(s.place);
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
  const open = !opened.delete(s.place);
  if (open) {
    opened.add(s.place);
    line.after(detail(s));
  } else {
    line.nextElementSibling.remove();
  }
  button.setAttribute("aria-expanded", String(open));
}

/** Open a session in the table and bring it into sight. */
function reveal(key) {
  for (const name of ["search", "agent", "status"]) byId(name).value = "";
  view.select();
  const at = view.rows.findIndex((s) => s.key === key);
  if (at < 0) return;
  opened.add(view.rows[at].place);
  view.page = Math.floor(at / PAGE);
  view.show();
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
  }
  view.start(["agent", "status"]);
}
