// @ts-check
// Sounds of the collection: played in a card, in the dialog and as a query.
import { ofCollection } from "./api.js";
import { h } from "./dom.js";
import { item, place } from "./nouns.js";

/** @typedef {{start: number, end: number}} Span */

/** Loads nothing until it is played; of a span only that part is. @param {string} src @param {string} label @param {Span | null} [region] */
export function player(src, label, region) {
  const fragment = region ? `#t=${region.start},${region.end}` : "";
  const audio = h("audio", { controls: true, preload: "none", src: src + fragment, "aria-label": label });
  const missing = h("p", { class: "unplayed", role: "status", hidden: true }, item("missing"));
  audio.addEventListener("error", () => {
    missing.hidden = false;
  });
  return h("div", { class: "player" }, audio, missing);
}

/** @param {string} collection @param {string} name @param {Span | null} [region] */
export function stored(collection, name, region) {
  return player(ofCollection(collection, "/media", { name }), name, region);
}

/** @param {import("./viewer.js").Shown} entry */
export function large({ collection, name, region }) {
  const where = region && h("p", { class: "hint" }, place(region));
  return h("div", { class: "frame sounds" }, stored(collection, name, region), where);
}
