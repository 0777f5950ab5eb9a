// @ts-check
// Where a picture comes from: dropped anywhere on the page, pasted, chosen, photographed, or by its address.
import { hasCamera, takePicture } from "./camera.js";
import { h, icon } from "./dom.js";
import { t } from "./words.js";

export const SUFFIXES = [".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"];

/** What this site reads besides, such as .heic. @param {string[]} suffixes */
export function takeAlso(suffixes) {
  for (const suffix of suffixes) if (!SUFFIXES.includes(suffix)) SUFFIXES.push(suffix);
}

let own = false; // what is dragged comes from this page: a hit that was meant to be clicked

/**
 * A button that chooses a file, for what cannot be photographed or pasted.
 * @param {HTMLElement} place
 * @param {{label: string, accept: string, onfile: (file: Blob) => void}} options
 */
export function filePicker(place, { label, accept, onfile }) {
  const input = h("input", { type: "file", accept, hidden: true, id: "file" });
  input.addEventListener("change", () => {
    if (input.files?.[0]) onfile(input.files[0]);
    input.value = "";
  });
  const button = h("button", { type: "button", class: "primary", id: "choose", onclick: () => input.click() }, label);
  place.replaceChildren(h("div", { class: "drop-zone" }, h("div", { class: "row" }, button, input)));
}

/**
 * @param {HTMLElement} place
 * @param {{title: string, touch: string, urls?: boolean, onfile: (file: Blob) => void, onurl?: (url: string) => void,
 *   onmany?: (data: DataTransfer) => void}} options
 */
export function picker(place, { title, touch, urls, onfile, onurl, onmany }) {
  const input = h("input", { type: "file", accept: `image/*,${SUFFIXES.join(",")}`, hidden: true, id: "file" });
  input.addEventListener("change", () => {
    if (input.files?.[0]) onfile(input.files[0]);
    input.value = "";
  });
  const choose = h(
    "button",
    { type: "button", class: "primary", id: "choose", onclick: () => input.click() },
    icon("picture"),
    t("pick.choose"),
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
    h("div", { class: "drop-mark" }, icon("picture")),
    h("p", { class: "drop-title fine" }, title),
    h("p", { class: "drop-title coarse" }, touch),
    h("div", { class: "row" }, choose, camera, input),
    h("p", { class: "hint fine" }, t("pick.paste")),
  );
  place.replaceChildren(zone);
  if (urls && onurl) zone.append(urlForm(onurl));
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
 * @param {((url: string) => void) | undefined} onurl
 * @param {((data: DataTransfer) => void) | undefined} onmany
 */
function listen(zone, onfile, onurl, onmany) {
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

/** The first picture of what was dropped or pasted. @param {DataTransfer | null} data */
function first(data) {
  const files = [...(data?.files || [])];
  return files.find((file) => file.type.startsWith("image/")) || files[0];
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
  return (all.find((each) => each.offsetParent) || all[0]) === zone;
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
