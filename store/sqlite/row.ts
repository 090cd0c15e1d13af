import type { DatabaseSync } from "node:sqlite";
import { type Reading, readingFlags } from "../reading.ts";
import { timestamp } from "../unit.ts";
import type { Raw } from "./readings-file.ts";

// Beyond the readings' own flags: the roller has counted this reading before it was merged or corrected.
export const countedFlag = 1 << 30;

/** Names of a shape, both ways; grows as shapes come up. */
export interface Shapes {
  names(id: number): readonly string[];
  id(names: readonly string[]): number;
  forget(): void;
}

export const createShapes = (db: DatabaseSync): Shapes => {
  const byId = new Map<number, readonly string[]>();
  const byNames = new Map<string, number>();
  const select = db.prepare("SELECT names FROM shape WHERE id = ?");
  const find = db.prepare("SELECT id FROM shape WHERE names = ?");
  const insert = db.prepare("INSERT INTO shape(names) VALUES (?)");
  return {
    names: (id) => {
      const known = byId.get(id);
      if (known !== undefined) return known;
      const names = String(select.get(id)?.names).split(" ");
      byId.set(id, names);
      return names;
    },
    id: (names) => {
      const text = names.join(" ");
      const known = byNames.get(text);
      if (known !== undefined) return known;
      const id = Number(find.get(text)?.id ?? insert.run(text).lastInsertRowid);
      byNames.set(text, id);
      return id;
    },
    forget: () => {
      byId.clear();
      byNames.clear();
    },
  };
};

export const encodeFlags = (flags: readonly string[]): number =>
  readingFlags.reduce((bits, flag, index) => (flags.includes(flag) ? bits | (1 << index) : bits), 0);

export const encodeValues = (values: readonly number[]): Uint8Array => new Uint8Array(Float64Array.from(values).buffer);

export const decodeValues = (blob: unknown): Float64Array => {
  if (!(blob instanceof Uint8Array)) throw new Error("BUG: values are not a blob");
  // A blob may begin anywhere in its buffer; floats may not.
  return new Float64Array(blob.slice().buffer);
};

export const decodeReading = (raw: Raw, site: string, device: string, shapes: Shapes): Reading => {
  const values = decodeValues(raw.value);
  const names = shapes.names(Number(raw.shape));
  const flags = Number(raw.flags);
  const ts = Number(raw.ts);
  return {
    site,
    device,
    ts: timestamp(ts),
    received: timestamp(ts + Number(raw.delay)),
    quantities: Object.fromEntries(names.map((name, index) => [name, values[index] ?? Number.NaN])),
    flags: flags === 0 ? [] : readingFlags.filter((_, index) => (flags & (1 << index)) !== 0),
  };
};
