// Tables are whole without this script; it makes their headings buttons that sort, and lets every table be taken along.
const heads = (table) => [...table.tHead.rows[table.tHead.rows.length - 1].cells];

for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  if (body.rows.length < 2) continue;
  heads(table).forEach((head, index) => {
    const name = head.querySelector(".name");
    name.replaceChildren(button(name.textContent, () => {
      const descending = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads(table)) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      body.append(...sorted([...body.rows], index, descending ? -1 : 1));
    }));
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

// As CSV, or to the clipboard for a spreadsheet: what is shown.
for (const table of document.querySelectorAll(".scroll > table")) {
  let tools = table.caption.querySelector(".tools");
  if (!tools) {
    tools = document.createElement("span");
    tools.className = "tools";
    table.caption.append(" ", tools);
  }
  const copy = button("Copy", async () => {
    await navigator.clipboard.writeText(written(table, "\t"));
    copy.textContent = "Copied";
    setTimeout(() => (copy.textContent = "Copy"), 2000);
  });
  tools.prepend(copy, button("CSV", () => download(`${table.caption.id}.csv`, written(table, ","))));
}

function written(table, separator) {
  const quoted = (text) => (/[",\n\t]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const told = (node) => !node.matches?.(".hint, [popover]");
  const content = (cell) => [...cell.childNodes].filter(told).map((node) => node.textContent.trim()).filter(Boolean).join(" ")
    .replaceAll("\u2212", "-").replace(/^[=@]/, "'$&"); // as spreadsheets read numbers, and so that no name is a formula
  const lines = [heads(table), ...[...table.tBodies[0].rows].filter((row) => !row.hidden).map((row) => [...row.cells])];
  return lines.map((cells) => cells.filter((cell) => !cell.hidden).map((cell) => quoted(content(cell))).join(separator)).join("\n") + "\n";
}
