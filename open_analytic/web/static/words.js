// @ts-check
// Words, numbers and dates in the page's language.

/** @typedef {string | {one: string, other: string}} Text */

/** @param {string} id */
function block(id) {
  return JSON.parse(document.getElementById(id)?.textContent || "{}");
}

/** @type {Record<string, Text>} */
const table = block("words");

/** What the page knows when it comes: the collection or pipeline, and the site. */
export const page = block("page");

export const language = document.documentElement.lang;
const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });

/**
 * The words of a key; {n} in them is formatted and chooses between one and other.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function t(key, values = {}) {
  const text = table[key];
  if (text === undefined) return key;
  const chosen = typeof text === "string" ? text : values.n === 1 ? text.one : text.other;
  return chosen.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === "number" ? number(value) : String(value ?? "");
  });
}

/** The words of the first of the keys that has some. @param {string[]} keys @param {Record<string, string | number>} [values] */
export function first(keys, values) {
  return t(keys.find((key) => key in table) || keys[0], values);
}

/** The service's texts as templates, with the words that the page shows instead. @type {{pattern: RegExp, words: string}[]} */
const texts = Object.entries(block("texts")).map(([template, words]) => {
  const parts = template.split(/\{(\w+)\}/); // text and name by turns
  const source = parts.map((part, at) => (at % 2 ? `(?<${part}>.+?)` : part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")));
  return { pattern: new RegExp(`^${source.join("")}$`, "s"), words };
});

/** A text of the service, such as an error's message, in the page's words; one they do not have stays. @param {string} message */
export function text(message) {
  for (const { pattern, words } of texts) {
    const match = pattern.exec(message);
    if (match) return words.replace(/\{(\w+)\}/g, (_, name) => match.groups?.[name] ?? "");
  }
  return message;
}

/** @param {number} value @param {Intl.NumberFormatOptions} [options] */
export function number(value, options) {
  return options ? new Intl.NumberFormat(language, options).format(value) : whole.format(value);
}

/** A distance with the digits that matter, as many in each of a list. @param {number} value */
export function distance(value) {
  const size = Math.abs(value);
  if (size >= 100 || (size > 0 && size < 0.001)) return number(value, { maximumSignificantDigits: 4 });
  return number(value, { minimumFractionDigits: 3, maximumFractionDigits: 3 });
}

/** @param {number | null} value */
export function milliseconds(value) {
  if (value === null || value === undefined) return "–";
  return `${number(value, { maximumSignificantDigits: value < 100 ? 2 : 3 })} ms`;
}

/** @param {number} value */
export function bytes(value) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  let power = 0;
  for (; value >= 1000 && power < units.length - 1; power += 1) value /= 1000;
  return number(value, { style: "unit", unit: units[power], unitDisplay: "short", maximumSignificantDigits: 3 });
}

/** @param {number} share */
export function percent(share) {
  return number(share, { style: "percent", maximumFractionDigits: 1 });
}

/** @param {string} iso */
export function date(iso) {
  const day = new Date(iso);
  if (Number.isNaN(day.getTime())) return iso;
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(day);
}

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 100) return number(seconds, { style: "unit", unit: "second", maximumSignificantDigits: 2 });
  return number(seconds / 60, { style: "unit", unit: "minute", maximumSignificantDigits: 2 });
}

/** A value of a user's column, as text. @param {unknown} value */
export function valueText(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") return number(value, { maximumFractionDigits: 6, useGrouping: false });
  if (typeof value === "boolean") return t(value ? "value.true" : "value.false");
  return typeof value === "string" ? value : JSON.stringify(value);
}
