import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createKeptReader } from "./kept.ts";
import type { Ledger, LedgerChange, LedgerQuery, LedgerRow } from "./ledger.ts";
import { timestamp } from "./unit.ts";

/** What an adapter's test hands to the suite: an empty ledger whose clock is `now`. */
export interface LedgerUnderTest {
  readonly ledger: Ledger;
  /** Closes the ledger and opens it again on the same place; absent when nothing survives. */
  readonly reopen?: () => Promise<Ledger>;
  readonly dispose: () => Promise<void>;
}

const start = Date.UTC(2026, 5, 1);
// Beyond any test's own limit: who is not woken fails.
const longMs = 600_000;

/** The promises of the ledger port: both adapters' tests run them. */
export const ledgerSuite = (name: string, open: (now: () => number) => Promise<LedgerUnderTest>): void => {
  describe(`ledger in ${name}`, () => {
    let store: LedgerUnderTest;
    let ledger: Ledger;
    let clock = start;

    beforeEach(async () => {
      clock = start;
      store = await open(() => clock);
      ledger = store.ledger;
    });
    afterEach(() => store.dispose());

    const list = (query: Partial<LedgerQuery> = {}) => ledger.list({ kind: "alert", limit: 100, ...query });
    const keys = async (query: Partial<LedgerQuery> = {}) => (await list(query)).items.map((row) => row.key);
    const follow = (cursor: string | null, more: { kinds?: string[]; limit?: number; waitMs?: number } = {}) =>
      ledger.follow({ cursor, kinds: ["alert"], limit: 100, waitMs: 0, ...more });

    test("a row comes back as it was put", async () => {
      const body = { state: "open", list: [1, null, true, "x"], deep: { __proto__x: 1 } };
      const [row] = await ledger.commit([put("a", { body })]);
      expect(row).toEqual({ kind: "alert", key: "a", site: "demo", ts: start, revision: 1, at: start, body });
      expect(await ledger.get("alert", "a")).toEqual(row);
      expect(await ledger.get("alert", "b")).toBeNull();
      expect(await ledger.get("other", "a")).toBeNull();
    });

    test("each put is a revision, and every one stays readable", async () => {
      await ledger.commit([put("a", { body: 1 })]);
      clock += 1000;
      await ledger.commit([put("a", { body: 2, ts: 5 })]);
      expect(await ledger.get("alert", "a")).toMatchObject({ revision: 2, body: 2, at: start + 1000, ts: start + 5 });
      const history = await ledger.history("alert", "a");
      expect(history.map((row) => [row.revision, row.body, row.at])).toEqual([
        [1, 1, start],
        [2, 2, start + 1000],
      ]);
      expect(await keys()).toEqual(["a"]);
    });

    test("many rows are read at once, in the order asked, each as it stands", async () => {
      const first = await ledger.commit([put("a", { body: 1 }), put("b", { body: "x".repeat(10_000) })]);
      const second = await ledger.commit([put("a", { body: 2 })]);
      expect(await ledger.getAll("alert", ["b", "none", "a", "b"])).toEqual([first[1], null, second[0], first[1]]);
      expect(await ledger.getAll("other", ["a"])).toEqual([null]);
      expect(await ledger.getAll("alert", [])).toEqual([]);
    });

    test("a row can be read as it was known at a time", async () => {
      await ledger.commit([put("a", { body: 1 })]);
      clock += 1000;
      await ledger.commit([put("a", { body: 2 })]);
      expect(await ledger.get("alert", "a", timestamp(start + 999))).toMatchObject({ body: 1 });
      expect(await ledger.get("alert", "a", timestamp(start + 1000))).toMatchObject({ body: 2 });
      expect(await ledger.get("alert", "a", timestamp(start - 1))).toBeNull();
    });

    test("a list can be read as it was known at a time, in pages", async () => {
      await ledger.commit([put("a", { ts: 0, body: 1 }), put("b", { ts: 1, body: 1 }), put("c", { ts: 2, body: 1 })]);
      clock += 1000;
      await ledger.commit([put("a", { ts: 0, body: 2 }), put("d", { ts: 3 })]);
      const then = async (at: number, more: Partial<LedgerQuery> = {}) => {
        const page = await list({ asOf: timestamp(at), ...more });
        return { rows: page.items.map((row) => [row.key, row.body, row.revision]), next: page.next };
      };
      expect((await then(start + 999)).rows).toEqual([
        ["a", 1, 1],
        ["b", 1, 1],
        ["c", 1, 1],
      ]);
      expect((await then(start + 1000)).rows.map(([key, body]) => [key, body])).toContainEqual(["a", 2]);
      expect((await then(start - 1)).rows).toEqual([]);
      const first = await then(start + 999, { limit: 2 });
      expect(first.rows.map(([key]) => key)).toEqual(["a", "b"]);
      const second = await then(start + 999, { limit: 2, cursor: first.next ?? "" });
      expect(second).toEqual({ rows: [["c", 1, 1]], next: null });
      expect(
        (await then(start, { order: "newest-first", from: timestamp(start + 1) })).rows.map(([key]) => key),
      ).toEqual(["c", "b"]);
    });

    test("a clock that steps back does not turn revisions round", async () => {
      await ledger.commit([put("a", { body: 1 })]);
      clock -= 5000;
      await ledger.commit([put("a", { body: 2 })]);
      const history = await ledger.history("alert", "a");
      expect(history.map((row) => row.at)).toEqual([start, start]);
    });

    test("a commit is all or nothing", async () => {
      await ledger.commit([put("a")]);
      const refused = ledger.commit([put("b"), { op: "delete", kind: "alert", key: "a" }, put("a", { expect: 7 })]);
      await expect(refused).rejects.toMatchObject({ name: "StoreRefusedError", code: "STORE_CONFLICT" });
      expect(await keys()).toEqual(["a"]);
      expect((await follow(null)).rows).toHaveLength(1);
    });

    test("an expected revision guards against a lost update", async () => {
      await ledger.commit([put("a", { expect: 0 })]);
      await expect(ledger.commit([put("a", { expect: 0 })])).rejects.toMatchObject({ code: "STORE_CONFLICT" });
      await ledger.commit([put("a", { expect: 1 }), put("a", { expect: 2 })]);
      expect(await ledger.get("alert", "a")).toMatchObject({ revision: 3 });
    });

    test("of two commits that expect the same revision one wins", async () => {
      const outcomes = await Promise.allSettled([1, 2].map((body) => ledger.commit([put("a", { expect: 0, body })])));
      expect(outcomes.map((outcome) => outcome.status).toSorted()).toEqual(["fulfilled", "rejected"]);
    });

    test("a deleted row is gone with its history, and its key starts again", async () => {
      await ledger.commit([put("a"), put("a"), put("b")]);
      await ledger.commit([{ op: "delete", kind: "alert", key: "a" }]);
      expect(await ledger.get("alert", "a")).toBeNull();
      expect(await ledger.history("alert", "a")).toEqual([]);
      expect(await keys()).toEqual(["b"]);
      expect((await follow(null)).rows.map((row) => row.key)).toEqual(["b"]);
      expect((await ledger.commit([put("a", { expect: 0 })]))[0]?.revision).toBe(1);
      await ledger.commit([{ op: "delete", kind: "alert", key: "never there" }]);
    });

    test("a row put and deleted in one commit was never there", async () => {
      await ledger.commit([put("a"), { op: "delete", kind: "alert", key: "a" }]);
      expect(await ledger.get("alert", "a")).toBeNull();
      expect((await follow(null)).rows).toEqual([]);
    });

    test("lists are ordered by time, then key, in both directions", async () => {
      await ledger.commit([put("b", { ts: 1 }), put("c", { ts: 0 }), put("a", { ts: 1 })]);
      expect(await keys()).toEqual(["c", "a", "b"]);
      expect(await keys({ order: "newest-first" })).toEqual(["b", "a", "c"]);
    });

    test("a list shows the newest revision only, at its newest time", async () => {
      await ledger.commit([put("a", { ts: 0 }), put("b", { ts: 1 }), put("a", { ts: 2, body: "moved" })]);
      const { items } = await list();
      expect(items.map((row) => [row.key, row.revision])).toEqual([
        ["b", 1],
        ["a", 2],
      ]);
      expect(await keys({ to: timestamp(start + 1) })).toEqual([]);
    });

    test("lists filter by site and half-open range", async () => {
      await ledger.commit([put("a", { ts: 0 }), put("b", { ts: 1 }), put("c", { ts: 2 })]);
      await ledger.commit([put("d", { ts: 1, site: "other" }), put("e", { ts: 1, kind: "account" })]);
      const range = { from: timestamp(start), to: timestamp(start + 2) };
      expect(await keys({ site: "demo", ...range })).toEqual(["a", "b"]);
      expect(await keys(range)).toEqual(["a", "b", "d"]);
      expect(await keys({ site: "other", order: "newest-first", ...range })).toEqual(["d"]);
      expect(await keys({ kind: "account" })).toEqual(["e"]);
      expect(await keys({ site: "nowhere" })).toEqual([]);
    });

    test("pages have no hole and no overlap, in both directions", async () => {
      const names = ["a", "b~c", "d e", "f", "g"];
      await ledger.commit(names.map((key, index) => put(key, { ts: Math.floor(index / 3) })));
      expect(await paged((cursor) => list({ limit: 2, ...cursor }))).toEqual(names);
      expect(await paged((cursor) => list({ limit: 2, order: "newest-first", ...cursor }))).toEqual(names.toReversed());
      expect(await paged((cursor) => list({ limit: 2, site: "demo", ...cursor }))).toEqual(names);
    });

    test("names that objects already have are ordinary keys", async () => {
      for (const key of ["constructor", "__proto__", "toString"]) {
        await ledger.commit([put(key, { kind: key, site: key })]);
        expect(await ledger.get(key, key)).toMatchObject({ key, site: key });
      }
    });

    test("a follower sees every revision once, in commit order, and resumes", async () => {
      await ledger.commit([put("a", { body: 1 }), put("x", { kind: "audit" })]);
      await ledger.commit([put("b", { body: 2 }), put("a", { body: 3 })]);
      const first = await follow(null, { limit: 2 });
      expect(first.rows.map((row) => row.body)).toEqual([1, 2]);
      const second = await follow(first.cursor);
      expect(second.rows.map((row) => row.body)).toEqual([3]);
      expect((await follow(second.cursor)).rows).toEqual([]);
      expect((await follow(null, { kinds: ["audit", "alert"] })).rows.map((row) => row.key)).toEqual([
        "a",
        "x",
        "b",
        "a",
      ]);
    });

    test("a follower gets the rows of bare kinds as they are, without their bodies", async () => {
      const written = await ledger.commit([
        put("a", { body: 1 }),
        put("x", { kind: "audit", body: { long: "x".repeat(10_000) } }),
        put("b", { body: 2 }),
      ]);
      const kinds = ["alert", "audit"];
      const { rows, cursor } = await ledger.follow({ cursor: null, kinds, bare: ["audit"], limit: 2, waitMs: 0 });
      expect(rows).toEqual([written[0], { ...written[1], body: null }]);
      expect((await follow(cursor, { kinds })).rows).toEqual([written[2]]);
    });

    test("a follower of texts gets the rows of a follower, with what is kept of each", async () => {
      if (ledger.followKept === undefined) return;
      const written = await ledger.commit([
        put("a", { body: { name: "绿电" } }),
        put("b", { body: "x".repeat(10_000) }),
      ]);
      const { rows, cursor } = await ledger.followKept({ cursor: null, kinds: ["alert"], limit: 10, waitMs: 0 });
      const read = rows.map(({ kept, ...row }) => ({ ...row, body: createKeptReader().body(kept) }));
      expect(read).toEqual(written.map((row) => ({ ...row })));
      expect((await follow(cursor)).rows).toEqual([]);
    });

    test("head stands after everything committed", async () => {
      await ledger.commit([put("a")]);
      const head = await ledger.head();
      expect((await follow(head)).rows).toEqual([]);
      await ledger.commit([put("b")]);
      expect((await follow(head)).rows.map((row) => row.key)).toEqual(["b"]);
    });

    test("a waiting follower wakes at a commit, long before its time is over", async () => {
      const waiting = follow(await ledger.head(), { waitMs: longMs });
      await ledger.commit([put("other", { kind: "audit" })]);
      await ledger.commit([put("a")]);
      expect((await waiting).rows.map((row) => row.key)).toEqual(["a"]);
    });

    test("an abort, or the end of the time, ends the wait with an empty page", async () => {
      const abort = new AbortController();
      const waiting = ledger.follow({ cursor: null, kinds: ["alert"], limit: 1, waitMs: longMs, signal: abort.signal });
      abort.abort();
      expect((await waiting).rows).toEqual([]);
      expect((await follow(null, { waitMs: 20 })).rows).toEqual([]);
    });

    test("a cursor of another store is refused", async () => {
      await expect(follow("x~y~z~0")).rejects.toMatchObject({ code: "STORE_CURSOR_EXPIRED" });
    });

    test("a list of texts has the rows and pages of a list, long bodies and what was replaced too", async () => {
      if (ledger.listKept === undefined) return;
      await ledger.commit([
        put("a", { ts: 1, body: { name: "Grünstrom 绿电", list: [1, null, "x"] } }),
        put("b", { ts: 2, body: { long: Array.from({ length: 2000 }, (_, index) => index) } }),
        put("c", { ts: 0, body: 1 }),
        put("d", { ts: 1, site: "other" }),
      ]);
      clock += 1000;
      await ledger.commit([put("c", { ts: 3, body: null })]);
      const reader = createKeptReader();
      const both = async (query: Partial<LedgerQuery>) => {
        const texts = await ledger.listKept?.({ kind: "alert", limit: 100, ...query });
        const items = texts?.items.map(({ kept, ...row }) => ({ ...row, body: reader.body(kept) }));
        expect({ items, next: texts?.next }).toEqual(await list(query));
        return items?.map(({ key }) => key);
      };
      expect(await both({})).toEqual(["a", "d", "b", "c"]);
      expect(await both({ site: "demo", order: "newest-first", from: timestamp(start + 1) })).toEqual(["c", "b", "a"]);
      expect(await both({ asOf: timestamp(start) })).toEqual(await keys({ asOf: timestamp(start) }));
      const first = await ledger.listKept({ kind: "alert", limit: 2 });
      expect(await both({ limit: 2, cursor: first.next ?? "" })).toEqual(["b", "c"]);
      expect(await both({ kind: "none" })).toEqual([]);
    });

    test("pruning removes whole rows of one kind that are older", async () => {
      await ledger.commit([put("a", { ts: 0 }), put("a", { ts: 1 }), put("b", { ts: 5 }), put("c", { ts: 0 })]);
      await ledger.commit([put("c", { ts: 9 }), put("d", { ts: 0, kind: "audit" })]);
      expect(await ledger.prune("alert", timestamp(start + 5))).toEqual({ removed: 1 });
      expect(await keys()).toEqual(["b", "c"]);
      expect(await ledger.history("alert", "a")).toEqual([]);
      expect(await ledger.history("alert", "c")).toHaveLength(2);
      expect(await keys({ kind: "audit" })).toEqual(["d"]);
    });

    test("nothing to commit commits nothing", async () => {
      expect(await ledger.commit([])).toEqual([]);
    });

    test("everything is there again after closing and opening, where anything survives", async () => {
      if (store.reopen === undefined) return;
      await ledger.commit([put("a", { body: 1 }), put("b"), put("a", { body: 2 })]);
      const first = await follow(null, { limit: 1 });
      ledger = await store.reopen();
      expect(await keys()).toEqual(["a", "b"]);
      expect(await ledger.history("alert", "a")).toHaveLength(2);
      expect((await follow(first.cursor)).rows).toHaveLength(2);
    });
  });
};

const put = (
  key: string,
  more: {
    kind?: string;
    site?: string;
    ts?: number;
    body?: Extract<LedgerChange, { op: "put" }>["body"];
    expect?: number;
  } = {},
): LedgerChange => ({
  op: "put",
  kind: more.kind ?? "alert",
  key,
  site: more.site ?? "demo",
  ts: timestamp(start + (more.ts ?? 0)),
  body: more.body ?? {},
  ...(more.expect === undefined ? {} : { expect: more.expect }),
});

const paged = async (
  next: (cursor: { cursor?: string }) => Promise<{ items: readonly LedgerRow[]; next: string | null }>,
): Promise<string[]> => {
  const found: string[] = [];
  for (let cursor: { cursor?: string } | null = {}; cursor !== null; ) {
    const page: { items: readonly LedgerRow[]; next: string | null } = await next(cursor);
    found.push(...page.items.map((row) => row.key));
    cursor = page.next === null ? null : { cursor: page.next };
  }
  return found;
};
