import { createHash } from "node:crypto";
import type { Json, LedgerChange } from "#store";

//  row ─▶ hash ─┐
//  row ─▶ hash ─┼─▶ link n: hash of (hash of link n-1, first row's number, the rows' hashes) ─▶ link n+1
//  row ─▶ hash ─┘

/** Kinds of rows that are evidence: nobody may change or lose one unseen. */
export const evidentKinds = ["alert", "audit", "silence", "permit", "rule"] as const;

export const isEvident = (kind: string): boolean => evidentKinds.some((one) => one === kind);

/** One transaction's rows in the chain. Ledger kind `evidence`, key = number of the link. */
export interface Link {
  /** 1, 2, 3 … */
  readonly link: number;
  /** Number of its first row, from 1. */
  readonly first: number;
  /** Hash of the link before it; empty for the first. */
  readonly before: string;
  readonly rows: readonly LinkedRow[];
  readonly hash: string;
}

export interface LinkedRow {
  readonly kind: string;
  readonly key: string;
  readonly hash: string;
}

/** Where a chain stands: how many rows it holds, and the hash of its last link. */
export interface Head {
  readonly count: number;
  readonly hash: string;
}

export const emptyHead: Head = { count: 0, hash: "" };

export interface EvidentRow {
  readonly kind: string;
  readonly key: string;
  readonly site: string;
  readonly ts: number;
  readonly body: Json;
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** A revision of a row, by its content alone. */
export const rowHash = ({ kind, key, site, ts, body }: EvidentRow): string =>
  sha256(JSON.stringify([kind, key, site, ts, body]));

const linkHash = (link: Omit<Link, "hash">): string =>
  sha256(
    JSON.stringify([link.link, link.first, link.before, link.rows.map(({ kind, key, hash }) => [kind, key, hash])]),
  );

export const nextLink = (number: number, { count, hash }: Head, rows: readonly EvidentRow[]): Link => {
  const link = {
    link: number,
    first: count + 1,
    before: hash,
    rows: rows.map((row) => ({ kind: row.kind, key: row.key, hash: rowHash(row) })),
  };
  return { ...link, hash: linkHash(link) };
};

export const headOf = ({ first, rows, hash }: Link): Head => ({ count: first + rows.length - 1, hash });

/** Why a link does not follow the one before it; null when it does. */
export const brokenAt = (link: Link, number: number, before: Head): string | null => {
  if (link.link !== number) return `link ${number} is missing`;
  if (link.before !== before.hash || link.first !== before.count + 1)
    return `link ${number} does not follow the one before it`;
  return link.hash === linkHash(link) ? null : `link ${number} was changed`;
};

export const evidentRows = (changes: readonly LedgerChange[]): readonly EvidentRow[] =>
  changes.flatMap((change) => (change.op === "put" && isEvident(change.kind) ? [change] : []));

/** `<count>:<hash>`, as it is published and told. */
export const formatHead = ({ count, hash }: Head): string => `${count}:${hash}`;

/** A head as `formatHead` writes it, `<count>:<hash>`; null for any other text. */
export const parseHead = (text: string): Head | null => {
  const [, count, hash = ""] = /^(\d{1,15}):([0-9a-f]{64}|)$/.exec(text.trim()) ?? [];
  return count === undefined ? null : { count: Number(count), hash };
};
