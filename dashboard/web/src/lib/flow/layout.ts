// Where everything of the live flow stands, in pixels of a box of the given width.
//
//   wide:            sources              narrow:   grid  sources
//                       │                              │     │
//             grid ── site bus ──┬ load               ─ site bus ─
//                       │        └ load                │     │    │
//             storage   residual                  storage  load  residual

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

/** Where a box stands on the page, when the type is `scale` times as large as layout thinks. */
export const placeOf = (box: Box, scale: number): string =>
  `left:${box.x * scale}px;top:${box.y * scale}px;width:${box.w * scale}px;height:${box.h * scale}px`;

export interface Tip {
  readonly x: number;
  readonly y: number;
  /** Degrees, pointing along the line away from the other end. */
  readonly angle: 0 | 90 | 180 | 270;
}

export interface Placed {
  readonly id: string;
  /** Where the node stands, seen from the bus. */
  readonly side: "top" | "bottom" | "left" | "right";
  readonly card: Box;
  readonly pill: Box;
  /** From the node to the bus. */
  readonly path: string;
  readonly atNode: Tip;
  readonly atBus: Tip;
}

export interface FlowLayout {
  readonly shape: "wide" | "narrow";
  readonly height: number;
  readonly bus: Box;
  readonly placed: readonly Placed[];
}

export interface FlowSides {
  readonly grid: readonly string[];
  readonly source: readonly string[];
  readonly storage: readonly string[];
  readonly load: readonly string[];
  readonly residual: readonly string[];
}

/** Below this width the four sides become two rows. */
export const narrowPx = 760;

const gap = 12;
const cardH = 46;
const pillH = 62;
const lineRun = 44; // room for an arrow between a pill and the bus

const clamp = (low: number, value: number, high: number): number => Math.min(high, Math.max(low, value));
const round = (value: number): number => Math.round(value * 10) / 10;

const vertical = (id: string, card: Box, pill: Box, fromY: number, busX: number, busY: number): Placed => {
  const x = card.x + card.w / 2;
  const down = busY > fromY;
  const middle = (fromY + busY) / 2;
  return {
    id,
    side: down ? "top" : "bottom",
    card,
    pill,
    path: `M${round(x)},${round(fromY)} C${round(x)},${round(middle)} ${round(busX)},${round(middle)} ${round(busX)},${round(busY)}`,
    atNode: { x, y: fromY, angle: down ? 270 : 90 },
    atBus: { x: busX, y: busY, angle: down ? 90 : 270 },
  };
};

/** `bendX` is where the line turns level: between it and the bus nothing else may stand at another height. */
const horizontal = (
  id: string,
  card: Box,
  pill: Box,
  at: { readonly fromX: number; readonly bendX: number; readonly busX: number; readonly busY: number },
): Placed => {
  const y = pill.y + pill.h / 2;
  const right = at.busX > at.fromX;
  const middle = round((at.fromX + at.bendX) / 2);
  const [fromX, bendX, busX, busY] = [round(at.fromX), round(at.bendX), round(at.busX), round(at.busY)];
  return {
    id,
    side: right ? "left" : "right",
    card,
    pill,
    path: `M${fromX},${round(y)} C${middle},${round(y)} ${middle},${busY} ${bendX},${busY} L${busX},${busY}`,
    atNode: { x: at.fromX, y, angle: right ? 180 : 0 },
    atBus: { x: at.busX, y: at.busY, angle: right ? 0 : 180 },
  };
};

/** Points that divide a length evenly, seen from its start. */
const spread = (count: number, index: number, length: number): number => (length * (index + 1)) / (count + 1);

const wide = (width: number, sides: FlowSides, room: number): FlowLayout => {
  const cardW = clamp(132, width * 0.188, 230);
  const pillW = clamp(112, width * 0.14, 170);
  const busW = clamp(150, width * 0.19, 240);
  const busH = 132;
  const reach = cardH + pillH + lineRun;
  const bottomIds = [...sides.storage, ...sides.residual];
  const top = sides.source.length > 0 ? reach : 0;
  const bottom = bottomIds.length > 0 ? reach : 0;
  const most = Math.max(sides.load.length, sides.grid.length);
  const needed = Math.max(top + busH + bottom, most * (pillH + gap) - gap);
  const height = Math.max(needed, Math.min(room, 2 * needed));
  // Room to spare goes between the loads too, up to half a card each.
  const pitch = pillH + clamp(gap, (height - most * pillH) / Math.max(1, most - 1), gap + pillH / 2);
  const middle = height > top + busH + bottom ? height / 2 : top + busH / 2;
  const bus: Box = { x: width / 2 - busW / 2, y: middle - busH / 2, w: busW, h: busH };
  // A row may reach over the grid's corner, which is empty, but not into the column of loads.
  const zone = sides.load.length === 0 ? width : width - cardW - pillW - lineRun;

  const row = (ids: readonly string[], above: boolean): Placed[] =>
    ids.map((id, index) => {
      const w = Math.min(cardW, (zone - gap * (ids.length - 1)) / ids.length);
      const total = ids.length * w + (ids.length - 1) * gap;
      const x = clamp(0, width / 2 - total / 2, zone - total) + index * (w + gap);
      const card: Box = { x, y: above ? 0 : height - cardH, w, h: cardH };
      const pill: Box = { x, y: above ? cardH : height - cardH - pillH, w, h: pillH };
      const busX = bus.x + spread(ids.length, index, bus.w);
      return vertical(
        id,
        card,
        pill,
        above ? cardH + pillH : height - cardH - pillH,
        busX,
        above ? bus.y : bus.y + bus.h,
      );
    });

  const rows = [...row(sides.source, true), ...row(bottomIds, false)];
  const rowsEnd = Math.max(0, ...rows.map(({ card }) => card.x + card.w));

  const side = (ids: readonly string[], left: boolean): Placed[] => {
    const total = ids.length * pitch - (pitch - pillH);
    const start = clamp(0, middle - total / 2, height - total);
    return ids.map((id, index) => {
      const y = start + index * pitch;
      const card: Box = { x: left ? 0 : width - cardW, y, w: cardW, h: pillH };
      const pill: Box = { x: left ? cardW : width - cardW - pillW, y, w: pillW, h: pillH };
      const busX = left ? bus.x : bus.x + bus.w;
      return horizontal(id, card, pill, {
        fromX: left ? cardW + pillW : width - cardW - pillW,
        bendX: left ? busX : Math.max(busX, rowsEnd + gap),
        busX,
        busY: bus.y + spread(ids.length, index, bus.h),
      });
    });
  };

  return {
    shape: "wide",
    height,
    bus,
    placed: [...rows, ...side(sides.grid, true), ...side(sides.load, false)],
  };
};

const narrow = (width: number, sides: FlowSides): FlowLayout => {
  const upper = [...sides.grid, ...sides.source];
  const lower = [...sides.storage, ...sides.load, ...sides.residual];
  const space = 8;
  const run = 34;
  const stack = cardH + pillH;
  const busH = 76;
  const top = upper.length > 0 ? stack + run : 0;
  const bus: Box = { x: 0, y: top, w: width, h: busH };
  const height = top + busH + (lower.length > 0 ? run + stack : 0);

  const row = (ids: readonly string[], above: boolean): Placed[] =>
    ids.map((id, index) => {
      const w = (width - space * (ids.length - 1)) / ids.length;
      const x = index * (w + space);
      const y = above ? 0 : bus.y + bus.h + run;
      const card: Box = { x, y, w, h: cardH };
      const pill: Box = { x, y: y + cardH, w, h: stack - cardH };
      return vertical(id, card, pill, above ? stack : y, x + w / 2, above ? bus.y : bus.y + bus.h);
    });
  return { shape: "narrow", height, bus, placed: [...row(upper, true), ...row(lower, false)] };
};

/** How many nodes of each role find room; more are merged into one. */
export const roomFor = (width: number): Readonly<Record<"grid" | "source" | "storage" | "load", number>> =>
  width < narrowPx ? { grid: 1, source: 2, storage: 1, load: 1 } : { grid: 2, source: 3, storage: 2, load: 6 };

/** `room` is the height that the page has left for it, which a wide picture spreads into. */
export const layoutFlow = (width: number, sides: FlowSides, room = 0): FlowLayout =>
  width < narrowPx ? narrow(width, sides) : wide(width, sides, room);
