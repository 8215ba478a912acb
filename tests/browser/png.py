"""Makes pictures of pages small: few colours, as flat pages have them, instead of millions."""

import base64
import struct
import zlib

from playwright.async_api import Page

MAX_COLOURS = 256
SIGNATURE = b"\x89PNG\r\n\x1a\n"

PALETTE = """
async ([png, most]) => {
  const image = await createImageBitmap(await (await fetch("data:image/png;base64," + png)).blob());
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const points = new Uint32Array(context.getImageData(0, 0, image.width, image.height).data.buffer);
  // The colours of areas stay as they are. Of the others, each channel gets as many levels as leave few enough colours: so
  // what a colour becomes depends on little else on the page.
  const counts = new Map();
  for (const point of points) counts.set(point, (counts.get(point) || 0) + 1);
  const areas = new Set([...counts].filter((each) => each[1] > points.length / 200).map((each) => each[0]));
  const rounded = (point, levels) => areas.has(point) ? point : [0, 8, 16].reduce((sum, bits) => sum | Math.round(
    Math.round((point >> bits & 255) / 255 * (levels - 1)) * 255 / (levels - 1)) << bits, 0xff << 24) >>> 0;
  let levels = 512, colours;
  do {
    levels /= 2;
    colours = [...new Set([...counts.keys()].map((point) => rounded(point, levels)))].sort((a, b) => a - b);
  } while (colours.length > most);
  const places = new Map(colours.map((colour, place) => [colour, place]));
  const found = Uint8Array.from(points, (point) => places.get(rounded(point, levels)));
  let text = "";
  for (let at = 0; at < found.length; at += 32768) text += String.fromCharCode(...found.subarray(at, at + 32768));
  return {width: image.width, height: image.height, colours, points: btoa(text)};
}
"""
"""The picture as places in a list of colours. The browser decodes it, so that no library for pictures is needed."""

FEW_POINTS = 40
"""Round corners are not always drawn with the very same points."""
DIFFERENCES = """
async (pngs) => {
  const [before, after] = await Promise.all(pngs.map(async (png) => {
    const image = await createImageBitmap(await (await fetch("data:image/png;base64," + png)).blob());
    const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
    context.drawImage(image, 0, 0);
    return context.getImageData(0, 0, image.width, image.height);
  }));
  if (before.width !== after.width || before.height !== after.height) return before.width * before.height;
  const [one, other] = [before, after].map((each) => new Uint32Array(each.data.buffer));
  return one.reduce((sum, point, at) => sum + (point !== other[at]), 0);
}
"""


async def look_same(page: Page, before: bytes, after: bytes) -> bool:
    """Whether nobody sees a difference between two pictures; `page` is an empty one."""
    pngs = [base64.b64encode(each).decode() for each in (before, after)]
    return bool(await page.evaluate(DIFFERENCES, pngs) <= FEW_POINTS)


async def reduced(page: Page, png: bytes) -> bytes:
    """The picture with at most 256 colours; `page` is an empty one."""
    found = await page.evaluate(PALETTE, [base64.b64encode(png).decode(), MAX_COLOURS])
    width, height, points = found["width"], found["height"], base64.b64decode(found["points"])
    rows = b"".join(b"\0" + points[at : at + width] for at in range(0, width * height, width))
    palette = b"".join(struct.pack("<I", colour)[:3] for colour in found["colours"])
    return b"".join(
        [
            SIGNATURE,
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", palette),
            _chunk(b"IDAT", zlib.compress(rows, 9)),
            _chunk(b"IEND", b""),
        ]
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
