// A click on a method's name opens its card over the page; without this script the link leads to the card in its section.
const dialog = document.createElement("dialog");
dialog.className = "method-card";
document.body.append(dialog);

document.addEventListener("click", (event) => {
  const link = event.target.closest("a.method");
  const card = link && document.getElementById(link.hash.slice(1));
  if (card) {
    event.preventDefault();
    showCard(card);
  } else if (event.target === dialog || (dialog.open && event.target.closest("dialog a"))) {
    dialog.close();
  }
});

function showCard(card) {
  const title = document.createElement("h3"), head = document.createElement("p"), body = card.querySelector("div").cloneNode(true);
  title.id = "card-title";
  title.append(...[...card.querySelector("summary").childNodes].map((node) => node.cloneNode(true)));
  head.className = "tools";
  head.append(button("Close", () => dialog.close()));
  for (const settings of body.querySelectorAll("pre.settings")) {
    settings.before(button("Copy", () => navigator.clipboard.writeText(settings.textContent)));
  }
  dialog.setAttribute("aria-labelledby", title.id);
  dialog.replaceChildren(head, title, body);
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
}

// An address that names a card opens it in its section.
addEventListener("hashchange", unfold);
unfold();

function unfold() {
  const card = document.getElementById(location.hash.slice(1));
  if (card?.matches("details.card")) card.open = true;
}
