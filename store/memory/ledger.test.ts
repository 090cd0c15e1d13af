import { ledgerSuite } from "../ledger.suite.ts";
import { createMemoryLedger } from "./ledger.ts";

ledgerSuite("memory", async (now) => {
  const ledger = createMemoryLedger({ now });
  return { ledger, dispose: async () => ledger[Symbol.asyncDispose]() };
});
