// @ts-check
// Sounds and videos of the collection: played in a card, in the dialog and as a query.
import { ofCollection } from "./api.js";
import { h } from "./dom.js";
import { item, place } from "./nouns.js";

/** @typedef {{start: number, end: number} | {number: number, seconds: number}} Place a span of seconds, or a frame */

/** What plays items of a modality. @param {"audio" | "video"} tag */
export function players(tag) {
  /** Of a span only that part is played; a video shows the frame. A sound loads nothing until it is played. @param {string} src @param {string} label @param {Place | null} [region] */
  const player = (src, label, region) => {
    const preload = tag === "video" ? "metadata" : "none";
    const media = h(tag, { controls: true, preload, src: src + fragment(region), "aria-label": label });
    const missing = h("p", { class: "unplayed", role: "status", hidden: true }, item("missing"));
    media.addEventListener("error", () => {
      missing.hidden = false;
    });
    return h("div", { class: "player" }, media, missing);
  };

  /** @param {string} collection @param {string} name @param {Place | null} [region] */
  const stored = (collection, name, region) => player(ofCollection(collection, "/media", { name }), name, region);

  /** @param {import("./viewer.js").Shown} entry */
  const large = ({ collection, name, region }) => {
    const where = region && h("p", { class: "hint" }, place(region));
    return h("div", { class: "frame played" }, stored(collection, name, region), where);
  };
  return { player, stored, large };
}

/** The part of an address that says what is played of it. @param {Place | null} [region] */
function fragment(region) {
  if (!region) return "";
  return "seconds" in region ? `#t=${region.seconds}` : `#t=${region.start},${region.end}`;
}
