// One filter for rows, columns and experiments of all tables; pictures hear of it by the event mtbkd:filter on the document, with
// {signals, inferences, methods, metrics, experiments: Set, text}. An empty set leaves nothing out. The address keeps the choice.
const KINDS = { signal: "signals", inference: "inferences", method: "methods", metric: "metrics", experiment: "experiments" };
const form = document.getElementById("filter");

if (form) {
  const boxes = [...form.querySelectorAll("input[type=checkbox]")];
  const kind = (box) => box.closest("fieldset").dataset.kind;
  const kin = new Map(boxes.filter((box) => kind(box) === "method").map((box) => [box.value, box.dataset]));
  const told = form.querySelector(".told"), words = form.elements.text;

  const asked = new URLSearchParams(location.search);
  for (const box of boxes) box.checked = asked.getAll(kind(box)).includes(box.value);
  words.value = asked.get("text") ?? "";
  form.hidden = false;
  form.firstElementChild.open = chosen().any;

  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  if (chosen().any) apply();

  function chosen() {
    const state = Object.fromEntries(Object.entries(KINDS).map(([name, plural]) =>
      [plural, new Set(boxes.filter((box) => box.checked && kind(box) === name).map((box) => box.value))]));
    state.text = words.value.trim().toLowerCase();
    return { ...state, any: boxes.some((box) => box.checked) || state.text !== "" };
  }

  function apply() {
    const { any, ...state } = chosen();
    const admits = (set, value) => !set.size || value === undefined || set.has(value);
    const known = (own) => admits(state.signals, own.signal) && admits(state.inferences, own.inference)
      && admits(state.methods, own.method) && admits(state.metrics, own.metric);
    const kinOf = (each) => ({ ...kin.get(each.dataset.method), ...each.dataset });
    const row = (each) => known(kinOf(each)) && state.text.split(/\s+/).every((word) => said(each, kinOf(each)).includes(word));
    for (const part of document.querySelectorAll("main [data-experiment]")) part.hidden = !admits(state.experiments, part.dataset.experiment);
    let shown = 0, all = 0;
    for (const table of document.querySelectorAll(".scroll > table")) {
      const rows = [...table.tBodies[0].rows], left = rows.filter((each) => !(each.hidden = !row(each)));
      const seen = table.closest("[hidden]") ? 0 : left.length;
      [shown, all] = [shown + seen, all + rows.length];
      table.closest(".scroll").classList.toggle("nothing", rows.length > 0 && left.length === 0);
      columns(table, (head) => known(kinOf(head)));
    }
    told.textContent = any ? `${shown.toLocaleString("en")} of ${all.toLocaleString("en")} rows shown` : "";
    keep();
    document.dispatchEvent(new CustomEvent("mtbkd:filter", { detail: state }));
  }

  function said(row, own) {
    return `${row.textContent} ${own.method ?? ""} ${own.signal ?? ""} ${own.inference ?? ""}`.toLowerCase();
  }

  function columns(table, admitted) {
    const found = heads(table), hide = found.map((head) => !admitted(head));
    if (!found.some((head) => head.dataset.metric || head.dataset.method)) return;
    for (const { cells } of [{ cells: found }, ...table.tBodies[0].rows]) hide.forEach((off, k) => (cells[k].hidden = off));
    let at = 0;
    for (const group of table.tHead.rows.length > 1 ? table.tHead.rows[0].cells : []) {
      group.dataset.span ??= group.colSpan;
      const left = hide.slice(at, (at += Number(group.dataset.span))).filter((off) => !off).length;
      group.hidden = left === 0;
      group.colSpan = left || 1;
    }
  }

  function keep() {
    const query = new URLSearchParams(boxes.filter((box) => box.checked).map((box) => [kind(box), box.value]));
    if (words.value.trim()) query.set("text", words.value.trim());
    const search = query.size ? `?${query}` : "";
    try {
      history.replaceState(null, "", `${location.pathname}${search}${location.hash}`);
    } catch { /* some browsers refuse this for files; the choice then lasts as long as the page */ }
  }
}
