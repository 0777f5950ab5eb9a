// @ts-check
// Where a file comes from: dropped anywhere on the page or chosen; a picture also pasted, photographed, or by its address.
import { hasCamera, takePicture } from "./camera.js";
import { h, icon } from "./dom.js";
import { MODALITY } from "./modalities.js";
import { item } from "./nouns.js";
import { page, t } from "./words.js";

/** What a field for files offers. */
export const ACCEPT = [...(MODALITY.drawn ? ["image/*"] : []), ...(page.contents?.suffixes || [])].join(",");

let own = false; // what is dragged comes from this page: a hit that was meant to be clicked

/**
 * @param {HTMLElement} place
 * @param {{title: string, touch: string, urls?: boolean, onfile: (file: Blob) => void, onurl?: (url: string) => void,
 *   onmany?: (data: DataTransfer) => void}} options
 */
export function picker(place, { title, touch, urls, onfile, onurl, onmany }) {
  const input = h("input", { type: "file", accept: ACCEPT, hidden: true, id: "file" });
  input.addEventListener("change", () => {
    if (input.files?.[0]) onfile(input.files[0]);
    input.value = "";
  });
  const choose = h(
    "button",
    { type: "button", class: "primary", id: "choose", onclick: () => input.click() },
    icon(MODALITY.drawn ? "picture" : "folder"),
    item("choose"),
  );
  const camera = h(
    "button",
    {
      type: "button",
      id: "camera",
      hidden: true,
      onclick: async () => {
        const picture = await takePicture();
        if (picture) onfile(picture);
      },
    },
    icon("camera"),
    t("pick.camera"),
  );
  const zone = h(
    "div",
    { class: "drop-zone" },
    h("div", { class: "drop-mark" }, icon(MODALITY.drawn ? "picture" : "folder")),
    h("p", { class: "drop-title fine" }, title),
    h("p", { class: "drop-title coarse" }, touch),
    h("div", { class: "row" }, choose, camera, input),
    MODALITY.drawn && h("p", { class: "hint fine" }, t("pick.paste")),
  );
  place.replaceChildren(zone);
  if (urls && onurl) zone.append(urlForm(onurl));
  if (MODALITY.drawn)
    hasCamera().then((there) => {
      camera.hidden = !there;
    });
  listen(zone, onfile, urls ? onurl : undefined, onmany);
}

/** @param {(url: string) => void} onurl */
function urlForm(onurl) {
  const field = h("input", {
    type: "url",
    id: "url",
    required: true,
    placeholder: "https://",
    spellcheck: "false",
    autocomplete: "off",
  });
  const form = h(
    "form",
    { class: "row url" },
    h("label", { for: "url" }, t("pick.url")),
    field,
    h("button", {}, t("pick.fetch")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    onurl(field.value.trim());
  });
  return form;
}

/**
 * Drops and pastes anywhere on the page.
 * @param {HTMLElement} zone
 * @param {(file: Blob) => void} onfile
 * @param {((url: string) => void)} [onurl]
 * @param {((data: DataTransfer) => void)} [onmany]
 */
export function listen(zone, onfile, onurl, onmany) {
  dragged();
  document.addEventListener("drop", (event) => {
    if (!takes(zone, event)) return;
    if (onmany && event.dataTransfer && isMany(event.dataTransfer)) {
      onmany(event.dataTransfer);
      return;
    }
    const file = first(event.dataTransfer);
    const url = event.dataTransfer?.getData("text/uri-list").split("\n")[0].trim();
    if (file) onfile(file);
    else if (url && onurl && /^https?:/.test(url)) onurl(url);
  });
  document.addEventListener("paste", (event) => {
    const file = first(event.clipboardData);
    if (!file) return;
    event.preventDefault();
    onfile(file);
  });
}

/** Whether it is a folder, or several files. @param {DataTransfer} data */
function isMany(data) {
  return data.files.length > 1 || [...data.items].some((item) => item.webkitGetAsEntry?.()?.isDirectory);
}

/** The first file of what was dropped or pasted that the page takes. @param {DataTransfer | null} data */
function first(data) {
  const files = [...(data?.files || [])];
  return files.find((file) => (MODALITY.drawn ? file.type.startsWith("image/") : isTaken(file.name))) || files[0];
}

/** Whether a name ends like those of files that the page takes. @param {string} name */
export function isTaken(name) {
  const last = name.split("/").pop()?.toLowerCase() || "";
  return (page.contents?.suffixes || []).some(
    (/** @type {string} */ suffix) => last.endsWith(suffix) && last.length > suffix.length,
  );
}

/**
 * Whether a drop is for this zone: it was made there, or beside all zones and this is the first to be seen.
 * @param {HTMLElement} zone
 * @param {Event} event
 */
export function takes(zone, event) {
  if (own) return false;
  const under = event.target instanceof Element && event.target.closest(".drop-zone");
  if (under) return under === zone;
  const all = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(".drop-zone")]);
  return (all.find((each) => each.offsetParent) || all[0] || zone) === zone;
}

/** The page shows that it takes what is dragged over it, and no drop opens the file in its place. */
export function dragged() {
  let leave = 0;
  document.addEventListener("dragstart", () => {
    own = true;
  });
  document.addEventListener("dragend", () => {
    own = false;
  });
  document.addEventListener("dragover", (event) => {
    if (own || !event.dataTransfer?.types.some((type) => type === "Files" || type === "text/uri-list")) return;
    event.preventDefault();
    document.body.classList.add("dragging");
    clearTimeout(leave);
    leave = window.setTimeout(() => document.body.classList.remove("dragging"), 200);
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dragging");
  });
}
