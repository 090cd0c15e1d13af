import type { DatabaseSync } from "node:sqlite";

// Beyond the readings' own flags: this row replaces an earlier one of the same time, which has been counted.
export const countedFlag = 1 << 7;
/** What the collector says of a reading. */
export const readingBits = countedFlag - 1;

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
