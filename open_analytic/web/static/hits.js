// @ts-check
// What was found: a grid of cards, and each one large in a dialog.
import { h } from "./dom.js";
import { MODALITY } from "./modalities.js";
import { caption } from "./nouns.js";
import { distance, t, valueText } from "./words.js";
import { view } from "./viewer.js";

/**
 * @typedef {{name: string, distance: number, part: number | null, box: any, region?: any, row: Record<string, any>}} Hit
 * @typedef {{hits: Hit[], limit: {max_distance: number | null, false_accept_rate: number | null}, milliseconds: Record<string, number | null>,
 *   sql: string, explained?: any}} Found
 */

/**
 * @param {HTMLElement} list @param {string} collection @param {Found} answer
 * @param {{columns: boolean, link: (hit: Hit) => string, go: (hit: Hit) => void}} options
 */
export function showHits(list, collection, answer, { columns, link, go }) {
  const scale = reference(answer);
  const open = (/** @type {number} */ at) =>
    view(
      answer.hits.map((hit) => ({ collection, ...hit })),
      at,
      { link: (at_) => link(answer.hits[at_]), go: (at_) => go(answer.hits[at_]) },
    );
  list.className = MODALITY.list;
  list.replaceChildren(...answer.hits.map((hit, at) => card(collection, hit, scale, columns, () => open(at))));
}

/**
 * @param {string} collection
 * @param {Hit} hit
 * @param {(distance: number) => number} scale
 * @param {boolean} columns
 * @param {() => void} open
 */
function card(collection, hit, scale, columns, open) {
  const fill = h("span", { class: "fill" });
  fill.style.width = `${100 * scale(hit.distance)}%`;
  const where = caption(hit);
  const button = h(
    "button",
    { type: "button", class: "card hit", onclick: open },
    MODALITY.small(collection, hit.name, hit.part),
    h("span", { class: "name", title: hit.name }, hit.name, where && h("span", { class: "hint" }, ` · ${where}`)),
    h("span", { class: "distance" }, h("span", { class: "unseen" }, t("hits.distance")), " ", distance(hit.distance)),
    h("span", { class: "meter", "aria-hidden": "true" }, fill),
  );
  return h("li", {}, button, MODALITY.played?.(collection, hit.name, hit.region), columns && values(hit.row));
}

/** The user's columns of a row. @param {Record<string, any>} row */
export function values(row) {
  const list = h("dl", { class: "values" });
  for (const [name, value] of Object.entries(row))
    list.append(h("div", {}, h("dt", {}, name), h("dd", {}, valueText(value))));
  return list;
}

/** How long a distance's bar is: of the limit, or else of the farthest hit. @param {Found} answer */
function reference({ hits, limit }) {
  const all = hits.map((hit) => hit.distance);
  const least = Math.min(0, ...all); // inner products are below 0, the nearest the lowest
  const most = limit.max_distance ?? Math.max(...all);
  return (/** @type {number} */ value) =>
    most > least ? Math.min(1, Math.max(0, (value - least) / (most - least))) : 0;
}
