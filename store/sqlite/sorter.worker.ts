import { giveWay } from "../give-way.ts";
import { createCatalogue } from "./catalogue.ts";
import { openFile } from "./file.ts";
import { createLog } from "./log.ts";
import { readingsKind } from "./readings-file.ts";
import { createShapes } from "./row.ts";
import { serve } from "./serve.ts";
import { createSorter, type Sorter } from "./sorter.ts";

export interface SorterSettings {
  readonly path: string;
  readonly gapMs: number;
}

export type SorterCalls = Pick<Sorter, "seal" | "begin" | "next">;

giveWay();
serve<SorterSettings, SorterCalls>(({ path, gapMs }) => {
  using stack = new DisposableStack();
  const db = openFile({ path, kind: readingsKind, check: "header" });
  stack.defer(() => db.close());
  const shapes = createShapes(db);
  const catalogue = stack.use(createCatalogue(db, path, (shape) => shapes.names(shape).length));
  const log = createLog(db, shapes, 1);
  const { seal, begin, next } = stack.use(createSorter(db, { path, gapMs, log, shapes, catalogue }));
  const owned = stack.move();
  return { handlers: { seal, begin, next }, close: () => owned.dispose() };
});
