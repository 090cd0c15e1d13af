import { joinChannel } from "./channel.ts";
import { openFile } from "./file.ts";
import { buffersOf, createLedgerFile, type LedgerCalls, ledgerKind } from "./ledger-file.ts";
import { serve } from "./serve.ts";

export interface LedgerSettings {
  readonly path: string;
  readonly check: "deep" | "header";
}

serve<LedgerSettings, LedgerCalls>(({ path, check }) => {
  const db = openFile({ path, kind: ledgerKind, check });
  const channel = joinChannel(path);
  return {
    handlers: createLedgerFile(db, () => channel.send({ kind: "commit" })),
    given: { followKept: buffersOf, listKept: ({ items }) => buffersOf({ rows: items }) },
    close: () => {
      channel[Symbol.dispose]();
      db.close();
    },
  };
});
