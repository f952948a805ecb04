"use strict";
// Makes the tables of the page sort, filter and turn pages. Text is only ever set as text, never as markup.
const data = JSON.parse(document.getElementById("data")?.textContent || "{}");
const LEVELS = ["fine", "info", "warning", "critical", "not audited"];
const NUMBERS = new Set(["level", "count", "number", "share", "time", "new", "host"]);
const PAGE = 50;

function make(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

function draw(name, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

const bar = (share) =>
  draw(
    "svg",
    { class: "bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
    draw("rect", { class: "track", width: 100, height: 10 }),
    draw("rect", { class: "fill", width: Math.min(Math.max(share, 0), 100), height: 10 }),
  );

const minute = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");
const named = (index) => data.names[index];
const page = ([name, file]) => "pages/" + (file || name) + ".html";
// "id message", as the findings have it
const split = (text) => [text.slice(0, text.indexOf(" ")), text.slice(text.indexOf(" ") + 1)];
const tag = (kind, text) => make("span", { class: "tag " + kind.replace(" ", "-") }, text);

// The same kinds of cells as in parts.html.j2.
const CELLS = {
  host: (value) => make("th", { scope: "row" }, make("a", { href: page(named(value)) }, named(value)[0])),
  level: (value) => make("td", {}, tag(LEVELS[value], LEVELS[value])),
  count: (value) => make("td", { class: value ? "n" : "n none" }, String(value)),
  share: (value) => make("td", { class: "n share" }, bar(value), make("span", { class: "pct" }, `${Math.round(value)} %`)),
  time: (value) => make("td", { class: "time" }, minute(value)),
  new: (value) => make("td", {}, ...(value ? [tag("new", "new")] : [])),
  code: (value) => make("td", data.texts[value].length > 12 ? { class: "code" } : {}, make("code", {}, data.texts[value])),
  finding: (value) => {
    const [id, message] = split(data.texts[value]);
    return make("td", { class: "long" }, message, make("small", {}, make("code", {}, id)));
  },
  long: (value) => make("td", { class: "long" }, data.texts[value]),
  text: (value) => make("td", {}, data.texts[value]),
};

function cell(kind, value) {
  if (value === null || (!NUMBERS.has(kind) && data.texts[value] === "")) {
    return make("td", { class: NUMBERS.has(kind) ? "n none" : "none" }, "–");
  }
  return CELLS[kind](value);
}

// Rows that are in the page's data; their nodes are made when they are shown.
class DataRows {
  constructor(rows, kinds) {
    Object.assign(this, { rows, kinds });
  }
  key(row, column) {
    const value = row[column];
    return value === null || NUMBERS.has(this.kinds[column]) ? value : data.texts[value].toLowerCase();
  }
  words(row) {
    return this.kinds
      .map((kind, column) => {
        const value = row[column];
        if (value === null) return "";
        if (kind === "host") return named(value)[0] + " " + data.texts[named(value)[2]];
        if (kind === "level") return LEVELS[value];
        return NUMBERS.has(kind) ? "" : data.texts[value];
      })
      .join(" ");
  }
  level(row) {
    return row[this.kinds.indexOf("level")];
  }
  node(row) {
    return make("tr", {}, ...row.map((value, column) => cell(this.kinds[column], value)));
  }
}

// Rows that stand in the page already.
class PageRows {
  constructor(body, kinds) {
    Object.assign(this, { rows: [...body.rows], kinds });
  }
  key(row, column) {
    const found = row.cells[column];
    if (found.dataset.v !== undefined) return Number(found.dataset.v);
    return found.classList.contains("none") ? null : found.textContent.trim().toLowerCase();
  }
  words(row) {
    return row.textContent;
  }
  level(row) {
    return this.key(row, this.kinds.indexOf("level"));
  }
  node(row) {
    return row;
  }
}

class Table {
  constructor(table) {
    this.table = table;
    this.body = table.tBodies[0];
    this.heads = [...table.tHead.rows[0].cells];
    const kinds = this.heads.map((head) => head.dataset.kind);
    this.kinds = kinds;
    const source = data[table.dataset.source];
    this.source = source ? new DataRows(source, kinds) : new PageRows(this.body, kinds);
    this.all = this.source.rows;
    if (table.dataset.source === "hosts") for (const column of [2, 4, 3, 1]) this.arrange(column, -1);
    this.shown = this.all;
    this.first = 0;
    this.heads.forEach((head, column) => this.sortable(head, column));
    if (this.all.length > 7) this.addTools();
    this.show();
  }

  sortable(head, column) {
    const button = make("button", { type: "button" }, ...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const was = head.getAttribute("aria-sort");
      // The first click shows what is worst or most, or begins with A.
      const down = was ? was === "ascending" : NUMBERS.has(this.kinds[column]) && this.kinds[column] !== "host";
      this.heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      this.arrange(column, down ? -1 : 1);
      this.filter();
    });
  }

  // A stable sort; what is not known comes last either way.
  arrange(column, sign) {
    const keyed = this.all.map((row) => [this.source.key(row, column), row]);
    keyed.sort(([one], [other]) => {
      if (one === null || other === null) return (one === null) - (other === null);
      return one < other ? -sign : one > other ? sign : 0;
    });
    this.all = keyed.map(([, row]) => row);
  }

  addTools() {
    const tools = make("div", { class: "tools" });
    this.input = make("input", { type: "search", autocomplete: "off", spellcheck: "false" });
    tools.append(make("label", {}, "Filter", this.input));
    this.input.addEventListener("input", () => this.filter());
    if (this.kinds.includes("level")) this.select = this.addSelect(tools, "State", LEVELS.slice().reverse());
    const groups = this.table.dataset.source === "hosts" ? data.groups || [] : [];
    if (groups.length) this.group = this.addSelect(tools, "Group", groups);
    this.output = make("output");
    tools.append(this.output);
    const region = this.table.closest(".scroll");
    region.before(tools);
    if (this.all.length <= PAGE) return;
    const turn = (text, step) => {
      const button = make("button", { type: "button" }, text);
      button.addEventListener("click", () => {
        this.first += step * PAGE;
        this.show();
      });
      return button;
    };
    [this.back, this.next] = [turn("Previous", -1), turn("Next", 1)];
    region.after(make("div", { class: "pager" }, this.back, this.next));
  }

  addSelect(tools, title, choices) {
    const select = make("select", {}, make("option", { value: "" }, "all"));
    for (const choice of choices) select.append(make("option", { value: choice }, choice));
    tools.append(make("label", {}, title, select));
    select.addEventListener("change", () => this.filter());
    return select;
  }

  filter() {
    const words = (this.input?.value || "").toLowerCase().split(/\s+/).filter(Boolean);
    const level = this.select?.value ? LEVELS.indexOf(this.select.value) : null;
    const group = this.group?.value;
    this.texts ??= new Map();
    const text = (row) => {
      if (!this.texts.has(row)) this.texts.set(row, this.source.words(row).toLowerCase());
      return this.texts.get(row);
    };
    this.active = Boolean(words.length || level !== null || group);
    this.shown = !this.active
      ? this.all
      : this.all.filter(
          (row) =>
            (level === null || this.source.level(row) === level) &&
            (!group || data.texts[named(row[0])[2]].split(", ").includes(group)) &&
            words.every((word) => text(row).includes(word)),
        );
    this.first = 0;
    this.show();
    this.onfilter?.();
  }

  show() {
    const rows = this.shown.slice(this.first, this.first + PAGE);
    this.table.caption?.remove();
    this.body.replaceChildren(...rows.map((row) => this.source.node(row)));
    if (!rows.length) {
      this.body.append(make("tr", {}, make("td", { colspan: this.kinds.length, class: "none" }, "Nothing matches.")));
    }
    if (!this.output) return;
    const count = (number) => number.toLocaleString("en");
    const span = rows.length ? `${count(this.first + 1)}–${count(this.first + rows.length)} of ` : "";
    this.output.textContent = `${span}${count(this.shown.length)}${this.active ? ` (of ${count(this.all.length)})` : ""}`;
    if (!this.back) return;
    this.back.disabled = this.first === 0;
    this.next.disabled = this.first + PAGE >= this.shown.length;
  }
}

// The grid: a name under the pointer, a host on a click; the hosts that the table does not show are pale.
function enliven(grid, hosts) {
  const svg = grid.querySelector("svg");
  const [size, columns] = [Number(grid.dataset.size), Number(grid.dataset.columns)];
  const rows = data.hosts;
  const tip = make("div", { id: "tip", hidden: "" });
  document.body.append(tip);
  const under = (event) => {
    const box = svg.getBoundingClientRect();
    const x = Math.floor((event.clientX - box.left) / size);
    const y = Math.floor((event.clientY - box.top) / size);
    return x >= 0 && x < columns && y >= 0 ? rows[y * columns + x] : undefined;
  };
  grid.classList.add("live");
  svg.addEventListener("pointermove", (event) => {
    const row = under(event);
    tip.hidden = !row;
    if (!row) return;
    tip.textContent = `${named(row[0])[0]}: ${LEVELS[row[1]]}`;
    tip.style.left = `${Math.min(event.clientX + 12, innerWidth - tip.offsetWidth - 8)}px`;
    tip.style.top = `${event.clientY + 16}px`;
  });
  svg.addEventListener("pointerleave", () => (tip.hidden = true));
  svg.addEventListener("click", (event) => {
    const row = under(event);
    if (row) location.href = page(named(row[0]));
  });
  const painted = [...svg.querySelectorAll("path")];
  hosts.onfilter = () => {
    if (!hosts.active) return svg.replaceChildren(...painted);
    const kept = new Set(hosts.shown.map((row) => row[0]));
    const paths = { rest: "" };
    for (const row of rows) {
      const name = kept.has(row[0]) ? LEVELS[row[1]].replace(" ", "-") : "rest";
      const [x, y] = [(row[0] % columns) * size, Math.floor(row[0] / columns) * size];
      const side = size > 5 ? size - 1 : size;
      paths[name] = (paths[name] || "") + `M${x} ${y}h${side}v${side}h-${side}z`;
    }
    svg.replaceChildren(...Object.entries(paths).map(([name, d]) => draw("path", { class: name, d })));
  };
}

function theme() {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const stored = (value) => {
    // A page from disk may be denied a memory.
    try {
      if (value) localStorage.setItem("theme", value);
      return localStorage.getItem("theme");
    } catch {
      return value || null;
    }
  };
  const isDark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "")) === "dark";
  const say = () => (button.textContent = isDark() ? "Light" : "Dark");
  if (stored()) root.dataset.theme = stored();
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    stored(root.dataset.theme);
    say();
  });
  say();
  button.parentElement.hidden = false;
}

theme();
const tables = {};
for (const table of document.querySelectorAll(".scroll table")) tables[table.id] = new Table(table);
const grid = document.getElementById("grid");
if (grid && tables.hosts) {
  enliven(grid, tables.hosts);
  for (const tile of document.querySelectorAll("[data-level]")) {
    tile.addEventListener("click", () => {
      if (!tables.hosts.select) return;
      tables.hosts.select.value = tile.dataset.level;
      tables.hosts.filter();
    });
  }
}
