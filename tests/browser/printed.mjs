// @ts-check
// The handout of an event as an organiser prints it: a sheet and a slide.

/** @import { Page } from "puppeteer-core" */
/** @import { OrganiserEvent } from "../../functions/pages/types.d.ts" */
/** @import { Context } from "./fixture.mjs" */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import decodeQR from "qr/decode.js";
import { checkAppearance, SCREENSHOTS, textOf } from "./fixture.mjs";

/**
 * From the view of an event whose contact is Edvard.
 *
 * @param {Pick<Context, "service" | "step"> & { page: Page, event: () => OrganiserEvent }} context
 */
export async function printedSteps({ page, service, step, event }) {
  await step("the handout links to the attendee page, on one sheet", async () => {
    await page.click("#handout");
    await page.waitForSelector(".sheet");
    assert.equal(await textOf(page, "#large-code"), event().code);
    assert.equal(await scanned(page), `${service.address}/api/pages#code=${event().code}&event=${event().id}`);
    assert.equal((await page.$$(".sheet pre")).length, 3);
    assert.match(await textOf(page, ".sheet"), /Questions: Edvard/);
    const pdf = await page.pdf({ preferCSSPageSize: true });
    writeFileSync(`${SCREENSHOTS}/handout.pdf`, pdf);
    assert.deepEqual(sheets(pdf), ["595 x 842"]);
    await checkAppearance(page, "handout-page");
  });
  await step("the handout is a slide as well", async () => {
    await page.click("#form");
    const pdf = await page.pdf({ preferCSSPageSize: true });
    writeFileSync(`${SCREENSHOTS}/handout-slide.pdf`, pdf);
    assert.deepEqual(sheets(pdf), ["960 x 540"]);
    await checkAppearance(page, "handout-slide");
  });
}

/**
 * The text of the handout's QR code, decoded from an image.
 *
 * @param {Page} page
 */
async function scanned(page) {
  const { width, height, data } = await page.$eval(".sheet .qr svg", async (drawing) => {
    const size = 600;
    const canvas = Object.assign(document.createElement("canvas"), { width: size, height: size });
    const copy = /** @type {SVGElement} */ (drawing.cloneNode(true));
    copy.setAttribute("width", String(size));
    copy.setAttribute("height", String(size));
    const image = new Image();
    image.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
    await image.decode();
    const pen = canvas.getContext("2d");
    if (!pen) throw new Error("there is no canvas");
    pen.drawImage(image, 0, 0, size, size);
    return { width: size, height: size, data: [...pen.getImageData(0, 0, size, size).data] };
  });
  return decodeQR({ width, height, data: Uint8Array.from(data) });
}

/**
 * The page sizes of a PDF in points.
 *
 * @param {Uint8Array} pdf
 */
function sheets(pdf) {
  const text = Buffer.from(pdf).toString("latin1");
  const boxes = text.matchAll(/\/Type\s*\/Page\b[^s][\s\S]*?\/MediaBox\s*\[([^\]]*)\]/g);
  return [...boxes].map(([, box = ""]) => box.trim().split(/\s+/).slice(2).map((size) => Math.round(Number(size))).join(" x "));
}
