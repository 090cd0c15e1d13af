import { giveWay } from "../give-way.ts";
import { openFile } from "./file.ts";
import { buffersOf } from "./follow-columns.ts";
import { createReader, type ReaderCalls } from "./reader.ts";
import { readingsKind } from "./readings-file.ts";
import { serve } from "./serve.ts";

export interface ReaderSettings {
  readonly path: string;
  readonly gapMs: number;
}

// A pruned file gives its space back when the last one who has it open lets go.
const tidyEveryMs = 10_000;
// The newest values of 345,600 devices take a hundred megabytes; whoever watches them asks more often.
const tidySlowEveryMs = 60_000;

giveWay();
serve<ReaderSettings, ReaderCalls>(({ path, gapMs }) => {
  const db = openFile({ path, kind: readingsKind, check: "header" });
  const reader = createReader(db, path, gapMs);
  const timers = [setInterval(reader.tidy, tidyEveryMs), setInterval(reader.tidySlow, tidySlowEveryMs)];
  for (const timer of timers) timer.unref();
  return {
    handlers: reader.calls,
    given: { followColumns: buffersOf, readColumns: buffersOf },
    close: () => {
      for (const timer of timers) clearInterval(timer);
      reader.close();
      db.close();
    },
  };
});
