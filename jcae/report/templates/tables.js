// Tables sort by a click on a head and filter by what is typed. Without a script they read as they are.
"use strict";

function sortable(text) {
  const number = /^[<+]?(-?[\d,]*\.?\d+(?:e[+-]?\d+)?)/i.exec(text.trim());
  return number ? parseFloat(number[1].replaceAll(",", "")) : text.trim() === "–" ? -Infinity : null;
}

function compare(a, b) {
  const [x, y] = [sortable(a), sortable(b)];
  return x !== null && y !== null ? x - y : a.localeCompare(b, undefined, { numeric: true });
}

function sortBy(table, column) {
  const heads = table.tHead.rows[0].cells;
  const rows = [...table.tBodies[0].rows];
  // Numbers begin with the highest, words with the first.
  const before = heads[column].getAttribute("aria-sort");
  const up = before ? before === "descending" : sortable(rows[0].cells[column].textContent) === null;
  for (const head of heads) head.removeAttribute("aria-sort");
  heads[column].setAttribute("aria-sort", up ? "ascending" : "descending");
  rows.sort((r, s) => compare(r.cells[column].textContent, s.cells[column].textContent) * (up ? 1 : -1));
  for (const row of rows) row.classList.remove("rule");
  table.tBodies[0].append(...rows);
}

function addFilter(table) {
  const box = document.createElement("input");
  box.className = "filter";
  box.type = "search";
  box.placeholder = "Show rows with ...";
  box.setAttribute("aria-label", "Show rows with");
  box.addEventListener("input", () => {
    const wanted = box.value.toLowerCase();
    for (const row of table.tBodies[0].rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });
  table.parentElement.before(box);
}

for (const table of document.querySelectorAll("table")) {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    head.classList.add("sorts");
    head.tabIndex = 0;
    head.addEventListener("click", () => sortBy(table, column));
    head.addEventListener("keydown", (event) => event.key === "Enter" && sortBy(table, column));
  });
  if (table.tBodies[0].rows.length > 12) addFilter(table);
}
