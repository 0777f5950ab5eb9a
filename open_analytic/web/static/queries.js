// @ts-check
// The size and the regions of a query, for reloads and the Back button.
import { get, ofCollection } from "./api.js";

/** @param {string} collection @param {import("./preview.js").Query} query */
export function remember(collection, query) {
  try {
    sessionStorage.setItem(`query:${collection}:${query.id}`, JSON.stringify(query));
  } catch {
    // Storage is full or forbidden: the service is asked instead.
  }
}

/** @param {string} collection @param {string} id @returns {Promise<import("./preview.js").Query>} */
export async function recalled(collection, id) {
  const stored = sessionStorage.getItem(`query:${collection}:${id}`);
  const query = stored && JSON.parse(stored);
  return query?.regions ? query : get(ofCollection(collection, `/queries/${encodeURIComponent(id)}`));
}
