// @ts-check
// What the items of a page and their regions are called. The service names the kinds; the words say the rest.
import { first, language, number, page, t } from "./words.js";

/** @typedef {Record<string, string | number>} Values */

const contents = page.contents || {};

/** Words about an item, such as a picture or a sound. @param {string} what @param {Values} [values] @param {string} [noun] */
export function item(what, values, noun = contents.noun) {
  return first([`item.${noun}.${what}`, `item.item.${what}`], values);
}

/** Words about a region of an item, such as a face or an object. @param {string} what @param {Values} [values] */
export function part(what, values) {
  return first([`part.${contents.region_noun}.${what}`, `part.region.${what}`], values);
}

/** Words about the region where its noun has some for this, else about the item. @param {string} what */
export function either(what) {
  return first([`part.${contents.region_noun}.${what}`, `item.${contents.noun}.${what}`, `item.item.${what}`]);
}

/** What a row shows: its caption, its place in time, or its number. @param {{part?: number | null, row?: Record<string, any>, region?: any}} row */
export function caption({ part: at, row, region }) {
  const text = label(row) || place(region);
  if (text) return text;
  return at ? part("hit", { n: at + 1 }) : ""; // the first one is what is expected
}

/** What a region shows, in the page's language where the pipeline knows that. @param {Record<string, any>} [attributes] */
export function label(attributes) {
  const own = `${contents.caption}_${language.slice(0, 2)}`;
  return contents.caption ? String(attributes?.[own] || attributes?.[contents.caption] || "") : "";
}

/** @type {Record<string, string>} */
const PLACES = { span: "hits.span", text_span: "hits.text_span", frame: "hits.frame" };

/** Where a row is in its input, as text; "" for a box, which is drawn, and a whole input. @param {Record<string, number> | undefined} region */
export function place(region) {
  const key = PLACES[page.collection?.region];
  if (!region || !key) return "";
  const values = Object.entries(region).map(([name, value]) => [name, number(value, { maximumFractionDigits: 2 })]);
  return t(key, Object.fromEntries(values));
}
