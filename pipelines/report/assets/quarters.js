// The period report of a quarter: its data is parsed when the quarter is chosen.

function quarterCells(cells) {
  return cells.flatMap((cell) => [cell.code === undefined ? cell : el("code", {}, cell.code), " "]);
}

function quarterBlock(title, block) {
  if (block.items) return el("ul", {}, ...block.items.map((cells) => el("li", {}, ...quarterCells(cells))));
  if (block.text) return el("p", { class: "what" }, ...quarterCells(block.text));
  const columns = block.head.map((text, i) => [text || "Figure", block.right.includes(i) ? "number" : ""]);
  const rows = block.rows.map((cells) => cells.map((cell) => quarterCells([cell])[0]));
  const made = table(title, columns, rows);
  for (const [name, value] of [["tabindex", "0"], ["role", "region"], ["aria-label", title]]) made.setAttribute(name, value);
  if (block.head.length > 4) {
    // On a phone, its rows become blocks.
    made.firstChild.className = "stacked";
    for (const row of made.querySelectorAll("tbody tr")) {
      [...row.children].forEach((cell, i) => { cell.dataset.name = block.head[i]; });
    }
  }
  return made;
}

function showQuarter(name) {
  if (!name) {
    put("quarter-page");
    return;
  }
  const page = JSON.parse(byId(`quarter-${name}`).textContent);
  const parts = page.sections.map((section) => el("div", { class: "part" }, el("h3", {}, section.title),
    ...section.blocks.map((block) => quarterBlock(section.title, block))));
  put("quarter-page", el("p", { class: "lead" }, page.about), ...parts);
}

function startQuarters() {
  byId("quarters").hidden = !data.quarters.length;
  const select = byId("quarter");
  select.append(...data.quarters.map((name) => el("option", { value: name }, name)));
  select.addEventListener("change", () => showQuarter(select.value));
}
