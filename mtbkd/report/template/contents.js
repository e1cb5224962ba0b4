// Where one is: the section being read is marked in the contents. Headings, tables and figures have links to themselves.
const entries = new Map([...document.querySelectorAll("#contents a:not(.up)")].map((link) => [link.hash.slice(1), link]));
const inSight = new Set();

function mark() {
  const now = [...entries.keys()].filter((id) => inSight.has(id)).at(-1);
  if (!now) return;
  for (const [id, link] of entries) {
    if (id === now) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  const nav = document.getElementById("contents"), { offsetLeft, offsetWidth } = entries.get(now);
  if (nav.scrollWidth > nav.clientWidth) nav.scrollTo({ left: offsetLeft - nav.clientWidth / 2 + offsetWidth / 2 });
}

// A line near the top of the window is where one reads.
const watcher = new IntersectionObserver((changes) => {
  for (const { target, isIntersecting } of changes) inSight[isIntersecting ? "add" : "delete"](target.id);
  mark();
}, { rootMargin: "-15% 0px -84% 0px" });
for (const id of entries.keys()) if (document.getElementById(id)) watcher.observe(document.getElementById(id));

for (const place of document.querySelectorAll("main :is(h2, h3), .scroll caption, figure[id] figcaption")) {
  const id = place.id || place.closest("figure, article, section").id;
  const link = document.createElement("a");
  link.className = "permalink";
  link.href = `#${id}`;
  link.textContent = "#";
  link.setAttribute("aria-label", `Link to ${(place.querySelector("strong") ?? place.firstChild).textContent.trim()}`);
  (place.querySelector("strong") ?? place.querySelector(".tools") ?? place.lastChild).after(" ", link);
}

// A link into what is folded away opens it.
function unfold() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let part = target.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
  target.scrollIntoView();
}
addEventListener("hashchange", unfold);
unfold();
