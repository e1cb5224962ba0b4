// Explanations open by click, touch and keyboard without this script; it also opens them on hover, beside their word.
for (const word of document.querySelectorAll("[popovertarget]")) {
  const tip = document.getElementById(word.getAttribute("popovertarget"));
  let waiting = 0;
  const later = (act) => { clearTimeout(waiting); waiting = setTimeout(act, 250); };
  const hide = () => { if (tip.matches(":popover-open") && !tip.matches(":hover") && !tip.contains(document.activeElement)) tip.hidePopover(); };
  word.addEventListener("pointerenter", (event) => {
    if (event.pointerType === "mouse") later(() => { if (!tip.matches(":popover-open")) { tip.showPopover(); beside(word, tip); } });
  });
  word.addEventListener("pointerleave", () => later(hide));
  tip.addEventListener("pointerleave", () => later(hide));
  word.addEventListener("click", () => { clearTimeout(waiting); setTimeout(() => beside(word, tip)); });
}

addEventListener("scroll", () => document.querySelector(".tip:popover-open")?.hidePopover(), { passive: true });

function beside(word, tip) {
  const at = word.getBoundingClientRect(), gap = 6, { clientWidth, clientHeight } = document.documentElement;
  const left = Math.max(gap, Math.min(at.left, clientWidth - tip.offsetWidth - gap));
  const below = at.bottom + gap + tip.offsetHeight < clientHeight;
  Object.assign(tip.style, { margin: 0, left: `${left}px`, top: `${below ? at.bottom + gap : Math.max(gap, at.top - gap - tip.offsetHeight)}px` });
}
