import type { Json } from "./ledger.ts";
import { createShapes, isPlain, readRow, type Shape, setKey, shapeOf, writeRow } from "./shape.ts";

// {"site":…,"nodes":{"a":{"w":1,"on":true},"b":{"w":2,"on":true}},"end":…}
//   rest      {"site":…,"nodes":{},"end":…}
//   layout    ["nodes", ["a","b"], [{"w":0,"on":true}], [0,2]]   the member, its ids, shapes of rows, runs of them
//   columns   w: 1, 2

/** A body whose table stands beside it; `columns` in the order of the layout, NaN for null: they hold until the next is split. */
export interface SplitBody {
  /** JSON of the body with an empty table. */
  readonly rest: string;
  readonly layout: string;
  readonly columns: readonly Float64Array[];
}

/** What tables of one layout share. */
export interface Layout {
  /** The member of the body that is the table. */
  readonly member: string;
  readonly ids: readonly string[];
  /** The shape of each row. */
  readonly shapes: readonly Shape[];
  readonly columns: readonly LayoutColumn[];
  /** Of each shape the column of each of its numbers. */
  readonly places: ReadonlyMap<Shape, Int32Array>;
}

export interface LayoutColumn {
  /** Keys that lead to it within a row. */
  readonly path: readonly string[];
  /** The rows that have it, in their order. */
  readonly rows: Int32Array;
}

// A smaller one gains little, and its text stays legible.
const leastRows = 32;

/** A column for each path to a number, in the order in which they come up. */
const createPaths = () => {
  const paths = new Map<string, number>();
  const places = new Map<Shape, Int32Array>();
  const placesOf = (shape: Shape): Int32Array => {
    const known = places.get(shape);
    if (known !== undefined) return known;
    const mine = Int32Array.from(shape.slots, (path) => {
      const place = paths.get(path) ?? paths.size;
      paths.set(path, place);
      return place;
    });
    places.set(shape, mine);
    return mine;
  };
  return { paths, places, placesOf };
};

/** Takes the table out of a body: the first member that is an object of many objects. Null for a body without one. */
export const createSplitter = (): ((body: Json) => SplitBody | null) => {
  const shapeFor = createShapes();
  let scratch = new Float64Array(64);
  let cells = new Float64Array(0);
  let counts = new Int32Array(0);
  const split = (body: Json, member: string, table: Record<string, unknown>): SplitBody | null => {
    const ids: string[] = [];
    const shapes = new Map<Shape, number>();
    const runs: number[] = [];
    const { paths, placesOf } = createPaths();
    const keys = Object.keys(table);
    const most = keys.length;
    counts.fill(0);
    let shape: Shape | null = null;
    let places: Int32Array = new Int32Array(0);
    for (const id of keys) {
      const row = table[id];
      if (row === undefined) continue;
      if (shape === null || !readRow(shape, row, scratch)) {
        shape = shapeFor(row);
        if (shape === null) return null;
        if (scratch.length < shape.slots.length) scratch = new Float64Array(2 * shape.slots.length);
        readRow(shape, row, scratch);
        if (!shapes.has(shape)) shapes.set(shape, shapes.size);
        // Rows that are all different are no table.
        if (shapes.size > most / 2) return null;
        runs.push(shapes.get(shape) ?? 0, 0);
        places = placesOf(shape);
        if (cells.length < paths.size * most) cells = grown(cells, new Float64Array(2 * paths.size * most));
        if (counts.length < paths.size) counts = grown(counts, new Int32Array(2 * paths.size));
      }
      ids.push(id);
      runs[runs.length - 1] = (runs.at(-1) ?? 0) + 1;
      for (let i = 0; i < places.length; i++) {
        const place = places[i] ?? 0;
        const count = counts[place] ?? 0;
        counts[place] = count + 1;
        cells[place * most + count] = scratch[i] ?? 0;
      }
    }
    return {
      rest: JSON.stringify({ ...(body as Record<string, Json>), [member]: {} }),
      layout: JSON.stringify([member, ids, [...shapes.keys()].map(({ skeleton }) => skeleton), runs]),
      columns: Array.from(paths, (_, place) => cells.subarray(place * most, place * most + (counts[place] ?? 0))),
    };
  };
  return (body) => {
    if (!isPlain(body) || "toJSON" in body) return null;
    for (const member in body) {
      const table = body[member];
      if (member === "__proto__" || !isPlain(table)) continue;
      let rows = 0;
      for (const _ in table) if (++rows === leastRows) break;
      if (rows === leastRows) return split(body as Json, member, table);
    }
    return null;
  };
};

const grown = <Numbers extends Float64Array | Int32Array>(before: Numbers, after: Numbers): Numbers => {
  after.set(before);
  return after;
};

export const parseLayout = (text: string): Layout => {
  const [member, ids, skeletons, runs] = JSON.parse(text) as [string, readonly string[], readonly Json[], number[]];
  const known = skeletons.map(shapeOf);
  const { paths, places, placesOf } = createPaths();
  const shapes: Shape[] = [];
  const sizes: number[] = [];
  const eachRun = (take: (shape: Shape, rows: number) => void): void => {
    for (let run = 0; run < runs.length; run += 2) {
      const shape = known[runs[run] ?? -1];
      if (shape === undefined) throw new SyntaxError("a table names a shape that it does not have");
      take(shape, runs[run + 1] ?? 0);
    }
  };
  eachRun((shape, rows) => {
    for (let i = 0; i < rows; i++) shapes.push(shape);
    for (const place of placesOf(shape)) sizes[place] = (sizes[place] ?? 0) + rows;
  });
  const columns = Array.from(paths.keys(), (path, place) => ({
    path: JSON.parse(path) as readonly string[],
    rows: new Int32Array(sizes[place] ?? 0),
  }));
  const ends = new Int32Array(columns.length);
  let row = 0;
  eachRun((shape, rows) => {
    for (const place of placesOf(shape)) {
      const mine = columns[place]?.rows;
      const end = ends[place] ?? 0;
      if (mine !== undefined) for (let i = 0; i < rows; i++) mine[end + i] = row + i;
      ends[place] = end + rows;
    }
    row += rows;
  });
  return { member, ids, shapes, columns, places };
};

/** The body that was split. */
export const joinTable = (rest: string, layout: Layout, columns: readonly Float64Array[]): Json => {
  const { member, ids, shapes, places } = layout;
  const body = JSON.parse(rest) as Record<string, Json>;
  const table: Record<string, Json> = {};
  const counts = new Int32Array(columns.length);
  let mine: Int32Array = new Int32Array(0);
  let turn = 0;
  const next = (): number => {
    const place = mine[turn++] ?? 0;
    const count = counts[place] ?? 0;
    counts[place] = count + 1;
    return columns[place]?.[count] ?? Number.NaN;
  };
  for (const [row, shape] of shapes.entries()) {
    mine = places.get(shape) ?? mine;
    turn = 0;
    setKey(table, ids[row] ?? "", writeRow(shape, next));
  }
  body[member] = table;
  return body;
};
