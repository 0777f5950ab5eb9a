// @ts-check
// An item of the collection, large, with what is known of it, in a dialog.
import { h, icon } from "./dom.js";
import { values } from "./hits.js";
import { MODALITY } from "./modalities.js";
import { item, part, place } from "./nouns.js";
import { distance, t } from "./words.js";

/**
 * @typedef {{collection: string, name: string, part?: number | null, region?: any, distance?: number, row?: Record<string, any>}} Shown
 */

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
    const steps = all.length > 1 ? [step("previous", () => move(-1)), step("next", () => move(1))] : [];
    const shut = { type: "button", class: "quiet only-icon shut", "aria-label": t("dialog.close"), onclick: close };
    dialog.replaceChildren(
      MODALITY.large(all[at]),
      about(all[at], [more, ...(actions ? actions(at, close) : [])]),
      ...steps,
      h("button", shut, icon("close")),
    );
  };
  const move = (/** @type {1 | -1} */ by) => {
    show(at + by);
    /** @type {HTMLElement | null} */ (dialog.querySelector(by > 0 ? ".step.next" : ".step.previous"))?.focus();
  };
  dialog.addEventListener("keydown", (event) => {
    if (all.length < 2 || (event.key !== "ArrowLeft" && event.key !== "ArrowRight")) return;
    event.preventDefault();
    move(event.key === "ArrowRight" ? 1 : -1);
  });
  opened(dialog, close);
  show(at);
  dialog.showModal();
  /** @type {HTMLElement | null} */ (dialog.querySelector(".about .button"))?.focus();
}

/**
 * A click beside it closes the dialog; closed, it is gone.
 * @param {HTMLDialogElement} dialog
 * @param {() => void} close
 */
function opened(dialog, close) {
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) close();
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
}

/** @param {"previous" | "next"} name @param {() => void} onclick */
function step(name, onclick) {
  const label = item(name);
  return h("button", { type: "button", class: `step ${name}`, "aria-label": label, onclick }, icon(name));
}

/** @param {Shown} entry @param {Node[]} actions */
function about(entry, actions) {
  const name = h("h2", { id: "viewer-name" }, entry.name);
  return h("div", { class: "about" }, name, facts(entry), h("div", { class: "row" }, ...actions));
}

/** @param {Shown} entry */
function facts(entry) {
  const list = values(entry.row || {});
  const first = (/** @type {string} */ name, /** @type {string} */ value) =>
    list.prepend(h("div", {}, h("dt", {}, name), h("dd", {}, value)));
  if (place(entry.region)) first(t("viewer.where"), place(entry.region));
  if (entry.part !== null && entry.part !== undefined) first(part("number"), String(entry.part + 1));
  if (entry.distance !== undefined) first(t("hits.distance"), distance(entry.distance));
  return list;
}

/**
 * Ask before something that cannot be taken back. @param {string} question @param {string} text @param {string} yes
 * @returns {Promise<boolean>}
 */
export function confirmed(question, text, yes) {
  return asking(question, [h("p", {}, text)], yes, { kind: "danger" }).then((answer) => answer !== null);
}

/**
 * A dialog with a form: its fields when it was agreed to, else null.
 * @param {string} title
 * @param {Node[]} content
 * @param {string} yes
 * @param {{kind?: string, cancel?: boolean}} [options] without Cancel where one of the choices is to do nothing
 * @returns {Promise<FormData | null>}
 */
export function asking(title, content, yes, { kind = "primary", cancel: both = true } = {}) {
  const form = h("form", { method: "dialog" }, h("h2", { id: "asking-title" }, title), ...content);
  const dialog = h("dialog", { class: "asking", "aria-labelledby": "asking-title" }, form);
  const cancel = h("button", { type: "button", onclick: () => dialog.close() }, t("dialog.cancel"));
  form.append(h("div", { class: "row end" }, both && cancel, h("button", { class: kind }, yes)));
  document.body.append(dialog);
  return new Promise((resolve) => {
    /** @type {FormData | null} */
    let answer = null;
    form.addEventListener("submit", () => {
      answer = new FormData(form);
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
    dialog.showModal();
    if (kind === "danger") cancel.focus();
  });
}
