"use strict";
// Tables are whole without this script; it makes their headings buttons that sort.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  if (body.rows.length < 2) continue;
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, index) => {
    const name = head.querySelector(".name");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name.textContent;
    name.replaceChildren(button);
    button.addEventListener("click", () => {
      const descending = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      body.append(...sorted([...body.rows], index, descending ? -1 : 1));
    });
  });
}

// Rows whose gates failed stay below the others, missing numbers below the known ones.
function sorted(rows, index, sign) {
  const key = (row) => {
    const cell = row.cells[index];
    return "sort" in cell.dataset ? Number(cell.dataset.sort) : cell.firstChild?.textContent ?? "";
  };
  const missing = (value) => typeof value === "number" && Number.isNaN(value);
  const compare = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a).localeCompare(String(b), "en", { numeric: true });
  };
  return rows
    .map((row) => ({ row, value: key(row), last: "last" in row.dataset }))
    .sort((a, b) => a.last - b.last || missing(a.value) - missing(b.value) || sign * compare(a.value, b.value))
    .map((entry) => entry.row);
}

// Every table can be taken along: as CSV, or to the clipboard for a spreadsheet.
for (const table of document.querySelectorAll(".scroll > table")) {
  const tools = document.createElement("span");
  tools.className = "tools";
  tools.append(button("Copy", () => navigator.clipboard.writeText(written(table, "\t"))), button("CSV", () => download(table)));
  table.caption.append(tools);
}

function button(text, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.addEventListener("click", act);
  return made;
}

function written(table, separator) {
  const quoted = (text) => (/[",\n\t]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const content = (cell) => [...cell.childNodes].map((node) => node.textContent.trim()).filter(Boolean).join(" ")
    .replaceAll("\u2212", "-").replace(/^[=@]/, "'$&"); // as spreadsheets read numbers, and so that no name is a formula
  return [...table.rows].map((row) => [...row.cells].map((cell) => quoted(content(cell))).join(separator)).join("\n") + "\n";
}

function download(table) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([written(table, ",")], { type: "text/csv" }));
  link.download = `${table.caption.id}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
}
