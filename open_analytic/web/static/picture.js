// @ts-check
// Pictures of the collection: small in a card, large in the dialog with what was detected in them, and as a query.
import { get, ofCollection, picture, thumbnail } from "./api.js";
import { h } from "./dom.js";
import { item, label } from "./nouns.js";
import { overlay } from "./overlay.js";
import { page } from "./words.js";

/** @param {string} collection @param {string} name @param {number | null} [part] */
export function small(collection, name, part) {
  const src = thumbnail(collection, name, part);
  const image = h("img", { src, alt: "", width: 320, height: 320, loading: "lazy", decoding: "async" });
  // A picture that is not there leaves its place empty.
  image.addEventListener("error", () => image.classList.add("gone"), { once: true });
  return image;
}

/** @param {import("./viewer.js").Shown} entry */
export function large({ collection, name, part }) {
  const captions = page.contents.caption; // then the page draws the regions; else the service frames the one that is meant
  const image = h("img", { src: picture(collection, name, captions ? null : part), alt: name });
  const missing = h("p", { class: "hint", hidden: true }, item("missing"));
  const stage = h("div", { class: "drawn" }, image);
  image.addEventListener(
    "error",
    () => {
      stage.hidden = true;
      missing.hidden = false;
    },
    { once: true },
  );
  if (captions) draw(stage, collection, name, part);
  return h("div", { class: "frame" }, stage, missing);
}

/** The regions with their captions, over the picture. @param {HTMLElement} stage @param {string} collection @param {string} name @param {number | null} [part] */
async function draw(stage, collection, name, part) {
  try {
    const { width, height, regions } = await get(ofCollection(collection, "/regions", { name }));
    if (!width) return;
    const places = regions.map((/** @type {any} */ { part: number, region, row }) => ({
      box: region,
      landmarks: [],
      label: label(row),
      meant: part === null || part === undefined ? undefined : number === part,
    }));
    stage.append(overlay(places, width, height));
  } catch {
    // The picture is shown without them.
  }
}

/** @param {string} collection @param {import("./state.js").State} state */
export function liked(collection, state) {
  const image = h("img", { src: picture(collection, state.like, state.part), alt: "" });
  image.addEventListener(
    "error",
    () => {
      image.hidden = true;
    },
    { once: true },
  );
  return h("div", { class: "stage plain" }, image);
}
