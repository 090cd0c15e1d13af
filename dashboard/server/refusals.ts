import type { Ledger, LedgerRow } from "#store";

const page = 5000;

const codeOf = ({ body }: LedgerRow): string => {
  const code = typeof body === "object" && body !== null && !Array.isArray(body) && "code" in body ? body.code : null;
  return typeof code === "string" ? code : "UNKNOWN";
};

/** Dead letters by code, as the ledger holds them: counted once, then only what came since. */
export const createRefusals = (ledger: Ledger): (() => Promise<Readonly<Record<string, number>>>) => {
  const counts = new Map<string, number>();
  let cursor: string | null = null;
  let running: Promise<void> | null = null;

  const catchUp = async (): Promise<void> => {
    for (;;) {
      const batch: { readonly rows: readonly LedgerRow[]; readonly cursor: string } = await ledger.follow({
        cursor,
        kinds: ["dead-letter"],
        limit: page,
        waitMs: 0,
      });
      cursor = batch.cursor;
      for (const row of batch.rows) if (row.revision === 1) counts.set(codeOf(row), (counts.get(codeOf(row)) ?? 0) + 1);
      if (batch.rows.length < page) return;
    }
  };

  return async () => {
    running ??= catchUp().finally(() => {
      running = null;
    });
    await running;
    return Object.fromEntries([...counts].sort(([a], [b]) => a.localeCompare(b)));
  };
};
