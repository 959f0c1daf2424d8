import jsQR from 'jsqr';
import type { Locator } from 'playwright-core';

/** Reads the QR code that an element of a page shows, as a scanner does that sees the screen. */
export async function scan(element: Locator): Promise<string> {
  const png = (await element.screenshot()).toString('base64');
  // In a page of its own, without the policy of the shop's page.
  const page = await element.page().context().newPage();
  const { width, height, pixels } = await page.evaluate<{
    width: number;
    height: number;
    pixels: string;
  }>(`(async () => {
    const picture = await createImageBitmap(await (await fetch('data:image/png;base64,${png}')).blob());
    const { width, height } = picture;
    const pen = new OffscreenCanvas(width, height).getContext('2d');
    pen.drawImage(picture, 0, 0);
    const bytes = pen.getImageData(0, 0, width, height).data;
    return { width, height, pixels: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')) };
  })()`);
  await page.close();
  const bytes = Uint8ClampedArray.from(Buffer.from(pixels, 'base64'));
  return jsQR.default(bytes, width, height)?.data ?? '';
}
