// @ts-check
// The header: the menu of a narrow page, and the language links, which keep the page's address.
const button = document.getElementById("menu-button");
const menu = document.getElementById("menu");

/** @param {boolean} open */
function toggle(open) {
  button?.setAttribute("aria-expanded", String(open));
  menu?.classList.toggle("open", open);
}

button?.addEventListener("click", () => toggle(button.getAttribute("aria-expanded") !== "true"));

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  if (menu?.classList.contains("open")) {
    toggle(false);
    button?.focus();
  }
  const more = /** @type {HTMLDetailsElement | null} */ (document.querySelector(".more details[open]"));
  if (more) {
    more.open = false;
    more.querySelector("summary")?.focus();
  }
});

document.addEventListener("click", (event) => {
  const more = /** @type {HTMLDetailsElement | null} */ (document.querySelector(".more details[open]"));
  if (more && !more.contains(/** @type {Node} */ (event.target))) more.open = false;
});

for (const link of document.querySelectorAll("a[data-language]")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const query = new URLSearchParams(location.search);
    query.set("lang", /** @type {HTMLElement} */ (link).dataset.language || "");
    location.assign(`${location.pathname}?${query}`);
  });
}
