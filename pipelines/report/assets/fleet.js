// The page of a fleet: sums, findings, agents, tasks, and a table of repositories in pages.

const GOOD = new Set(["done", "absent", null]);
const repositories = data.repositories.map((row) => {
  const made = {};
  data.fields.forEach((field, i) => { made[field] = row[i]; });
  made.saved = made.window_before === null ? null : made.window_before - made.window_after;
  made.person = !GOOD.has(made.outcome);
  return made;
});
const sum = (field) => repositories.reduce((total, r) => total + (r[field] || 0), 0);

/** The worst first: what failed, then findings, then failed sessions. */
function badness(r) {
  const failed = r.person && r.outcome !== "findings";
  return (failed ? 1e12 : 0) + (r.findings || 0) * 1e6 + (r.failed || 0);
}

const COLUMNS = [
  { name: "Repository", of: (r) => r.repository.toLowerCase() },
  { name: "State", of: badness, descending: true },
  { name: "Sessions", of: (r) => r.sessions, kind: "number", descending: true },
  { name: "Failed", of: (r) => r.failed, kind: "number wide-only", descending: true },
  { name: "Last", of: (r) => r.last_date, kind: "time wide-only", descending: true },
  { name: "Tokens spent", of: (r) => r.tokens_used, kind: "number wide-only", descending: true },
  { name: "Saved per start", of: (r) => r.saved, kind: "number", descending: true },
];

function number(value) {
  return value === null || value === undefined ? "\u2013" : whole.format(value);
}

function tile(name, value, more) {
  return el("div", {}, el("dt", {}, name), el("dd", {}, value, el("small", {}, more)));
}

function showHead() {
  byId("name").textContent = data.name;
  byId("about").textContent = `${plural(repositories.length, "repository", "repositories")}, `
    + `generated ${data.made.slice(0, 10)}. Unknown figures are left out of sums.`;
}

function showHero() {
  const known = repositories.filter((r) => r.saved !== null);
  const before = known.reduce((total, r) => total + r.window_before, 0);
  const after = known.reduce((total, r) => total + r.window_after, 0);
  if (!before) {
    byId("hero").replaceChildren(el("p", { class: "says" }, "No repository has figures for savings."));
    return;
  }
  const figure = el("p", { class: after > before ? "figure more" : "figure" },
    percent(100 * (before - after) / before));
  const says = `fewer tokens when an agent starts, in ${plural(known.length, "repository", "repositories")}: `
    + `${compact.format(before)} become ${compact.format(after)}.`;
  byId("hero").replaceChildren(figure, el("p", { class: "says" }, says));
}

function showTiles() {
  const adopted = repositories.filter((r) => r.sessions).length;
  const share = repositories.length ? percent(100 * adopted / repositories.length) : "\u2013";
  const person = repositories.filter((r) => r.person).length;
  const spent = sum("tokens_used");
  const cost = data.usd_per_million === null ? "price not given"
    : `about USD ${whole.format(spent * data.usd_per_million / 1e6)}`;
  byId("tiles").replaceChildren(
    tile("Adoption", share, `${whole.format(adopted)} of ${whole.format(repositories.length)} have sessions`),
    tile("Sessions", whole.format(sum("sessions")), `${whole.format(sum("private_sessions"))} more are private`),
    tile("Needs attention", whole.format(person), `of ${plural(repositories.length, "repository", "repositories")}`),
    tile("Failed sessions", whole.format(sum("failed")), `of ${whole.format(sum("sessions"))}`),
    tile("Tokens spent", spent ? compact.format(spent) : "\u2013", cost),
    tile("Files", bytes(sum("file_bytes") + sum("archive_bytes")), "tracked files and archives"),
  );
}

/** A table that scrolls with the keyboard as well. */
function listed(title, columns, rows) {
  const made = table(title, columns, rows);
  made.setAttribute("tabindex", "0");
  made.setAttribute("role", "region");
  made.setAttribute("aria-label", title);
  return made;
}

function showFindings() {
  const rows = data.findings.map((f) => [f.repository, f.verb, f.outcome, number(f.findings), f.codes || ""]);
  byId("findings").replaceChildren(rows.length
    ? listed("Findings", [["Repository"], ["Verb"], ["Outcome"], ["Findings", "number"], ["Codes"]], rows)
    : el("p", { class: "empty" }, "No findings: every verb succeeded in every repository."));
  if (data.findings_total > rows.length) {
    byId("findings").append(el("p", { class: "count" },
      `The worst ${whole.format(rows.length)} of ${whole.format(data.findings_total)}; the table below has all repositories.`));
  }
}

function part(title, columns, rows, empty) {
  const body = rows.length ? listed(title, columns, rows) : el("p", { class: "empty" }, empty);
  return el("div", {}, el("h3", {}, title), body);
}

function showWork() {
  const agents = data.agents.map((a) => [a.agent, number(a.sessions), number(a.failed),
    a.known ? percent(100 * a.passed / a.known) : "\u2013", number(a.tokens)]);
  const tasks = data.tasks.map((t) => [t.task, t.repository, number(t.failed), t.last_date]);
  byId("work").replaceChildren(
    part("Agents", [["Agent"], ["Sessions", "number"], ["Failed", "number"], ["Passed", "number"],
      ["Tokens", "number wide-only"]], agents, "No sessions."),
    part("Tasks", [["Task"], ["Repository"], ["Failed", "number"], ["Last", "time wide-only"]], tasks,
      "No task failed."),
  );
}

function showMonths() {
  const most = Math.max(1, ...data.months.map((m) => m.sessions));
  const rows = data.months.map((m) => el("tr", {},
    el("th", { scope: "row" }, m.month),
    el("td", { class: "number" }, number(m.sessions)),
    el("td", { class: "wide" }, bar(m.sessions / most, "plain"))));
  byId("months").replaceChildren(rows.length
    ? el("table", {}, el("caption", { class: "hidden" }, "Sessions by month"),
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Month"),
        el("th", { scope: "col", class: "number" }, "Sessions"), el("td", {}))),
      el("tbody", {}, ...rows))
    : el("p", { class: "empty" }, "No sessions."));
}

/** Return what decides whether the filters let a repository through. */
function fits() {
  const words = searched();
  const state = { "": () => true, person: (r) => r.person, failing: (r) => r.failed > 0, none: (r) => !r.sessions }[byId("state").value];
  return (r) => state(r)
    && words.every((w) => `${r.repository}\n${r.outcome || ""}\n${r.codes || ""}`.toLowerCase().includes(w));
}

function row(r) {
  const state = r.person ? `${r.outcome}${r.codes ? `: ${r.codes}` : ""}` : r.outcome === null ? "\u2013" : "fine";
  return [el("tr", { class: "session" },
    el("th", { scope: "row" }, r.repository),
    el("td", { class: r.person ? "status FAIL" : "status" },
      el("i", { "aria-hidden": "true" }, r.person ? "\u2715" : "\u25cf"), state),
    el("td", { class: "number" }, number(r.sessions)),
    el("td", { class: "number wide-only" }, number(r.failed)),
    el("td", { class: "time wide-only" }, r.last_date || "\u2013"),
    el("td", { class: "number wide-only" }, number(r.tokens_used)),
    el("td", { class: "number" }, number(r.saved)))];
}

showHead();
showHero();
showTiles();
showFindings();
showWork();
showMonths();
new PagedTable(repositories, COLUMNS, {
  nouns: ["repository", "repositories"],
  title: "repositories-title",
  column: 1,
  fits,
  before: (a, b) => a.repository < b.repository,
  row,
}).start(["state"]);
document.documentElement.dataset.ready = "";
