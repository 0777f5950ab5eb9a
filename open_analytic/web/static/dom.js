// @ts-check
// Elements made by hand: text is always text.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element. Names that begin with "on" are listeners, "class" and "data-..." attributes, true an empty attribute.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {Record<string, any>} [properties]
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(name, properties = {}, ...children) {
  const element = document.createElement(name);
  set(element, properties);
  element.append(.../** @type {(Node | string)[]} */ (children.filter((child) => child || child === "")));
  return element;
}

/** An element of SVG. @param {string} name @param {Record<string, any>} properties @param {...Node} children */
export function svg(name, properties = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  set(element, properties);
  element.append(...children);
  return element;
}

/** @param {Element} element @param {Record<string, any>} properties */
function set(element, properties) {
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
}

/** @param {string} id @returns {any} */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`There is no element #${id}.`);
  return element;
}

/** A path of one of the icons, drawn in the colour of the text. @param {keyof typeof ICONS} name */
export function icon(name) {
  const image = svg("svg", { viewBox: "0 0 24 24", width: 20, height: 20, "aria-hidden": "true", class: "icon" });
  image.append(svg("path", { d: ICONS[name] }));
  return image;
}

const ICONS = {
  picture: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9.5h.01",
  camera: "M4 8h3l2-3h6l2 3h3v11H4zM12 16.5a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4z",
  folder: "M3 6h6l2 2.5h10V19H3z",
  close: "M6 6l12 12M18 6L6 18",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  plus: "M12 5v14M5 12h14",
  previous: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
};

/** Run a function when calls have stopped for a while. @param {() => void} action @param {number} ms */
export function settled(action, ms) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = window.setTimeout(action, ms);
  };
}

/**
 * Puts text on the clipboard, and says so on the button for a moment.
 * @param {string} text
 * @param {HTMLElement} button
 * @param {string} done
 */
export async function copy(text, button, done) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without the permission, or outside a secure context, the old way works on a selection.
    const area = h("textarea", { class: "hidden-text", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  const label = button.querySelector("span") || button;
  const before = label.textContent;
  label.textContent = done;
  window.setTimeout(() => {
    label.textContent = before;
  }, 1600);
}
