import { type Account, modelsAfter, type SiteModel } from "#energy";
import { createKeptReader, type KeptRow, type Ledger, type LedgerFollow, type LedgerRow } from "#store";
import { createScanner } from "./backtest/scan.ts";
import type { NodeParts } from "./node-parts.ts";
import { idsOf, meteredNodes } from "./node-plan.ts";
import { readAccount } from "./record.ts";

/** A committed account on its way to the rules; it is read when it is asked for, once. */
interface AccountRow extends Omit<LedgerRow, "body"> {
  /** `whole`: with its nodes as they came, as one that must wait is kept. Null for what is no account. */
  read(whole: boolean): { readonly account: Account; readonly nodes?: NodeParts } | null;
}

type Scan = ReturnType<typeof createScanner>["scan"];

const parsed = (row: LedgerRow): { readonly account: Account } | null => {
  const account = readAccount(row);
  return account === null ? null : { account };
};

const scanned = ({ kept, ...row }: KeptRow, scan: Scan) => {
  try {
    const { account, nodes } = scan(kept);
    return readAccount({ ...row, body: account as unknown as LedgerRow["body"] }) === null ? null : { account, nodes };
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
};

/** Follows accounts; their nodes come in columns where the store gives what it keeps: half a thousand objects would be garbage at once. */
export const createAccountFollow = (
  ledger: Ledger,
  sites: readonly SiteModel[],
): ((query: LedgerFollow) => Promise<{ readonly rows: readonly AccountRow[]; readonly cursor: string }>) => {
  const reader = createKeptReader();
  // Sites of one plan share a scanner, which knows what comes next.
  const byIds = new Map<readonly string[], Scan>();
  const scans = new Map<string, Scan>();
  for (const model of sites) {
    // A model that takes over on the way has nodes of its own.
    if (modelsAfter(model).length > 0) continue;
    const ids = idsOf(meteredNodes(model));
    const scan = byIds.get(ids) ?? createScanner(ids, reader).scan;
    byIds.set(ids, scan);
    scans.set(model.id, scan);
  }
  const readKept = (row: KeptRow, whole: boolean) => {
    const scan = whole ? undefined : scans.get(row.site);
    const found = scan === undefined ? null : scanned(row, scan);
    if (found !== null) return found;
    const { kept, ...rest } = row;
    return parsed({ ...rest, body: reader.body(kept) });
  };
  return async (query) => {
    if (ledger.followKept === undefined) {
      const { rows, cursor } = await ledger.follow(query);
      return { rows: rows.map((row) => ({ ...row, read: () => parsed(row) })), cursor };
    }
    const { rows, cursor } = await ledger.followKept(query);
    return { rows: rows.map((row) => ({ ...row, read: (whole) => readKept(row, whole) })), cursor };
  };
};
