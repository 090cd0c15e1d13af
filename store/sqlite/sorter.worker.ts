import { openFile } from "./file.ts";
import { createLog } from "./log.ts";
import { readingsKind } from "./readings-file.ts";
import { createShapes } from "./row.ts";
import { serve } from "./serve.ts";
import type { Sorter } from "./sorter.ts";
import { createSorter } from "./sorter.ts";

export interface SorterSettings {
  readonly path: string;
}

export type SorterCalls = { readonly seal: Sorter["seal"] };

serve<SorterSettings, SorterCalls>(({ path }) => {
  const db = openFile({ path, kind: readingsKind, check: "header" });
  const shapes = createShapes(db);
  const sorter = createSorter(path, { log: createLog(db, shapes, 1), shapes });
  return { handlers: { seal: sorter.seal }, close: () => db.close() };
});
