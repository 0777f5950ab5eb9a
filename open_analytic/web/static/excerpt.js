// @ts-check
// Texts of the collection: an excerpt in a card, and the whole in a dialog. What comes from them is text, never markup.
import { get, ofCollection } from "./api.js";
import { h } from "./dom.js";
import { item } from "./nouns.js";
import { t } from "./words.js";

/** @typedef {{before: string, marked: string, after: string, start: number, end: number, characters: number}} Excerpt */

const SHORT = 240; // characters of an excerpt in a card
const NEAR = "300px"; // below the window: what is further down is not asked for yet

/** @type {WeakMap<Element, () => void>} */
const waiting = new WeakMap();
const watch = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      watch.unobserve(target);
      waiting.get(target)?.();
    }
  },
  { rootMargin: NEAR },
);

/** It is asked for when it is near the window. @param {string} collection @param {string} name @param {number | null} [part] */
export function excerpt(collection, name, part) {
  const place = h("span", { class: "excerpt" });
  waiting.set(place, async () => {
    const excerpt = await load(collection, name, part, SHORT);
    place.replaceChildren(...(excerpt ? pieces(excerpt) : [item("missing")]));
  });
  watch.observe(place);
  return place;
}

/** The text as far as it is shown, to be scrolled. @param {string} collection @param {string} name @param {number | null} [part] */
export function whole(collection, name, part) {
  const text = h("div", { class: "text", tabindex: 0, role: "region", "aria-label": name, "aria-busy": "true" });
  const cut = h("p", { class: "hint", hidden: true });
  load(collection, name, part).then((excerpt) => {
    text.removeAttribute("aria-busy");
    text.replaceChildren(...(excerpt ? pieces(excerpt) : [item("missing")]));
    text.querySelector("mark")?.scrollIntoView({ block: "nearest" });
    if (!excerpt || excerpt.end - excerpt.start === excerpt.characters) return;
    cut.hidden = false;
    cut.textContent = t("viewer.cut", { n: excerpt.end - excerpt.start, all: excerpt.characters });
  });
  return h("div", { class: "frame words" }, text, cut);
}

/**
 * Null where only the vector was imported, or the text is gone.
 * @param {string} collection @param {string} name @param {number | null} [part] @param {number} [length]
 * @returns {Promise<Excerpt | null>}
 */
async function load(collection, name, part, length) {
  try {
    return await get(ofCollection(collection, "/text", { name, part, length }));
  } catch {
    return null;
  }
}

/** The nodes of an excerpt, the span of a region marked. @param {Excerpt} excerpt */
export function pieces({ before, marked, after, start, end, characters }) {
  const all = [start > 0 && "… ", before, marked && h("mark", {}, marked), after, end < characters && " …"];
  return /** @type {(Node | string)[]} */ (all.filter(Boolean));
}
