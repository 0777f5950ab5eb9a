// @ts-check
// What the rows of a picture are called: faces, or regions where a pipeline looks for something else; and where a row
// is that is no box: its seconds, its characters, its frame.
import { number, page, t } from "./words.js";

const FACES = {
  count: "browse.faces",
  none: "browse.no_face",
  fact: "facts.faces",
  pick: "pick.title_faces",
  touch: "pick.touch_faces",
  found: "query.faces",
  missing: "query.no_face",
  one: "query.face",
  largest: "query.largest",
  hit: "hits.part",
  number: "viewer.part",
};

const REGIONS = {
  count: "browse.regions",
  none: "browse.no_region",
  fact: "facts.regions",
  pick: "pick.title",
  touch: "pick.touch",
  found: "query.regions",
  missing: "query.no_region",
  one: "query.region",
  largest: "query.largest_region",
  hit: "hits.region",
  number: "viewer.region",
};

/** The keys of their words. */
export const PART = page.collection?.many && !("face" in page.collection.parameters) ? REGIONS : FACES;

/** @type {Record<string, string>} */
const PLACES = { span: "hits.span", text_span: "hits.text_span", frame: "hits.frame" };

/** Where a row is in its input, as text; "" for a box, which is drawn, and a whole input. @param {Record<string, number> | undefined} region */
export function place(region) {
  const key = PLACES[page.collection?.region];
  if (!region || !key) return "";
  const values = Object.entries(region).map(([name, value]) => [name, number(value, { maximumFractionDigits: 2 })]);
  return t(key, Object.fromEntries(values));
}
