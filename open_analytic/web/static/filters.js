// @ts-check
// Conditions on the collection's own columns, all of which must hold.
import { h, icon } from "./dom.js";
import { t, valueText } from "./words.js";

/**
 * @typedef {import("./state.js").Condition} Condition
 * @typedef {{column: string, type: "text" | "number" | "boolean" | "date" | "time", operators: string[], values: any[] | null}} Filter
 */

/** @type {Record<string, string>} */
const OPERATORS = {
  "=": "filter.equals",
  "<>": "filter.differs",
  "<": "filter.less",
  "<=": "filter.at_most",
  ">": "filter.more",
  ">=": "filter.at_least",
  in: "filter.in",
  contains: "filter.contains",
  "is null": "filter.empty",
  "is not null": "filter.given",
};
const INPUTS = { text: "text", number: "number", boolean: "text", date: "date", time: "datetime-local" };

let count = 0; // for ids

/**
 * @param {Filter[]} offered @param {Condition[]} initial @param {(conditions: Condition[]) => void} change
 */
export function filters(offered, initial, change) {
  if (!offered.length) return null;
  const list = h("ul", { class: "conditions" });
  /** @type {{read: () => Condition | null}[]} */
  let rows = [];
  let latest = "";
  const tell = () => {
    const complete = /** @type {Condition[]} */ (rows.map((row) => row.read()).filter(Boolean));
    if (JSON.stringify(complete) === latest) return;
    latest = JSON.stringify(complete);
    change(complete);
  };
  const append = (/** @type {Condition | null} */ condition) => {
    const row = conditionRow(offered, condition, tell, () => {
      rows = rows.filter((each) => each !== row);
      row.element.remove();
      tell();
      add.focus();
    });
    rows.push(row);
    list.append(row.element);
    return row;
  };
  const add = h(
    "button",
    { type: "button", id: "add-condition", onclick: () => append(null).focus() },
    icon("plus"),
    t("filter.add"),
  );
  const show = (/** @type {Condition[]} */ conditions) => {
    if (JSON.stringify(conditions) === latest) return;
    latest = JSON.stringify(conditions);
    rows = [];
    list.replaceChildren();
    for (const condition of conditions) if (offered.some((each) => each.column === condition.column)) append(condition);
  };
  show(initial);
  const element = h("fieldset", { class: "field" }, h("legend", {}, t("filter.title")), list, add);
  return { element, show };
}

/** @param {Filter[]} offered @param {Condition | null} condition @param {() => void} changed @param {() => void} remove */
function conditionRow(offered, condition, changed, remove) {
  const column = h(
    "select",
    { "aria-label": t("filter.column") },
    ...offered.map((each) => h("option", { value: each.column }, each.column)),
  );
  const operator = h("select", { "aria-label": t("filter.operator") });
  const place = h("span", { class: "condition-value" });
  let read = () => /** @type {any} */ (undefined);
  const filter = () => /** @type {Filter} */ (offered.find((each) => each.column === column.value));
  const values = (/** @type {any} */ value) => {
    const input = valueInput(filter(), operator.value, value, changed);
    read = input.read;
    place.replaceChildren(...input.elements);
  };
  const operators = () =>
    operator.replaceChildren(
      ...filter().operators.map((each) => h("option", { value: each }, OPERATORS[each] ? t(OPERATORS[each]) : each)),
    );
  column.addEventListener("change", () => {
    operators();
    values(undefined);
    changed();
  });
  operator.addEventListener("change", () => {
    values(undefined);
    changed();
  });
  if (condition) column.value = condition.column;
  operators();
  if (condition) operator.value = condition.operator;
  values(condition?.value);
  const away = h(
    "button",
    { type: "button", class: "quiet only-icon", "aria-label": t("filter.remove"), onclick: remove },
    icon("close"),
  );
  return {
    element: h("li", {}, column, operator, place, away),
    focus: () => column.focus(),
    /** @returns {Condition | null} */
    read: () => {
      if (operator.value.startsWith("is ")) return { column: column.value, operator: operator.value };
      const value = read();
      return value === undefined ? null : { column: column.value, operator: operator.value, value };
    },
  };
}

/**
 * The field or fields of a value, and what reads it: undefined while it is missing.
 * @param {Filter} filter
 * @param {string} operator
 * @param {any} value
 * @param {() => void} changed
 */
function valueInput(filter, operator, value, changed) {
  if (operator.startsWith("is ")) return { elements: [], read: () => null };
  const choices = filter.type === "boolean" ? [true, false] : operator === "contains" ? null : filter.values;
  if (operator === "in") return choices ? checks(choices, value, changed) : listed(filter, value, changed);
  if (choices && (operator === "=" || operator === "<>")) return chosen(choices, value, changed);
  const input = h("input", {
    type: INPUTS[filter.type],
    step: filter.type === "time" ? 1 : "any",
    "aria-label": t("filter.value"),
  });
  input.value = value === undefined ? "" : String(value);
  input.addEventListener("change", changed);
  return {
    elements: [input],
    read: () => (input.value === "" || !input.checkValidity() ? undefined : typed(filter, input.value)),
  };
}

/** @param {any[]} choices @param {any} value @param {() => void} changed */
function chosen(choices, value, changed) {
  const select = h(
    "select",
    { "aria-label": t("filter.value"), onchange: changed },
    h("option", { value: "" }, t("filter.choose")),
    ...choices.map((each, at) => h("option", { value: at }, valueText(each))),
  );
  const at = choices.findIndex((each) => String(each) === String(value));
  select.value = value === undefined || at < 0 ? "" : String(at);
  return { elements: [select], read: () => (select.value === "" ? undefined : choices[Number(select.value)]) };
}

/** @param {any[]} choices @param {any} value @param {() => void} changed */
function checks(choices, value, changed) {
  const selected = new Set((Array.isArray(value) ? value : []).map(String));
  const boxes = choices.map((each) =>
    h("input", {
      type: "checkbox",
      id: `choice-${(count += 1)}`,
      checked: selected.has(String(each)),
      onchange: changed,
    }),
  );
  const labels = boxes.map((box, at) =>
    h("span", { class: "check" }, box, h("label", { for: box.id }, valueText(choices[at]))),
  );
  const read = () => {
    const chosen = choices.filter((_, at) => boxes[at].checked);
    return chosen.length ? chosen : undefined;
  };
  return {
    elements: [h("span", { class: "checks", role: "group", "aria-label": t("filter.value") }, ...labels)],
    read,
  };
}

/** @param {Filter} filter @param {any} value @param {() => void} changed */
function listed(filter, value, changed) {
  const input = h("input", {
    type: "text",
    "aria-label": t("filter.values"),
    placeholder: t("filter.values"),
    onchange: changed,
  });
  input.value = Array.isArray(value) ? value.join(", ") : "";
  const read = () => {
    const chosen = input.value
      .split(/[,，]/)
      .map((each) => each.trim())
      .filter(Boolean)
      .map((each) => typed(filter, each));
    return chosen.length ? chosen : undefined;
  };
  return { elements: [input], read };
}

/** Numbers are sent as numbers, unless that would round them. @param {Filter} filter @param {string} text */
function typed(filter, text) {
  if (filter.type !== "number") return text;
  const value = Number(text);
  const exact = Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
  return exact ? value : text;
}
