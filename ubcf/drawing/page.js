"use strict";
// Tables sort by a click on the head of a column, or by Enter on it.
const sortTables = (within) => {
  for (const table of within.querySelectorAll("table.sortable")) makeSortable(table);
};
const makeSortable = (table) => {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    // A head that is only read aloud stands over links, which have no order.
    if (head.querySelector(".unseen")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const wasAscending = head.getAttribute("aria-sort") === "ascending";
      const wasDescending = head.getAttribute("aria-sort") === "descending";
      // Numbers begin with the greatest, texts with the first.
      const descending = wasAscending || (!wasDescending && head.classList.contains("number"));
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      const body = table.tBodies[0];
      const value = (row) => {
        const cell = row.cells[column];
        if (!cell.hasAttribute("data-value")) return cell.textContent.trim();
        return cell.dataset.value === "" ? null : Number(cell.dataset.value);
      };
      const compare = (left, right) => {
        if (left === null || right === null) return (left === null) - (right === null);
        const order = typeof left === "number" ? left - right : left.localeCompare(right);
        return descending ? -order : order;
      };
      const rows = [...body.rows].map((row) => [value(row), row]);
      rows.sort((left, right) => compare(left[0], right[0]));
      body.append(...rows.map((pair) => pair[1]));
    });
  });
};
sortTables(document);
