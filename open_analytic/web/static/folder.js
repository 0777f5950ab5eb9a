// @ts-check
// The files of what was dropped or chosen that the collection takes, named as the command line names them: by their path below the folder.
import { isTaken } from "./picker.js";

/**
 * @typedef {{name: string, file: File}} Picture
 * @typedef {Picture[] & {leftOut?: Map<string, number>}} Chosen pictures, and how many files of which types were not taken
 */

/** Whether a path is one of a file that is taken, and no part of it hidden. @param {string} name */
function isPicture(name) {
  return !name.split("/").some((each) => each.startsWith(".")) && isTaken(name);
}

/** Of a file field; of a folder's the folder's own name is left out. @param {FileList} files @returns {Chosen} */
export function chosen(files) {
  return inOrder(
    [...files].map((file) => {
      const path = file.webkitRelativePath;
      return { name: path ? path.slice(path.indexOf("/") + 1) : file.name, file };
    }),
  );
}

/**
 * Of a drop. The entries have to be asked for before anything is waited for. Where files of several folders have one
 * name, the names begin with the folders' own.
 * @param {DataTransfer} data
 * @returns {Promise<Chosen>}
 */
export async function dropped(data) {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return inOrder([...data.files].map((file) => ({ name: file.name, file })));
  /** @type {Picture[]} */
  const below = [];
  /** @type {Picture[]} */
  const above = [];
  for (const entry of entries) {
    /** @type {Picture[]} */
    const files = [];
    if (entry?.isDirectory) await walk(/** @type {FileSystemDirectoryEntry} */ (entry), "", files);
    else if (entry) files.push({ name: entry.name, file: await opened(/** @type {FileSystemFileEntry} */ (entry)) });
    const prefix = entry?.isDirectory ? `${entry.name}/` : "";
    below.push(...files);
    above.push(...files.map(({ name, file }) => ({ name: isPicture(name) ? prefix + name : name, file })));
  }
  const names = below.map(({ name }) => name).filter(isPicture);
  return inOrder(new Set(names).size < names.length ? above : below);
}

/** @param {FileSystemDirectoryEntry} folder @param {string} prefix @param {Picture[]} files */
async function walk(folder, prefix, files) {
  for (const entry of await listed(folder)) {
    const name = prefix + entry.name;
    if (entry.name.startsWith(".")) continue;
    if (entry.isDirectory) await walk(/** @type {FileSystemDirectoryEntry} */ (entry), `${name}/`, files);
    else if (isPicture(name)) files.push({ name, file: await opened(/** @type {FileSystemFileEntry} */ (entry)) });
    else files.push({ name, file: new File([], entry.name) }); // only to be counted
  }
}

/**
 * Everything in a folder: the browser gives it a hundred at a time.
 * @param {FileSystemDirectoryEntry} folder
 * @returns {Promise<FileSystemEntry[]>}
 */
async function listed(folder) {
  const reader = folder.createReader();
  /** @type {FileSystemEntry[]} */
  const all = [];
  for (;;) {
    const some = /** @type {FileSystemEntry[]} */ (
      await new Promise((resolve, reject) => {
        reader.readEntries(resolve, reject);
      })
    );
    if (!some.length) return all;
    all.push(...some);
  }
}

/** @param {FileSystemFileEntry} entry @returns {Promise<File>} */
function opened(entry) {
  return new Promise((resolve, reject) => {
    entry.file(resolve, reject);
  });
}

/** `a/b.jpg` as `a/b (2).jpg`. @param {string} name @param {number} count */
function numbered(name, count) {
  const dot = name.lastIndexOf(".");
  return `${name.slice(0, dot)} (${count})${name.slice(dot)}`;
}

/** Pictures by name, with a count of the rest. A name that comes again gets a number. @param {Picture[]} files @returns {Chosen} */
function inOrder(files) {
  /** @type {Map<string, Picture>} */
  const named = new Map();
  for (const { name, file } of files.filter((picture) => isPicture(picture.name))) {
    let free = name;
    for (let count = 2; named.has(free); count++) free = numbered(name, count);
    named.set(free, { name: free, file });
  }
  /** @type {Chosen} */
  const pictures = [...named.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  pictures.leftOut = new Map();
  for (const { name } of files.filter((file) => !isPicture(file.name))) {
    const type = name.toLowerCase().match(/[^/.](\.[^./]+)$/)?.[1] || "";
    pictures.leftOut.set(type, (pictures.leftOut.get(type) || 0) + 1);
  }
  return pictures;
}
