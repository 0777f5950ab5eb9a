// @ts-check
// The table of collections: counts, index and size of each, which take a query.
import { get, ofCollection } from "./api.js";
import { showError } from "./alerts.js";
import { item } from "./nouns.js";
import { bytes, number, t } from "./words.js";

const INDEX = { ready: "index.ready", building: "index.building", invalid: "index.invalid", absent: "index.absent" };

/** @param {HTMLElement} row */
async function fill(row) {
  const info = await get(ofCollection(row.dataset.collection || ""));
  /** @type {Record<string, string>} */
  const values = {
    pictures: item("count", { n: info.pictures }, info.noun),
    rows: number(info.rows),
    index: t(INDEX[/** @type {"ready"} */ (info.index)] || "index.absent"),
    bytes: bytes(info.bytes.table + (info.bytes.index || 0)),
  };
  for (const field of row.querySelectorAll("[data-field]")) {
    field.textContent = values[/** @type {HTMLElement} */ (field).dataset.field || ""];
  }
}

await Promise.all(
  [...document.querySelectorAll("[data-collection]")].map((row) =>
    fill(/** @type {HTMLElement} */ (row)).catch(showError),
  ),
);
