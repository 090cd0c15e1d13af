import { afterEach, expect, test } from "vitest";
import { createMemoryLedger, type Ledger } from "#store";
import type { Alert } from "../alert.ts";
import { alertOf } from "../notify/alert.fixture.ts";
import { putAlert } from "../record.ts";
import type { AlertQuery } from "../rules.ts";
import { openPast, type Past } from "./past.ts";

let past: Past | undefined;
afterEach(async () => {
  await past?.[Symbol.asyncDispose]();
  past = undefined;
});
const fail = (error: unknown): never => {
  throw error;
};
const named = (at: number, change: Partial<Alert> = {}) =>
  alertOf({ id: `a${String(at).padStart(4, "0")}`, start: at, active: at, ...change });
const ledgerOf = async (count: number): Promise<Ledger> => {
  const ledger = createMemoryLedger();
  await ledger.commit(
    Array.from({ length: count }, (_, at) => putAlert(named(at, { rule: at % 10 === 0 ? "R9" : "R1" }))),
  );
  return ledger;
};
const all = async (query: Omit<AlertQuery, "cursor">, between: (page: number) => Promise<unknown>) => {
  const found: string[] = [];
  for (let cursor: string | undefined, number = 0; ; number++) {
    const page = await past?.list({ ...query, ...(cursor === undefined ? {} : { cursor }) });
    found.push(...(page?.items ?? []).map(({ id }) => id));
    if (page === undefined || page.next === null) return found;
    cursor = page.next;
    await between(number);
  }
};

test("pages over data that change between them hold every alert that was there once", async () => {
  const ledger = await ledgerOf(60);
  past = await openPast({ ledger, fail });
  const found = await all({ limit: 7 }, (page) =>
    // New ones arrive, old ones change and late ones begin in the midst of what was shown already.
    ledger.commit([
      putAlert(named(1000 + page)),
      putAlert(named(page, { state: "CLOSED", closed: 5, returned: 5 })),
      putAlert(named(59.5, { id: `late-${page}` })),
    ]),
  );
  expect(found).toEqual(Array.from({ length: 60 }, (_, at) => named(59 - at).id));
});

test("what was committed before the question is in the answer", async () => {
  const ledger = await ledgerOf(0);
  past = await openPast({ ledger, fail });
  for (let at = 0; at < 20; at++) {
    await ledger.commit([putAlert(named(at))]);
    expect((await past.list({ limit: 1 })).items).toMatchObject([{ id: named(at).id }]);
  }
});

test("a page that lies in what is read already does not wait for the rest; a rare one does and is whole", async () => {
  const ledger = await ledgerOf(3000);
  // The second page of the load is held back.
  const gate = Promise.withResolvers<void>();
  let lists = 0;
  const slow: Ledger = {
    ...ledger,
    list: async (query) => {
      if (++lists === 2) await gate.promise;
      return ledger.list(query);
    },
  };
  past = await openPast({ ledger: slow, fail });
  expect((await past.list({ limit: 3 })).items.map(({ id }) => id)).toEqual(
    [2999, 2998, 2997].map((at) => named(at).id),
  );
  expect((await past.list({ limit: 3, from: 2990, rule: "R9" })).items.map(({ start }) => start)).toEqual([2990]);
  const rare = past.list({ limit: 1000, rule: "R9" });
  gate.resolve();
  const { items, next } = await rare;
  expect(items.map(({ start }) => start)).toEqual(Array.from({ length: 300 }, (_, at) => 2990 - at * 10));
  expect(next).toBeNull();
});

test("an alert that is gone from the ledger is left out", async () => {
  const ledger = await ledgerOf(3);
  past = await openPast({ ledger, fail });
  await past.loaded;
  await ledger.commit([{ op: "delete", kind: "alert", key: named(1).id }]);
  expect((await past.list({ limit: 9 })).items.map(({ start }) => start)).toEqual([2, 0]);
  expect(past.size()).toBe(2);
});

test("a cursor that is none is refused", async () => {
  past = await openPast({ ledger: await ledgerOf(1), fail });
  await expect(past.list({ limit: 1, cursor: "x" })).rejects.toMatchObject({ code: "STORE_CURSOR_EXPIRED" });
});
