// @ts-check
// How the answer came about: the time it took, why the plan was chosen, and the SQL that gives the same.
import { get } from "./api.js";
import { sentence } from "./alerts.js";
import { copy, h, icon } from "./dom.js";
import { item } from "./nouns.js";
import { milliseconds, number, t, text } from "./words.js";

/**
 * @param {HTMLElement} place
 * @param {import("./hits.js").Found} answer
 * @param {string} address of the same search, explained
 * @param {boolean} open as it was before
 */
export function showHow(place, answer, address, open) {
  const reason = h("p", { class: "reason", role: "status" });
  const plan = h("dl", { class: "values" });
  const details = h(
    "details",
    { class: "how", id: "explain" },
    h("summary", {}, t("how.title")),
    times(answer.milliseconds),
    reason,
    plan,
  );
  let loaded = false;
  const ask = async () => {
    if (loaded || !details.open) return;
    loaded = true;
    reason.textContent = t("how.asking");
    try {
      const { explained } = await get(address);
      reason.textContent = explained?.reason ? text(explained.reason) : t("how.nothing");
      plan.replaceChildren(...facts(explained || {}));
    } catch (error) {
      reason.textContent = sentence(/** @type {Error & {hint?: string}} */ (error));
      loaded = false;
    }
  };
  details.addEventListener("toggle", ask);
  details.open = open;
  place.replaceChildren(details, statement(answer.sql));
}

/** @param {Record<string, number | null>} ms */
function times(ms) {
  const rows = /** @type {[string, number | null][]} */ ([
    [item("model"), ms.decode_and_model],
    [t("how.search"), ms.search],
    [t("how.total"), ms.total],
  ]);
  const rows_ = rows.filter(([, value]) => value !== null && value !== undefined);
  return h(
    "dl",
    { class: "times" },
    ...rows_.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, milliseconds(value)))),
  );
}

/** @param {any} explained */
function facts(explained) {
  const plans = { index: t("how.plan_index"), exact: t("how.plan_exact") };
  const all = [
    [t("how.plan"), plans[/** @type {"index" | "exact"} */ (explained.plan)] || explained.plan],
    [t("how.rows"), explained.rows],
    [t("how.matches"), explained.matches?.used],
    [t("how.walked"), explained.done?.walked],
  ];
  return all
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) =>
      h("div", {}, h("dt", {}, name), h("dd", {}, typeof value === "number" ? number(value) : String(value))),
    );
}

/** @param {string} sql */
function statement(sql) {
  const button = h("button", { type: "button", id: "copy-sql" }, icon("copy"), h("span", {}, t("how.copy")));
  button.addEventListener("click", () => copy(sql, button, t("how.copied")));
  return h(
    "details",
    { class: "how", id: "sql" },
    h("summary", {}, t("how.sql")),
    h("p", { class: "hint" }, t("how.sql_hint")),
    h(
      "div",
      { class: "code" },
      h("pre", { tabindex: 0, role: "region", "aria-label": "SQL" }, h("code", {}, sql)),
      button,
    ),
  );
}
