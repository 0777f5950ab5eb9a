// @ts-check
// What the items of a collection are called: pictures or texts.
import { page } from "./words.js";

const PICTURES = {
  count: "browse.count",
  none: "browse.none",
  shown: "browse.shown",
  fact: "facts.pictures",
  previous: "viewer.previous",
  next: "viewer.next",
  model: "how.model",
  again: "query.again",
  delete: "edit.delete_title",
  rename: "edit.rename_title",
};

const TEXTS = {
  count: "browse.count_texts",
  none: "browse.no_texts",
  shown: "browse.shown_texts",
  fact: "facts.texts",
  previous: "viewer.previous_text",
  next: "viewer.next_text",
  model: "how.model_text",
  again: "query.again_text",
  delete: "edit.delete_text_title",
  rename: "edit.rename_text_title",
};

/** The keys of their words. @param {string | undefined} noun of the kind of the collection's items */
export function named(noun) {
  return noun === "text" ? TEXTS : PICTURES;
}

/** Those of the page's collection. */
export const ITEM = named(page.collection?.noun);
