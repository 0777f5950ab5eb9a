// @ts-check
// A picture of the collection, large, with what is known of it, in a dialog.
import { picture } from "./api.js";
import { h, icon } from "./dom.js";
import { values } from "./hits.js";
import { distance, t } from "./words.js";

/** @typedef {{collection: string, name: string, part?: number | null, distance?: number, row?: Record<string, any>}} Shown */

/**
 * @param {Shown[]} all @param {number} at
 * @param {{link: (at: number) => string, go?: (at: number) => void, actions?: (at: number, close: () => void) => Node[]}} options
 */
export function view(all, at, { link, go, actions }) {
  const dialog = h("dialog", { class: "viewer", "aria-labelledby": "viewer-name" });
  const close = () => dialog.close();
  const show = (/** @type {number} */ next) => {
    at = (next + all.length) % all.length;
    const more = h("a", { class: "button primary", href: link(at) }, t("viewer.more"));
    more.addEventListener("click", (event) => {
      if (!go || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      close();
      go(at);
    });
    const item = all[at];
    dialog.replaceChildren(
      frame(item),
      h("div", { class: "about" },
        h("h2", { id: "viewer-name" }, item.name),
        facts(item),
        h("div", { class: "row" }, more, ...(actions ? actions(at, close) : []))),
      ...(all.length > 1 ? [step("previous", t("viewer.previous"), () => show(at - 1)), step("next", t("viewer.next"), () => show(at + 1))] : []),
      h("button", { type: "button", class: "quiet only-icon shut", "aria-label": t("dialog.close"), onclick: close }, icon("close")));
  };
  const move = (/** @type {number} */ next, /** @type {string} */ focus) => {
    show(next);
    /** @type {HTMLElement | null} */ (dialog.querySelector(focus))?.focus();
  };
  const step = (/** @type {"previous" | "next"} */ name, /** @type {string} */ label, /** @type {() => void} */ action) =>
    h("button", { type: "button", class: `step ${name}`, "aria-label": label, onclick: () => { action(); move(at, `.step.${name}`); } }, icon(name));
  dialog.addEventListener("keydown", (event) => {
    if (all.length < 2 || (event.key !== "ArrowLeft" && event.key !== "ArrowRight")) return;
    event.preventDefault();
    move(at + (event.key === "ArrowRight" ? 1 : -1), event.key === "ArrowRight" ? ".step.next" : ".step.previous");
  });
  dialog.addEventListener("click", (event) => { if (event.target === dialog) close(); });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  show(at);
  dialog.showModal();
  /** @type {HTMLElement | null} */ (dialog.querySelector(".about .button"))?.focus();
}

/** @param {Shown} item */
function frame(item) {
  const image = h("img", { src: picture(item.collection, item.name, item.part), alt: item.name });
  const missing = h("p", { class: "hint", hidden: true }, t("viewer.missing"));
  image.addEventListener("error", () => { image.hidden = true; missing.hidden = false; }, { once: true });
  return h("div", { class: "frame" }, image, missing);
}

/** @param {Shown} item */
function facts(item) {
  const list = values(item.row || {});
  const first = (/** @type {string} */ name, /** @type {string} */ value) => list.prepend(h("div", {}, h("dt", {}, name), h("dd", {}, value)));
  if (item.part !== null && item.part !== undefined) first(t("viewer.part"), String(item.part + 1));
  if (item.distance !== undefined) first(t("hits.distance"), distance(item.distance));
  return list;
}

/**
 * Ask before something that cannot be taken back. @param {string} question @param {string} text @param {string} yes
 * @returns {Promise<boolean>}
 */
export function confirmed(question, text, yes) {
  return asking(question, [h("p", {}, text)], yes, "danger").then((answer) => answer !== null);
}

/**
 * A dialog with a form: its fields when it was agreed to, else null.
 * @param {string} title @param {Node[]} content @param {string} yes @param {string} [kind] @returns {Promise<FormData | null>}
 */
export function asking(title, content, yes, kind = "primary") {
  const form = h("form", { method: "dialog" }, h("h2", { id: "asking-title" }, title), ...content);
  const dialog = h("dialog", { class: "asking", "aria-labelledby": "asking-title" }, form);
  const cancel = h("button", { type: "button", onclick: () => dialog.close() }, t("dialog.cancel"));
  form.append(h("div", { class: "row end" }, cancel, h("button", { class: kind }, yes)));
  document.body.append(dialog);
  return new Promise((resolve) => {
    /** @type {FormData | null} */
    let answer = null;
    form.addEventListener("submit", () => { answer = new FormData(form); });
    dialog.addEventListener("close", () => { dialog.remove(); resolve(answer); });
    dialog.showModal();
    if (kind === "danger") cancel.focus();
  });
}
