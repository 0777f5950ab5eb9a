// @ts-check
// The items of a collection by name, page after page.
import { get, ofCollection } from "./api.js";
import { showError } from "./alerts.js";
import { h } from "./dom.js";
import { MODALITY } from "./modalities.js";
import { item, part } from "./nouns.js";
import { page, t } from "./words.js";

const PAGE = 60;

/**
 * @param {HTMLElement} place @param {string} collection
 * @param {{open: (names: string[], at: number, link: HTMLElement) => void, link?: (name: string) => string, jump?: boolean}} options
 */
export function browse(place, collection, { open, link, jump }) {
  const list = h("ul", { class: MODALITY.list });
  const more = h("button", { type: "button", id: "browse-more", hidden: true }, t("browse.more"));
  const status = h("p", { class: "unseen", role: "status" });
  /** @type {string[]} */
  let names = [];
  /** @type {string | null} */
  let next = null;
  /** @type {AbortController | null} */
  let running = null;

  const load = async (/** @type {string | null} */ after) => {
    running?.abort();
    running = new AbortController();
    list.setAttribute("aria-busy", "true");
    try {
      const page = await get(ofCollection(collection, "/pictures", { after, limit: PAGE }), running.signal);
      next = page.next;
      append(page.pictures);
      form.hidden = !names.length && after === null; // there is nothing in the collection
    } catch (error) {
      showError(error);
    } finally {
      list.removeAttribute("aria-busy");
    }
  };
  const append = (/** @type {{name: string, parts: any}[]} */ pictures) => {
    const first = names.length;
    names.push(...pictures.map((picture) => picture.name));
    list.append(...pictures.map(({ name, parts }) => h("li", {}, tile(name, regions(parts)), MODALITY.played?.(collection, name))));
    more.hidden = next === null;
    status.textContent = names.length ? item("shown", { n: names.length }) : item("none");
    status.className = names.length ? "unseen" : "hint";
    if (first) /** @type {HTMLElement} */ (list.children[first]?.firstElementChild)?.focus();
  };
  const tile = (/** @type {string} */ name, /** @type {string} */ parts) => {
    const content = [
      MODALITY.small(collection, name),
      h("span", { class: "name", title: name }, name),
      parts && h("span", { class: "distance" }, parts),
    ];
    const element = link
      ? h("a", { class: "card hit", href: link(name) }, ...content)
      : h("button", { type: "button", class: "card hit" }, ...content);
    element.addEventListener("click", (/** @type {any} */ event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      open(names, names.indexOf(name), element);
    });
    return element;
  };
  const reload = async (/** @type {string | null} */ after = null) => {
    names = [];
    list.replaceChildren();
    await load(after);
  };
  more.addEventListener("click", () => load(next));
  const form = from(reload);
  place.replaceChildren(...(jump ? [form] : []), list, h("div", { class: "row center" }, more), status);
  return { reload, remove: (/** @type {string} */ name) => drop(list, names, name) };
}

/** How many regions, or that there is nothing to search for; one is the rule. @param {number} parts */
function regions(parts) {
  if (parts === 1) return "";
  if (parts) return part("count", { n: parts });
  return page.collection.many ? part("none") : t("browse.no_vector");
}

/** @param {HTMLElement} list @param {string[]} names @param {string} name */
function drop(list, names, name) {
  const at = names.indexOf(name);
  if (at < 0) return;
  names.splice(at, 1);
  list.children[at].remove();
  const neighbour = list.children[Math.min(at, names.length - 1)];
  /** @type {HTMLElement | null} */ (neighbour?.firstElementChild)?.focus();
}

/** The field that begins at a name. @param {(after: string | null) => void} reload */
function from(reload) {
  const field = h("input", { type: "search", id: "from", autocomplete: "off", spellcheck: "false" });
  const form = h(
    "form",
    { class: "row jump", role: "search" },
    h("label", { for: "from" }, t("browse.from")),
    field,
    h("button", {}, t("browse.go")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    reload(field.value || null);
  });
  return form;
}

/** How much is in a collection. @param {{pictures: number, vectors: number, many: boolean}} collection */
export function counted({ pictures, vectors, many }) {
  const all = item("count", { n: pictures });
  return many ? `${all}${t("list.and")}${part("count", { n: vectors })}` : all;
}
