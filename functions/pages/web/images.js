// @ts-check
// Images to send: chosen, pasted or dropped.

import { fill, h } from "./dom.js";
import * as t from "./texts.js";

/** Longest side of an image in pixels. A larger one costs tokens and shows the model nothing more. */
const MAX_SIDE = 1024;

/**
 * The images that will be sent, with thumbnails. `onProblem` gets a message.
 *
 * @param {(message: string) => void} onProblem
 */
export function imageList(onProblem) {
  const element = h("div.images");
  /** @type {string[]} */
  let images = [];

  function show() {
    fill(element, images.map((image, index) => h("figure", {},
      h("img", { src: image, alt: t.imageToSend(index + 1) }),
      h("button.small", { type: "button", onclick: () => set(images.filter((_, other) => other !== index)) }, t.remove))));
  }

  /** @param {string[]} wanted */
  function set(wanted) {
    images = wanted;
    show();
  }

  /** @param {File[]} files */
  async function add(files) {
    for (const file of files) {
      try {
        images.push(await asDataUrl(file));
      } catch {
        onProblem(t.theImageCouldNot);
      }
    }
    show();
  }

  /**
   * Adds the images of a paste or a drop. Returns whether there were any.
   *
   * @param {DataTransfer | null} data
   */
  function addFrom(data) {
    const files = [...data?.files ?? []].filter((each) => each.type.startsWith("image/"));
    if (files.length) add(files);
    return files.length > 0;
  }

  return { element, add, addFrom, take: () => images, clear: () => set([]) };
}

/**
 * An image as a data URL, scaled down if it is large.
 *
 * @param {File} file
 */
async function asDataUrl(file) {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, MAX_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = h("canvas", { width: Math.round(bitmap.width * scale), height: Math.round(bitmap.height * scale) });
  const pen = canvas.getContext("2d");
  if (pen) {
    // JPEG has no transparency: without this, it becomes black.
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  }
  bitmap.close();
  return canvas.toDataURL("image/jpeg", 0.85);
}
