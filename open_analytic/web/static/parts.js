// @ts-check
// What the rows of a picture are called: faces, or regions where a pipeline looks for something else.
import { page } from "./words.js";

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
