import { openFile } from "./file.ts";
import { createReader, type ReaderCalls } from "./reader.ts";
import { readingsKind } from "./readings-file.ts";
import { serve } from "./serve.ts";

export interface ReaderSettings {
  readonly path: string;
  readonly gapMs: number;
}

serve<ReaderSettings, ReaderCalls>(({ path, gapMs }) => {
  const db = openFile({ path, kind: readingsKind, check: "header" });
  return { handlers: createReader(db, path, gapMs), close: () => db.close() };
});
