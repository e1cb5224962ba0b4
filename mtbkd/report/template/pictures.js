"use strict";
// Interactive pictures. A static picture is replaced when it comes into view, by what its specification shows; the library
// runs when the first does. Nothing is loaded, and the expressions of specifications are interpreted: the page needs no eval.
(() => {
  const source = document.getElementById("vega");
  if (!source) return;
  const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)");
  const pictures = [];
  let filter = null;

  // What the page holds compressed, as gzip in base64.
  async function unzipped(script) {
    const bytes = Uint8Array.from(atob(script.textContent), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  }
  async function content(picture) {
    picture.content ??= JSON.parse(await unzipped(picture.figure.querySelector("script")));
    return picture.content;
  }
  let library; // runs once, however many pictures ask for it
  async function run() {
    const script = document.createElement("script");
    script.textContent = await unzipped(source);
    document.head.append(script);
  }

  // Colours of the page for those of paper; all others are legible on both.
  const ink = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();
  function themed(spec) {
    const colours = { "#000000": ink("ink"), "#6b6b6b": ink("soft"), "#4d4d4d": ink("soft"), "#d9d9d9": ink("line"), "#ffffff": ink("paper") };
    return JSON.parse(JSON.stringify(spec), (key, value) => colours[typeof value === "string" ? value.toLowerCase() : ""] ?? value);
  }
  function theme() {
    const text = { labelColor: ink("ink"), titleColor: ink("ink"), labelFontSize: 11, titleFontSize: 11, titleFontWeight: 400 };
    return {
      background: null, aria: false, font: getComputedStyle(document.body).fontFamily, title: { color: ink("ink"), anchor: "start", frame: "group", fontSize: 12.5 },
      axis: { ...text, domainColor: ink("soft"), tickColor: ink("soft") }, legend: text,
      header: { ...text, labelFontWeight: 600 }, text: { color: ink("ink"), fontSize: 11 },
    };
  }

  // Every view as wide as there is room for, with fewer columns on a narrow page; views of what the filter leaves out go.
  function fitted(spec, width) {
    const { label = 60, least = 180, square = false } = spec.usermeta, room = Math.min(label, width * 0.45);
    const views = (of) => of.concat ?? of.vconcat ?? (of.facet ? [of.spec] : []);
    const fit = (of) => {
      const most = of.facet ? of.columns : Math.min(of.columns ?? 1, views(of).length);
      const columns = Math.max(1, Math.min(most, Math.floor(width / (room + least))));
      const inner = Math.max(120, Math.floor((width - 8) / columns - room - 12));
      if (of.columns) of.columns = columns;
      if (of.facet) of.facet.header = { ...of.facet.header, labelLimit: inner };
      for (const each of views(of)) {
        if (views(each).length) fit(each);
        else {
          Object.assign(each, { width: inner }, square ? { height: inner } : {});
          if (each.title) each.title = { ...(each.title.text ? each.title : { text: each.title }), limit: inner };
        }
      }
    };
    fit(spec);
    if (label > 60) spec.config.axis.labelLimit = room - 14;
    return spec;
  }

  function leftOut(spec) {
    const methods = shown(spec.usermeta.methods);
    const out = ({ method, metric, experiment }) =>
      (method && methods && !methods.includes(method)) || !admits(filter?.metrics, metric) || !admits(filter?.experiments, experiment);
    return Object.entries(spec.usermeta.belongs ?? {}).filter(([, kin]) => out(kin)).map(([name]) => name);
  }

  function unpacked(tables) {
    const whole = ({ columns, rows }) => rows.map((row) => Object.fromEntries(row.map((value, i) => [columns[i], value])));
    return Object.fromEntries(Object.entries(tables).map(([name, table]) => [name, whole(table)]));
  }

  // An empty set leaves nothing out; words that name no method of a picture are about something else.
  const admits = (set, value) => !set?.size || value === undefined || set.has(value);
  function shown(methods) {
    if (!filter) return null;
    const kept = Object.entries(methods).filter(([id, told]) =>
      admits(filter.methods, id) && admits(filter.signals, told.signal) && admits(filter.inferences, told.inference));
    const words = (filter.text ?? "").trim().toLowerCase().split(/\s+/);
    const said = ([id, told]) => `${id} ${Object.values(told).join(" ")}`.toLowerCase();
    const named = Object.entries(methods).filter((entry) => words.every((word) => said(entry).includes(word)));
    return kept.filter(([id]) => !named.length || named.some(([name]) => name === id)).map(([id]) => id);
  }

  async function apply(picture) {
    if (!picture.view) return;
    const { spec } = picture.content;
    if (`${leftOut(spec)}` !== picture.out) return embed(picture);
    picture.view.signal("shown", shown(spec.usermeta.methods));
    await picture.view.runAsync();
  }

  async function embed(picture) {
    await (library ??= run());
    const { spec, tables } = await content(picture), width = picture.figure.clientWidth;
    const out = leftOut(spec), lean = themed(spec);
    if (out.length) lean.concat = lean.concat.filter((view) => !out.includes(view.name));
    const made = { ...fitted(lean, width), datasets: unpacked(tables) };
    picture.view?.finalize();
    const options = { ast: true, actions: false, logLevel: 1, renderer: spec.usermeta.renderer ?? "svg", config: theme(), tooltip: { theme: dark.matches ? "dark" : "light" } };
    picture.view = (await window.vegaEmbed(picture.box.firstElementChild, made, options)).view;
    Object.assign(picture, { width, out: `${out}` });
    await apply(picture);
  }

  async function turn(picture, live) {
    picture.live = live;
    try {
      if (live && !picture.view) await embed(picture);
      picture.figure.classList.toggle("live", live);
    } catch (error) { // the static picture stays
      console.error(error);
      picture.figure.classList.remove("live");
    }
    picture.button.textContent = live ? "Static picture" : "Interactive picture";
  }

  function csv({ columns, rows }) {
    const harmless = (value) => (typeof value === "string" ? value.replace(/^[=@]/, "'$&") : value ?? ""); // no name is a formula
    const quoted = (value) => (/[",\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : value);
    return [columns, ...rows].map((row) => row.map(harmless).map(quoted).join(",")).join("\n") + "\n";
  }

  async function save(picture) {
    const { tables } = await content(picture);
    download(`${picture.figure.dataset.picture}.csv`, csv(Object.values(tables)[0]));
  }

  const watcher = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      watcher.unobserve(target);
      turn(pictures.find((each) => each.figure === target), true);
    }
  }, { rootMargin: "200px" });

  for (const figure of document.querySelectorAll("figure[data-picture]")) {
    const picture = { figure, box: document.createElement("div"), live: false };
    const image = figure.querySelector("img");
    picture.box.className = "picture";
    picture.box.setAttribute("role", "img");
    picture.box.setAttribute("aria-label", image.alt);
    const inner = document.createElement("div"); // the library gives what it fills roles of its own
    inner.setAttribute("aria-hidden", "true");
    picture.box.append(inner);
    image.after(picture.box);
    picture.button = button("Interactive picture", () => turn(picture, !picture.live));
    figure.querySelector(".tools").prepend(picture.button, button("Data as CSV", () => save(picture)));
    pictures.push(picture);
    watcher.observe(figure);
  }

  const again = () => pictures.filter((picture) => picture.view).forEach(embed);
  dark.addEventListener("change", again);
  let waiting = 0;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => pictures.filter((each) => each.view && each.width !== each.figure.clientWidth).forEach(embed), 200);
  });
  document.addEventListener("mtbkd:filter", (event) => {
    filter = event.detail;
    pictures.forEach(apply);
  });
})();
