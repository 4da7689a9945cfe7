// A table in pages: headings that sort it, the rows that fit the filters, buttons that turn pages.

const PAGE = 50;

class PagedTable {
  /**
   * @param items what the rows show
   * @param columns { name, of: the value to sort by, kind: class of the cells, descending: sort so first }
   * @param options nouns: of one and of many items; title: id of what to scroll to when a page is turned;
   *   column: sorted by at first; fits: whether the filters let an item through; before: whether the first
   *   of two items with equal values comes first; row: an item's table rows, as a list
   */
  constructor(items, columns, { nouns, title, column, fits, before, row }) {
    Object.assign(this, { items, columns, nouns, title, column, fits, before, row });
    this.descending = Boolean(columns[column].descending);
    this.page = 0;
    this.rows = items;
  }

  /** Take what fits the filters, in the order of the chosen column; unknown values last. */
  select() {
    const { of } = this.columns[this.column];
    const sign = this.descending ? -1 : 1;
    const fits = this.fits();
    this.rows = this.items.filter(fits);
    this.rows.sort((a, b) => {
      const x = of(a);
      const y = of(b);
      if (x === y) return this.before(a, b) ? -1 : 1;
      if (x === null || y === null) return x === null ? 1 : -1;
      return x < y ? -sign : sign;
    });
    this.page = 0;
  }

  refresh() {
    this.select();
    this.show();
  }

  show() {
    const first = this.page * PAGE;
    byId("rows").replaceChildren(...this.rows.slice(first, first + PAGE).flatMap(this.row));
    const all = plural(this.items.length, ...this.nouns);
    byId("count").textContent = this.rows.length === this.items.length ? all
      : `${whole.format(this.rows.length)} of ${all}`;
    this.showPager();
  }

  showPager() {
    const pages = Math.ceil(this.rows.length / PAGE);
    const button = (name, to, possible) => {
      const made = el("button", { type: "button", class: "button", onclick: () => this.turn(to) }, name);
      made.disabled = !possible;
      return made;
    };
    byId("pager").replaceChildren(...(pages < 2 ? [] : [
      button("First", 0, this.page > 0),
      button("Previous", this.page - 1, this.page > 0),
      el("p", {}, `Page ${whole.format(this.page + 1)} of ${whole.format(pages)}`),
      button("Next", this.page + 1, this.page < pages - 1),
      button("Last", pages - 1, this.page < pages - 1),
    ]));
  }

  turn(page) {
    this.page = page;
    this.show();
    byId(this.title).scrollIntoView();
  }

  showColumns() {
    byId("columns").replaceChildren(...this.columns.map((column, i) => {
      const button = el("button", { type: "button", class: "sort" }, column.name);
      button.addEventListener("click", () => this.sortBy(i));
      const order = i !== this.column ? "none" : this.descending ? "descending" : "ascending";
      return el("th", { scope: "col", class: column.kind || "", "aria-sort": order }, button);
    }));
  }

  sortBy(i) {
    this.descending = i === this.column ? !this.descending : Boolean(this.columns[i].descending);
    this.column = i;
    this.refresh();
    this.showColumns();
    byId("columns").children[i].firstChild.focus();
  }

  /** Show the table, and again whenever a filter of the page changes. */
  start(filters) {
    for (const name of filters) byId(name).addEventListener("change", () => this.refresh());
    byId("search").addEventListener("input", () => this.refresh());
    byId("filters").addEventListener("submit", (event) => event.preventDefault());
    this.showColumns();
    this.refresh();
  }
}

/** The words of the search field, in lower case. */
function searched() {
  return byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
}
