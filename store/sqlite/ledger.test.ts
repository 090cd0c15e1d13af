import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ledgerSuite } from "../ledger.suite.ts";
import { openSqliteLedger } from "./ledger.ts";

ledgerSuite("sqlite", async (now) => {
  const folder = await mkdtemp(join(tmpdir(), "wattlas-ledger-"));
  const open = () =>
    openSqliteLedger(
      { DATA_DIR: join(folder, "data") },
      {
        role: "writer",
        now,
        onError: (error) => {
          throw error;
        },
      },
    );
  let ledger = await open();
  return {
    ledger,
    reopen: async () => {
      await ledger[Symbol.asyncDispose]();
      ledger = await open();
      return ledger;
    },
    dispose: async () => {
      await ledger[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
});
