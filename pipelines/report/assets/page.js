// The parts of the page, from top to bottom.

const labels = data.periods.rows.map((row) => row.start);
const each = { week: "a week", month: "a month", year: "a year" }[data.periods.unit];
const sum = (values) => values.reduce((total, value) => total + value, 0);
const known = (field) => sessions.filter((s) => s[field] !== null);

function put(id, ...children) {
  byId(id).replaceChildren(...children);
}

function showHead() {
  byId("name").textContent = data.name;
  const keys = sessions.map((s) => s.key);
  const parts = [plural(sessions.length, "session")];
  if (sessions.length < data.every) parts[0] += ` of ${whole.format(data.every)}`;
  if (keys.length) {
    const [first, last] = [day(keys[0]), day(keys[keys.length - 1])];
    parts.push(first === last ? first : `${first} to ${last}`);
  }
  if (data.since || data.until) {
    parts.push(`asked for: ${data.since ? `from ${data.since}` : ""}${data.since && data.until ? " " : ""}`
      + `${data.until ? `up to ${data.until}` : ""}`);
  }
  parts.push(`made ${day(data.made)}, ${data.made.slice(11, 16)} UTC`);
  byId("about").textContent = parts.join(" \u00b7 ");
}

function gate(saved) {
  const window = saved.baselines[0];
  if (!saved.judged) {
    return `Gate not judged: the log is small, ${whole.format(window.before)} tokens where `
      + `${whole.format(saved.judged_from)} are needed.`;
  }
  return `Gate ${saved.met ? "met" : "NOT met"}: threshold ${saved.threshold} %.`;
}

function showHero() {
  if (!data.saved) {
    put("hero", el("p", { class: "figure" }, whole.format(sessions.length)),
      el("p", { class: "says" }, sessions.length === 1 ? "session" : "sessions"),
      el("p", { class: "gate" }, data.uncounted || "There are no sessions yet: there is nothing to compare."));
    return;
  }
  const window = data.saved.baselines[0];
  const less = window.saved >= 0;
  const number = percent(window.saved).replace(/^\u2212/, "").replace(/ %$/, "");
  put("hero",
    el("p", { class: less ? "figure" : "figure more" }, number, el("small", {}, "\u2009%")),
    el("p", { class: "says" }, `${less ? "fewer" : "more"} tokens when a session starts`, el("br"),
      el("strong", {}, whole.format(window.before)), " \u2192 ", el("strong", {}, whole.format(window.after))),
    el("p", { class: "gate" }, gate(data.saved)));
}

function tile(name, value, more) {
  return el("div", {}, el("dt", {}, name), el("dd", {}, value, more ? el("small", {}, more) : null));
}

function showTiles() {
  const passed = sessions.filter((s) => s.status === "PASS").length;
  const told = sessions.filter((s) => s.status !== "UNKNOWN").length;
  const timed = known("minutes");
  const lines = sessions.filter((s) => lineCount(s) !== null);
  const diffs = known("bytes");
  const packed = sum(data.archives.map((a) => a.diffs));
  const agents = new Set(sessions.map((s) => s.agent)).size;
  const tiles = [
    tile("Sessions", whole.format(sessions.length), plural(agents, "agent")),
    tile("Passed", told ? percent(100 * passed / told) : "\u2013",
      told ? `${whole.format(passed)} of ${whole.format(told)}` : "no status is known"),
    tile("Time", timed.length ? minutes(sum(timed.map((s) => s.minutes))) : "\u2013",
      `known of ${plural(timed.length, "session")}`),
    tile("Lines added", lines.length ? whole.format(sum(lines.map((s) => s.added || 0))) : "\u2013",
      `known of ${plural(lines.length, "session")}`),
    tile("Lines removed", lines.length ? whole.format(sum(lines.map((s) => s.removed || 0))) : "\u2013",
      `known of ${plural(lines.length, "session")}`),
    tile("Diffs", diffs.length ? bytes(sum(diffs.map((s) => s.bytes))) : "\u2013",
      diffs.length ? `${whole.format(diffs.length)}, ${whole.format(packed)} of them archived` : "no session has one"),
  ];
  put("tiles", ...tiles);
}

/** The heading of a column of bars: their figures stand beside them. */
function shape() {
  return el("span", { class: "hidden" }, "As a bar");
}

function showBaselines() {
  if (!data.saved) {
    byId("baselines-lead").textContent = "";
    put("baselines", el("p", { class: "empty" }, data.uncounted
      || "There are no sessions yet: there is nothing to compare."));
    return;
  }
  byId("baselines-lead").textContent = `As \u2018session-codec verify\u2019 prints it for the whole workspace; `
    + `tokens by ${data.tokenizer}, \u2018words\u2019 in words. The bar is what it cost before, its filled part what it costs now.`;
  const named = (b) => el("span", {}, el("strong", {}, b.name), el("small", {}, b.what.replace("->", "\u2192")));
  const rows = data.saved.baselines.map((b) => [named(b), whole.format(b.before), whole.format(b.after),
    bar(b.before ? b.after / b.before : 0), percent(b.saved)]);
  put("baselines", table("What is saved, by baseline", [["Baseline"], ["Before", "number"], ["After", "number"],
    [shape(), "wide wide-only"], ["Saved", "number"]], rows),
    ...data.saved.over.map((text) => el("p", { class: "notice" }, `Over budget: ${text}`)));
}

/** The values of the course at every period: what was last reached stays. */
function reached(field) {
  const by = new Map(data.course.map((c) => [c.start, c[field]]));
  let last = 0;
  return labels.map((label) => (last = by.has(label) ? by.get(label) : last));
}

function showTokens() {
  if (!data.course.length) {
    put("tokens", el("p", { class: "empty" }, "There are no sessions to draw."));
    return;
  }
  byId("tokens-lead").textContent = `Tokens by ${data.tokenizer}, at the end of ${each.replace("a ", "each ")}, with the `
    + "references of today." + (data.recorded ? ` ${plural(data.recorded, "session")} never stood in a v1 log: what `
    + "they would have cost there is estimated from patch and entry." : "");
  const tokens = (value) => `${whole.format(value)} tokens`;
  const end = (values) => whole.format(values[values.length - 1]);
  const both = (title, about, before, after) => {
    const series = [{ name: "v2", colour: "v2", ...after, total: `${after.name}, ${end(after.values)}` }];
    if (data.saved) series.unshift({ name: "v1", colour: "v1", ...before, total: `${before.name}, ${end(before.values)}` });
    for (const s of series) [s.name, s.total] = [s.colour, s.total];
    const summary = series.map((s) => `${s.total} tokens at the end`).join("; ");
    return chart({ title, about, kind: "line", labels, series, show: tokens, summary });
  };
  put("tokens",
    both("When a session starts", "Tokens that an agent reads",
      { name: "the last 5 sessions", values: reached("window") }, { name: "context", values: reached("context") }),
    both("All that there is", "Tokens of everything, were it read as a whole",
      { name: "all sessions", values: reached("log") }, { name: "references and all deltas", values: reached("files") }));
}

function stacks(title, names, colours, field) {
  const column = (i) => data.periods.rows.map((row) => row[field][i]);
  const series = names.map((name, i) => ({
    name, colour: colours[i], values: column(i), total: whole.format(sum(column(i))),
  })).filter((s) => sum(s.values));
  return chart({
    title, about: `Sessions ${each}`, kind: "bar", stacked: true, labels, series,
    show: (value) => whole.format(value), summary: series.map((s) => `${s.name} ${s.total}`).join(", "),
  });
}

function showWork() {
  if (!labels.length) {
    put("work", el("p", { class: "empty" }, "There are no sessions to draw."));
    put("lines", el("p", { class: "empty" }, "There are no sessions to draw."));
    return;
  }
  const agents = data.periods.agents;
  put("work",
    stacks("By agent", agents, agents.map((_, i) => `c${i}`), "agents"),
    stacks("By status", data.statuses, data.statuses.map((s) => s.toLowerCase()), "statuses"));
  const rows = data.periods.rows;
  const added = rows.map((row) => row.added);
  const removed = rows.map((row) => 0 - row.removed);
  const hours = rows.map((row) => row.minutes / 60);
  const lines = (value) => `${whole.format(Math.abs(value))} lines`;
  const without = (title, text) => el("div", {}, el("h3", {}, title), el("p", { class: "empty" }, text));
  put("lines",
    !sum(added) && !sum(removed) ? without("Lines changed", "No changed lines are known.") : chart({
      title: "Lines changed", about: `Lines ${each}: added above zero, removed below`, kind: "bar", stacked: true, labels,
      series: [{ name: "added", colour: "plus", values: added, total: whole.format(sum(added)) },
        { name: "removed", colour: "minus", values: removed, total: whole.format(Math.abs(sum(removed))) }],
      show: lines, tick: (value) => compact.format(Math.abs(value)),
      summary: `${lines(sum(added))} added, ${lines(sum(removed))} removed`,
    }),
    !sum(hours) ? without("Time worked", "No duration is known.") : chart({
      title: "Time worked", about: `Hours ${each}, of sessions whose duration is known`, kind: "bar", labels,
      series: [{ name: "hours", colour: "c0", values: hours, total: tenths.format(sum(hours)) }],
      show: (value) => `${tenths.format(value)} h`, tick: (value) => `${tenths.format(value)} h`,
      summary: `${tenths.format(sum(hours))} hours, known of ${plural(known("minutes").length, "session")}`,
    }));
}

function taskLink(task) {
  return el("button", { type: "button", class: "link", onclick: () => reveal(task.key) }, task.name);
}

function showTasks() {
  const part = (title, about, made, none) => el("div", {}, el("h3", {}, title), el("p", { class: "what" }, about),
    made || el("p", { class: "empty" }, none));
  const most = Math.max(1, ...data.slowest.map((t) => t.longest));
  const slow = data.slowest.length && table("Slowest tasks",
    [["Task"], ["Longest", "number"], [shape(), "wide wide-only"], ["Sessions", "number wide-only"]],
    data.slowest.map((t) => [taskLink(t), minutes(t.longest), bar(t.longest / most, "plain"), whole.format(t.sessions)]));
  const failed = data.failing.length && table("Failing tasks",
    [["Task"], ["Failed", "number"], ["Partial", "number"], ["Sessions", "number wide-only"]],
    data.failing.map((t) => [taskLink(t), whole.format(t.fail), whole.format(t.partial), whole.format(t.sessions)]));
  put("tasks",
    part("Slowest", "The longest session of each task", slow, "No duration is known."),
    part("Failing", "Tasks that failed, or were done in part", failed, "None failed."));
}

function showArchives() {
  if (!data.archives.length) {
    put("archives", el("p", { class: "empty" }, "No month is archived yet: \u2018session-codec archive\u2019 packs the diffs of past months."));
    return;
  }
  const [loose, size] = [sum(data.archives.map((a) => a.loose)), sum(data.archives.map((a) => a.size))];
  byId("archives-lead").textContent = `${plural(sum(data.archives.map((a) => a.diffs)), "diff")} in `
    + `${plural(data.archives.length, "archive")}: ${bytes(loose)} became ${bytes(size)}, ${tenths.format(loose / size)} to 1.`;
  const most = Math.max(1, ...data.archives.map((a) => a.loose));
  const rows = data.archives.map((a) => {
    const whole_bar = bar(a.loose ? a.size / a.loose : 0);
    whole_bar.style.width = `${100 * a.loose / most}%`;
    return [month(`${a.month}-01`), whole.format(a.diffs), bytes(a.loose), bytes(a.size),
      `${tenths.format(a.loose / a.size)} : 1`, whole_bar, a.here ? "yes" : "no"];
  });
  put("archives", table("Archives", [["Month"], ["Diffs", "number"], ["Before", "number"], ["Archive", "number"],
    ["Ratio", "number"], [shape(), "wide wide-only"], ["Stored here", "wide-only"]], rows));
}

showHead();
showHero();
showTiles();
showBaselines();
startQuarters();
showTokens();
showWork();
showTasks();
showArchives();
startSessions();
draw();
document.documentElement.dataset.ready = "yes";
