import { type Json, type Ledger, type LedgerChange, type LedgerRow, timestamp } from "#store";
import { createQueue } from "../queue.ts";
import type { RulesMessage } from "../rules.ts";
import {
  emptyHead,
  evidentKinds,
  evidentRows,
  formatHead,
  type Head,
  headOf,
  isEvident,
  type Link,
  nextLink,
} from "./chain.ts";

export const evidenceKind = "evidence";
/** Retained, so that whoever listens holds the newest head whatever happens to the log. */
export const headTopic = "dc/system/evidence/head";

const adoptRows = 1000;

/** A ledger whose evident rows are chained in the transaction that writes them. */
export interface Evidence {
  readonly ledger: Ledger;
  readonly head: () => Head;
}

export interface EvidenceDeps {
  readonly ledger: Ledger;
  readonly publish: (message: RulesMessage) => void;
  readonly now: () => number;
}

const keyOf = (link: number): string => String(link).padStart(12, "0");

const putLink = (link: Link, at: number): LedgerChange => ({
  op: "put",
  kind: evidenceKind,
  key: keyOf(link.link),
  site: "",
  // A clock that went back must not put a link before the one it follows.
  ts: timestamp(at),
  body: link as unknown as Json,
  expect: 0,
});

export const readLink = (row: LedgerRow): Link => row.body as unknown as Link;

/**
 * Opens the chain where it ended; rows from before there was a chain are taken into it. All evident rows of a product
 * must be committed through the ledger this gives, by one process.
 */
export const openEvidence = async ({ ledger, publish, now }: EvidenceDeps): Promise<Evidence> => {
  const queue = createQueue();
  const [last] = (await ledger.list({ kind: evidenceKind, order: "newest-first", limit: 1 })).items;
  let number = last === undefined ? 0 : readLink(last).link;
  let head = last === undefined ? emptyHead : headOf(readLink(last));
  let at = last?.ts ?? 0;

  const commit = (changes: readonly LedgerChange[]): Promise<readonly LedgerRow[]> => {
    const rows = evidentRows(changes);
    if (rows.length === 0) return ledger.commit(changes);
    if (changes.some((change) => change.op === "delete" && isEvident(change.kind)))
      throw new Error("BUG: evidence is never deleted");
    return queue.run(async () => {
      const link = nextLink(number + 1, head, rows);
      const time = Math.max(at, now());
      const committed = await ledger.commit([...changes, putLink(link, time)]);
      number += 1;
      at = time;
      head = headOf(link);
      publish({ topic: headTopic, payload: formatHead(head), retain: true });
      return committed.filter(({ kind }) => kind !== evidenceKind);
    });
  };

  if (last === undefined) {
    let cursor: string | null = null;
    for (;;) {
      const page: Awaited<ReturnType<Ledger["follow"]>> = await ledger.follow({
        cursor,
        kinds: evidentKinds,
        limit: adoptRows,
        waitMs: 0,
      });
      if (page.rows.length === 0) break;
      cursor = page.cursor;
      const link = nextLink(number + 1, head, page.rows);
      at = Math.max(at, now());
      await ledger.commit([putLink(link, at)]);
      number += 1;
      head = headOf(link);
    }
  }
  publish({ topic: headTopic, payload: formatHead(head), retain: true });
  return { ledger: { ...ledger, commit }, head: () => head };
};
