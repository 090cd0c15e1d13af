import { connect } from "node:net";
import { expect, test } from "vitest";
import { type Json, timestamp } from "#store";
import { alertOf, hall, type Stand, saveAlert, startStand } from "./fake.ts";
import { type Heard, listen } from "./listen.ts";
import type { NowWire } from "./wire.ts";

const live = (stand: Stand, query = "") => `${stand.url}/api/v1/live${query}`;
const isNow =
  (powerW: number) =>
  ({ event, data }: Heard): boolean =>
    event === "now" && (data as NowWire).nodes[0]?.powerW === powerW;
const isAlert =
  (id: string) =>
  ({ event, data }: Heard): boolean =>
    event === "alert" && (data as { id: string }).id === id;
const write = (stand: Stand, power_w: number) => {
  const ts = timestamp(Date.now());
  return stand.readings.write([
    { site: hall.id, device: "meter-1", ts, received: ts, quantities: { power_w }, flags: [] },
  ]);
};
const alertIds = (heard: readonly Heard[]): readonly string[] =>
  heard.flatMap(({ event, data }) => (event === "alert" ? [(data as { id: string }).id] : []));

test("a new listener is told at once what is true now", async () => {
  await using stand = await startStand();
  await write(stand, 100);
  await using listener = await listen(live(stand));
  await listener.until(isNow(100));
  expect(await listener.until(({ event }) => event === "health")).toMatchObject({ data: { status: "ok" } });
});

test("a listener that comes much later is told what has not changed since", async () => {
  let clock = 1_800_000_000_000;
  await using stand = await startStand({ now: () => clock });
  await write(stand, 100);
  const first = await listen(live(stand));
  await first.until(isNow(100));
  await first[Symbol.asyncDispose]();
  clock += 60_000;
  await using second = await listen(live(stand));
  await second.until(isNow(100));
});

test("no proxy may hold events back or change them", async () => {
  await using stand = await startStand();
  await using listener = await listen(live(stand));
  expect(Object.fromEntries(listener.headers)).toMatchObject({
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
    "x-content-type-options": "nosniff",
  });
});

test("a new reading is on every screen as the same event", async () => {
  await using stand = await startStand();
  await using one = await listen(live(stand));
  await using other = await listen(live(stand, "?site=hall"));
  await Promise.all([one.until(({ event }) => event === "now"), other.until(({ event }) => event === "now")]);
  await write(stand, 4200);
  const [a, b] = await Promise.all([one.until(isNow(4200)), other.until(isNow(4200))]);
  // Made once, so it is the same event.
  expect(a.id).toBe(b.id);
});

test("alerts and accounts come as they are committed", async () => {
  await using stand = await startStand();
  await using listener = await listen(live(stand));
  await saveAlert(stand.ledger, alertOf({ id: "fresh" }));
  await listener.until(isAlert("fresh"));
  await stand.ledger.commit([
    { op: "put", kind: "account/1m", key: "hall/60000", site: "hall", ts: timestamp(60_000), body: {} },
  ]);
  expect(await listener.until(({ event }) => event === "account")).toMatchObject({
    data: { site: "hall", step: "1m", start: 60_000, revision: 1 },
  });
});

test("a burst of accounts is told by its last ones", async () => {
  await using stand = await startStand();
  await using listener = await listen(live(stand));
  await stand.ledger.commit(
    Array.from({ length: 500 }, (_, minute) => ({
      op: "put" as const,
      kind: "account/1m",
      key: `hall/${minute}`,
      site: "hall",
      ts: timestamp(minute * 60_000),
      body: {},
    })),
  );
  await listener.until(({ event, data }) => event === "account" && (data as { start: number }).start === 499 * 60_000);
  expect(listener.heard.filter(({ event }) => event === "account").length).toBeLessThanOrEqual(10);
});

test("of a flood a listener hears some alerts, and how many more there are", async () => {
  await using stand = await startStand({ now: () => 1_800_000_000_000 });
  await using listener = await listen(live(stand));
  await listener.until(({ event }) => event === "health");
  await stand.ledger.commit(
    Array.from({ length: 1000 }, (_, at) => ({
      ...{ op: "put" as const, kind: "alert", key: `f${at}`, site: "hall", ts: timestamp(at) },
      body: alertOf({ id: `f${at}`, start: at }) as unknown as Json,
    })),
  );
  const leftOut = () =>
    listener.heard.reduce(
      (sum, { event, data }) => sum + (event === "alerts" ? (data as { leftOut: number }).leftOut : 0),
      0,
    );
  await listener.until(() => leftOut() + alertIds(listener.heard).length === 1000);
  expect(alertIds(listener.heard)).toHaveLength(200);
});

test("a listener of one site does not hear another's", async () => {
  await using stand = await startStand();
  await using listener = await listen(live(stand, "?site=hall"));
  await saveAlert(stand.ledger, alertOf({ id: "theirs", site: "attic" }));
  await saveAlert(stand.ledger, alertOf({ id: "ours" }));
  await listener.until(isAlert("ours"));
  expect(alertIds(listener.heard)).toEqual(["ours"]);
});

test("who comes back with its last id gets what it missed, in order, once", async () => {
  await using stand = await startStand();
  const first = await listen(live(stand));
  await saveAlert(stand.ledger, alertOf({ id: "seen" }));
  const { id: lastId } = await first.until(isAlert("seen"));
  await first[Symbol.asyncDispose]();
  for (let i = 0; i < 20; i++) await saveAlert(stand.ledger, alertOf({ id: `missed-${i}` }));
  await using second = await listen(live(stand), lastId);
  await second.until(isAlert("missed-19"));
  await saveAlert(stand.ledger, alertOf({ id: "after" }));
  await second.until(isAlert("after"));
  expect(alertIds(second.heard)).toEqual([...Array.from({ length: 20 }, (_, i) => `missed-${i}`), "after"]);
  const order = second.heard.map(({ id }) => id);
  expect(order).toEqual(order.toSorted((a, b) => a - b));
});

test("a page may send its last id as a parameter", async () => {
  await using stand = await startStand();
  const first = await listen(live(stand));
  const { id } = await first.until(({ event }) => event === "health");
  await first[Symbol.asyncDispose]();
  await saveAlert(stand.ledger, alertOf({ id: "missed" }));
  await using second = await listen(live(stand, `?lastEventId=${id}`));
  await second.until(isAlert("missed"));
});

test("an id that is too old, of another life or no id at all is answered with reset and the present", async () => {
  // Each look at the clock is a later one, so that only the newest event is held.
  let clock = Date.now();
  await using stand = await startStand({ env: { DASHBOARD_LIVE_BACKFILL_MS: "0" }, now: () => clock++ });
  const first = await listen(live(stand));
  const { id } = await first.until(({ event }) => event === "now");
  await saveAlert(stand.ledger, alertOf({ id: "gone-1" }));
  await first.until(isAlert("gone-1"));
  await saveAlert(stand.ledger, alertOf({ id: "gone-2" }));
  await first.until(isAlert("gone-2"));
  await first[Symbol.asyncDispose]();
  for (const lastId of [id, 5, 9e15]) {
    await using again = await listen(live(stand), lastId);
    await again.until(({ event }) => event === "now");
    expect(again.heard[0]?.event).toBe("reset");
  }
});

test("ids of a restarted server are above those before", async () => {
  let newest = 0;
  for (const at of [1_800_000_000_000, 1_800_000_000_001]) {
    await using stand = await startStand({ now: () => at });
    await using listener = await listen(live(stand));
    await saveAlert(stand.ledger, alertOf({ id: "any" }));
    const { id } = await listener.until(isAlert("any"));
    expect(id).toBeGreaterThan(newest);
    newest = id;
  }
});

test("a change of health is told", async () => {
  await using stand = await startStand();
  await using listener = await listen(live(stand));
  await listener.until(({ event }) => event === "health");
  stand.status.demo = { phase: "history", progress: 0.5 };
  await listener.until(
    ({ event, data }) => event === "health" && (data as { demo: { progress: number } | null }).demo?.progress === 0.5,
  );
});

test("no more listeners than allowed", async () => {
  await using stand = await startStand({ env: { DASHBOARD_LIVE_CLIENTS: "1" } });
  await using _ = await listen(live(stand));
  const response = await fetch(live(stand));
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ code: "DASHBOARD_TOO_MANY_LIVE" });
});

test("a stopping server ends its streams and does not wait for them", async () => {
  const stand = await startStand();
  const listener = await listen(live(stand));
  await listener.until(({ event }) => event === "health");
  await stand[Symbol.asyncDispose]();
  await listener.ended;
});

test("a listener that hangs up is forgotten", async () => {
  await using stand = await startStand({ env: { DASHBOARD_LIVE_CLIENTS: "1" } });
  const { port } = stand.dashboard.address;
  const socket = connect(port, "127.0.0.1");
  socket.write("GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await new Promise((resolve) => socket.once("data", resolve));
  socket.destroy();
  await expect
    .poll(async () => {
      const stop = new AbortController();
      const { status } = await fetch(live(stand), { signal: stop.signal });
      stop.abort();
      return status;
    })
    .toBe(200);
});
