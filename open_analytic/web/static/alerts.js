// @ts-check
// Errors and notices, in the page's alert region.
import { ApiError } from "./api.js";
import { byId, h, icon } from "./dom.js";
import { t, text } from "./words.js";

/** Show what went wrong; that a request was given up for a newer one is nothing to tell. @param {unknown} error */
export function showError(error) {
  if (error instanceof DOMException && error.name === "AbortError") return;
  if (error instanceof ApiError) show("bad", text(error.message), text(error.hint));
  else {
    console.error(error);
    show("bad", t("error.page"), String(error));
  }
}

/** @param {string} message @param {string} [hint] */
export function showNotice(message, hint = "") {
  show("", message, hint);
}

export function clearAlert() {
  byId("alert").replaceChildren();
}

/** Message and hint of an error on one line. @param {{message: string, hint?: string | null}} error */
export function sentence(error) {
  return joined(text(error.message), text(error.hint || "")).join("");
}

/** A sentence and what follows it, with a space between where the script has one. @param {string} message @param {string} hint */
function joined(message, hint) {
  return hint ? [message, /[。！？]$/.test(message) ? "" : " ", hint] : [message];
}

/** @param {string} kind @param {string} message @param {string} hint */
function show(kind, message, hint) {
  const region = byId("alert");
  const close = h(
    "button",
    { type: "button", class: "quiet only-icon", "aria-label": t("alert.close"), onclick: clearAlert },
    icon("close"),
  );
  region.replaceChildren(
    h(
      "div",
      { class: `notice ${kind}` },
      h("p", {}, message, joined(message, hint)[1], hint && h("span", {}, hint)),
      close,
    ),
  );
  region.scrollIntoView({ block: "nearest" });
}
