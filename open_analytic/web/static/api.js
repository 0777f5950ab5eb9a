// @ts-check
// The API: answers as JSON, errors with their message and hint.
import { t } from "./words.js";

export class ApiError extends Error {
  /**
   * @param {{type?: string, message?: string, hint?: string | null}} error
   * @param {number} status
   * @param {number} [retryAfter]
   */
  constructor(error, status, retryAfter = 0) {
    super(error.message || t("error.status", { status }));
    this.type = error.type || "";
    this.hint = error.hint || "";
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/**
 * Where something of a collection is.
 * @param {string} name
 * @param {string} [rest]
 * @param {Record<string, any>} [query]
 */
export function ofCollection(name, rest = "", query = {}) {
  return `/api/v1/collections/${encodeURIComponent(name)}${rest}${queryString(query)}`;
}

/** @param {Record<string, any>} query */
export function queryString(query) {
  const entries = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(entries.map(([key, value]) => [key, String(value)])).toString();
  return text ? `?${text}` : "";
}

/** @param {string} collection @param {string} name @param {number | null} [part] */
export function thumbnail(collection, name, part) {
  return ofCollection(collection, "/thumbnail", { name, part });
}

/** @param {string} collection @param {string} name @param {number | null} [part] */
export function picture(collection, name, part) {
  return ofCollection(collection, "/picture", { name, part });
}

/**
 * Ask; objects are sent as JSON, files and blobs as they are.
 * @param {string} method @param {string} path @param {any} [body] @param {AbortSignal} [signal] @returns {Promise<any>}
 */
export async function call(method, path, body, signal) {
  const raw = body instanceof Blob;
  /** @type {Record<string, string>} */
  const headers = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = raw ? body.type || "application/octet-stream" : "application/json";
  if (raw && headers["content-type"].includes("json")) headers["content-type"] = "application/octet-stream";
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers,
      body: body === undefined || raw ? body : JSON.stringify(body),
      signal,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError({ type: "Unreachable", message: t("error.unreachable"), hint: t("error.unreachable_hint") }, 0);
  }
  if (answer.status === 401) {
    location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  }
  const json = (answer.headers.get("content-type") || "").includes("json");
  const content = json ? await answer.json() : null;
  if (!answer.ok) throw new ApiError(content || {}, answer.status, Number(answer.headers.get("retry-after")) || 0);
  return content;
}

/** @param {string} path @param {AbortSignal} [signal] */
export function get(path, signal) {
  return call("GET", path, undefined, signal);
}
