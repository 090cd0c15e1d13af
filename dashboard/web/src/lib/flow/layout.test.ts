import fc from "fast-check";
import { expect, test } from "vitest";
import { type Box, type FlowLayout, layoutFlow, narrowPx, roomFor } from "./layout.ts";

const names = (role: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${role}-${index}`);

const scene = fc.integer({ min: 320, max: 2600 }).chain((width) => {
  const room = roomFor(width);
  return fc.record({
    width: fc.constant(width),
    height: fc.integer({ min: 0, max: 1600 }),
    grid: fc.integer({ min: 0, max: room.grid }),
    source: fc.integer({ min: 0, max: room.source }),
    storage: fc.integer({ min: 0, max: room.storage }),
    load: fc.integer({ min: 0, max: room.load }),
    residual: fc.integer({ min: 0, max: 1 }),
  });
});
const lay = (
  of: { width: number; height?: number } & Record<"grid" | "source" | "storage" | "load" | "residual", number>,
): FlowLayout =>
  layoutFlow(
    of.width,
    {
      grid: names("grid", of.grid),
      source: names("source", of.source),
      storage: names("storage", of.storage),
      load: names("load", of.load),
      residual: names("residual", of.residual),
    },
    of.height,
  );
const boxesOf = (layout: FlowLayout): Box[] => [layout.bus, ...layout.placed.flatMap(({ card, pill }) => [card, pill])];
const overlap = (a: Box, b: Box): boolean =>
  a.x + 0.01 < b.x + b.w && b.x + 0.01 < a.x + a.w && a.y + 0.01 < b.y + b.h && b.y + 0.01 < a.y + a.h;

test("nothing lies on anything else, at any width", () => {
  fc.assert(
    fc.property(scene, (of) => {
      const boxes = boxesOf(lay(of));
      boxes.forEach((box, index) => {
        for (const other of boxes.slice(index + 1)) expect(overlap(box, other)).toBe(false);
      });
    }),
  );
});

test("no line runs over a card", () => {
  const bezier = (a: number, b: number, c: number, d: number, t: number): number =>
    (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t ** 2 * c + t ** 3 * d;
  fc.assert(
    fc.property(scene, (of) => {
      const layout = lay(of);
      const boxes = boxesOf(layout);
      for (const { path } of layout.placed) {
        const [x0 = 0, y0 = 0, x1 = 0, y1 = 0, x2 = 0, y2 = 0, x3 = 0, y3 = 0] = [...path.matchAll(/-?[\d.]+/g)].map(
          Number,
        );
        for (let t = 0.02; t < 1; t += 0.02) {
          const dot = { x: bezier(x0, x1, x2, x3, t), y: bezier(y0, y1, y2, y3, t), w: 0.1, h: 0.1 };
          expect(boxes.some((box) => overlap(dot, box))).toBe(false);
        }
      }
    }),
  );
});

test("nothing sticks out of the box", () => {
  fc.assert(
    fc.property(scene, (of) => {
      const layout = lay(of);
      for (const box of boxesOf(layout)) {
        expect(box.x).toBeGreaterThanOrEqual(-0.01);
        expect(box.y).toBeGreaterThanOrEqual(-0.01);
        expect(box.x + box.w).toBeLessThanOrEqual(of.width + 0.01);
        expect(box.y + box.h).toBeLessThanOrEqual(layout.height + 0.01);
      }
    }),
  );
});

test("every node that is asked for is placed once", () => {
  fc.assert(
    fc.property(scene, (of) => {
      const layout = lay(of);
      expect(new Set(layout.placed.map(({ id }) => id)).size).toBe(layout.placed.length);
      expect(layout.placed).toHaveLength(of.grid + of.source + of.storage + of.load + of.residual);
    }),
  );
});

test("every line ends on the edge of the bus", () => {
  fc.assert(
    fc.property(scene, (of) => {
      const { bus, placed } = lay(of);
      for (const { atBus } of placed) {
        const onEdge =
          Math.abs(atBus.x - bus.x) < 0.01 ||
          Math.abs(atBus.x - bus.x - bus.w) < 0.01 ||
          Math.abs(atBus.y - bus.y) < 0.01 ||
          Math.abs(atBus.y - bus.y - bus.h) < 0.01;
        expect(onEdge).toBe(true);
      }
    }),
  );
});

test("a phone gets two rows, a desk the diamond", () => {
  expect(lay({ width: narrowPx - 1, grid: 1, source: 1, storage: 1, load: 1, residual: 1 }).shape).toBe("narrow");
  expect(lay({ width: narrowPx, grid: 1, source: 1, storage: 1, load: 1, residual: 1 }).shape).toBe("wide");
});

test("a wide picture spreads into the height it is given, and never takes less than it needs", () => {
  const of = { width: 1100, grid: 1, source: 1, storage: 1, load: 5, residual: 1 };
  const least = lay(of).height;
  expect(lay({ ...of, height: 10 }).height).toBe(least);
  const tall = lay({ ...of, height: least + 200 });
  expect(tall.height).toBe(least + 200);
  expect(Math.max(...boxesOf(tall).map(({ y, h }) => y + h))).toBe(least + 200);
});
