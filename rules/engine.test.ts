import { afterEach, expect, test } from "vitest";
import {
  createMemoryLedger,
  createMemoryReadings,
  type Json,
  type Ledger,
  StoreUnavailableError,
  timestamp,
} from "#store";
import type { Alert } from "./alert.ts";
import { startRules } from "./engine.ts";
import type { Rules, RulesDeps, RulesMessage } from "./rules.ts";
import { accountOf, siteOf } from "./specimen.ts";

const t0 = Date.UTC(2026, 10, 23, 8);
const settings = { RULES_TICK_MS: 1000, RULES_CATCHUP_WAIT_MS: 60_000, RULES_SAVE_MS: 10_000, RULES_ON: [] };
const site = siteOf({ id: "hall", devices: ["a", "b", "c", "d"], intervalMs: 10_000 });

/** A store that outlives the rules that are started on it, and a clock that only the test moves. */
const createWorld = () => {
  const readings = createMemoryReadings();
  const ledger = createMemoryLedger();
  const messages: RulesMessage[] = [];
  const errors: string[] = [];
  const world = { wall: t0, tick: () => {} };
  const start = (over: Partial<RulesDeps> = {}): Promise<Rules> =>
    startRules(settings, {
      readings,
      ledger,
      sites: [site],
      publish: (message) => void messages.push(message),
      onError: (error, { code }) =>
        void errors.push(`${code} ${error instanceof Error ? error.message : String(error)}`),
      now: () => world.wall,
      timers: {
        every: (_ms, run) => {
          world.tick = run;
          return () => {};
        },
      },
      ...over,
    });
  const account = (minute: number, residualW: number | null, revision: Partial<{ uncertaintyW: number }> = {}) => {
    const start = t0 + minute * 60_000;
    const body = accountOf({
      site: "hall",
      start,
      end: start + 60_000,
      residualW,
      uncertaintyW: 8650,
      supplyW: 1.5e6,
      ...revision,
    });
    return ledger.commit([
      {
        op: "put",
        kind: "account/1m",
        key: `hall/${start}`,
        site: "hall",
        ts: timestamp(start),
        body: body as unknown as Json,
      },
    ]);
  };
  const accounts = async (from: number, residuals: readonly (number | null)[]) => {
    for (const [index, residual] of residuals.entries()) await account(from + index, residual);
  };
  const report = (device: string, at: number) =>
    readings.write([
      { site: "hall", device, ts: timestamp(at), received: timestamp(at), quantities: { power_w: 1 }, flags: [] },
    ]);
  return { ...world, world, readings, ledger, messages, errors, start, account, accounts, report };
};

let running: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of running) await one[Symbol.asyncDispose]();
  running = [];
});
const keep = <Kept extends AsyncDisposable>(one: Kept): Kept => {
  running.push(one);
  return one;
};
const stop = async (rules: Rules) => {
  running = running.filter((one) => one !== rules);
  await rules[Symbol.asyncDispose]();
};
const states = async (rules: Rules, id: string) => (await rules.history(id)).map((alert) => alert.state);
const only = async (rules: Rules): Promise<Alert> => {
  const [alert, ...others] = await rules.open();
  if (alert === undefined || others.length > 0) throw new Error(`expected one open alert, got ${others.length + 1}`);
  return alert;
};
const high = 30_000;
const low = 0;
const five = Array.from({ length: 5 }, () => high);
const ten = Array.from({ length: 10 }, () => low);

test("closed minutes become an alert, recorded and told with each step", async () => {
  const world = createWorld();
  const rules = keep(await world.start());
  await world.accounts(0, [...five, ...ten]);
  await rules.settled();
  const alert = await only(rules);
  expect(alert).toMatchObject({
    rule: "R01",
    state: "RETURNED",
    start: t0,
    active: t0 + 300_000,
    returned: t0 + 900_000,
  });
  expect(await states(rules, alert.id)).toEqual(["PENDING", "ACTIVE", "CLEARING", "RETURNED"]);
  expect(world.messages.map(({ topic, retain }) => [topic, retain])).toEqual(
    Array.from({ length: 4 }, () => ["dc/hall/alert/R01/hall", true]),
  );
  expect(world.errors).toEqual([]);
});

test("an end is told as the final alert, not retained, and an empty retained payload", async () => {
  const world = createWorld();
  const rules = keep(await world.start());
  await world.accounts(0, [...five, ...ten]);
  await rules.settled();
  const { id } = await only(rules);
  world.messages.length = 0;
  expect(await rules.acknowledge({ id, by: "li", reason: "meter swapped" })).toMatchObject({
    ok: true,
    alert: { state: "CLOSED" },
  });
  const topic = "dc/hall/alert/R01/hall";
  expect(world.messages).toMatchObject([
    { topic, retain: false },
    { topic, retain: true, payload: "" },
  ]);
  expect(JSON.parse(world.messages[0]?.payload ?? "")).toMatchObject({
    id,
    state: "CLOSED",
    acknowledged: { by: "li" },
  });
  expect(await rules.open()).toEqual([]);
});

const restarts = async (residuals: readonly (number | null)[], cut: number) => {
  const world = createWorld();
  const first = keep(await world.start());
  await world.accounts(0, residuals.slice(0, cut));
  await first.settled();
  await stop(first);
  const second = keep(await world.start());
  await world.accounts(cut, residuals.slice(cut));
  await second.settled();
  const { items } = await second.list({ limit: 10 });
  return Promise.all(items.map(async ({ id }) => [id, await states(second, id)] as const));
};
const whole = [...five, low, null, high, ...ten, ...five];
const whileRunning = await restarts(whole, whole.length);

test("the story that the restarts are held against has every state in it", () => {
  expect(whileRunning.map(([, told]) => told)).toEqual([
    ["PENDING", "ACTIVE", "CLEARING", "UNKNOWN", "ACTIVE", "CLEARING", "RETURNED", "ACTIVE"],
  ]);
});
const restartAfter = (minutes: number) => async () => expect(await restarts(whole, minutes)).toEqual(whileRunning);
test("a restart before anything forgets and repeats nothing", restartAfter(0));
test("a restart while pending forgets and repeats nothing", restartAfter(2));
test("a restart while active forgets and repeats nothing", restartAfter(5));
test("a restart while clearing forgets and repeats nothing", restartAfter(6));
test("a restart while unknown forgets and repeats nothing", restartAfter(7));
test("a restart while active again forgets and repeats nothing", restartAfter(8));
test("a restart in the hold of clearing forgets and repeats nothing", restartAfter(13));
test("a restart while returned forgets and repeats nothing", restartAfter(18));
test("a restart in the hold of the second time forgets and repeats nothing", restartAfter(20));

test("a restart tells what is open again, retained and as it was", async () => {
  const world = createWorld();
  const first = keep(await world.start());
  await world.accounts(0, five);
  await first.settled();
  const before = world.messages.at(-1);
  await stop(first);
  world.messages.length = 0;
  keep(await world.start());
  expect(world.messages).toEqual([before]);
});

test("what was recorded and not told before a kill is told at the next start", async () => {
  const world = createWorld();
  const dying = await world.start({
    publish: () => {
      throw new Error("killed here");
    },
  });
  await world.accounts(0, [...five, ...ten]);
  await dying.settled();
  const { id } = await only(dying);
  await dying.acknowledge({ id, by: "li", reason: "" });
  // Killed: it is never disposed of before the next one starts.
  const rules = keep(await world.start());
  running.push(dying);
  expect(world.messages).toMatchObject([{ retain: false }, { retain: true, payload: "" }]);
  expect(await states(rules, id)).toEqual(["PENDING", "ACTIVE", "CLEARING", "RETURNED", "CLOSED"]);
});

test("nothing is told that is not recorded", async () => {
  const world = createWorld();
  let isDown = false;
  const ledger: Ledger = {
    ...world.ledger,
    commit: async (changes) => {
      if (isDown) throw new StoreUnavailableError("disk is full", { retryAfterMs: 5 });
      return world.ledger.commit(changes);
    },
  };
  const rules = keep(await world.start({ ledger }));
  isDown = true;
  await world.accounts(0, five);
  const settled = rules.settled();
  await expect.poll(() => world.errors.length).toBeGreaterThan(1);
  expect(world.messages).toEqual([]);
  isDown = false;
  await settled;
  expect(JSON.parse(world.messages.at(-1)?.payload ?? "")).toMatchObject({ state: "ACTIVE" });
  expect(world.errors[0]).toBe("RULES_COMMIT_FAILED disk is full");
});

test("a stop while the ledger is away saves nothing by halves", async () => {
  const world = createWorld();
  let isDown = false;
  const ledger: Ledger = {
    ...world.ledger,
    commit: async (changes) => {
      if (isDown) throw new StoreUnavailableError("disk is full", { retryAfterMs: 5 });
      return world.ledger.commit(changes);
    },
  };
  const first = await world.start({ ledger });
  isDown = true;
  await world.accounts(0, five);
  await expect.poll(() => world.errors.length).toBeGreaterThan(0);
  await first[Symbol.asyncDispose]();
  isDown = false;
  const second = keep(await world.start({ ledger }));
  await second.settled();
  expect(await only(second)).toMatchObject({ state: "ACTIVE", start: t0 });
});

test("silence is seen by the ticking clock, and recorded", async () => {
  const world = createWorld();
  const rules = keep(await world.start());
  for (let at = t0; at <= t0 + 60_000; at += 1000) {
    world.world.wall = at;
    if (at % 10_000 === 0)
      for (const device of at === t0 ? ["a", "b", "c", "d"] : ["b", "c", "d"]) await world.report(device, at);
    await rules.settled();
    world.world.tick();
  }
  await rules.settled();
  expect(await only(rules)).toMatchObject({ rule: "R04", subject: "a", state: "ACTIVE", start: t0 + 30_001 });
  expect(world.messages.map(({ topic }) => topic)).toEqual(["dc/hall/alert/R04/a"]);
});

test("a restated minute marks the alerts that depended on it, open and closed, once", async () => {
  const world = createWorld();
  const rules = keep(await world.start());
  await world.accounts(0, [...five, ...ten]);
  await rules.settled();
  const closed = await only(rules);
  await rules.acknowledge({ id: closed.id, by: "li", reason: "" });
  await world.accounts(15, five);
  await rules.settled();
  const open = await only(rules);
  await world.account(2, 10_000);
  await world.account(17, 10_000);
  await world.account(17, 11_000);
  await rules.settled();
  expect(await only(rules)).toMatchObject({ id: open.id, state: "ACTIVE", restated: true });
  expect((await rules.history(closed.id)).map(({ state, restated }) => [state, restated]).slice(-2)).toEqual([
    ["CLOSED", false],
    ["CLOSED", true],
  ]);
  expect((await rules.history(open.id)).filter(({ restated }) => restated)).toHaveLength(1);
});

test("a minute that is no account is said, and the next one judged", async () => {
  const world = createWorld();
  const rules = keep(await world.start());
  await world.ledger.commit([
    { op: "put", kind: "account/1m", key: "hall/x", site: "hall", ts: timestamp(t0), body: "nonsense" },
  ]);
  await world.accounts(0, five);
  await rules.settled();
  expect(world.errors).toEqual(['RULES_ROW_INVALID account/1m "hall/x" is no account']);
  expect(await only(rules)).toMatchObject({ state: "ACTIVE" });
});

test("progress is a place and not a history", async () => {
  const world = createWorld();
  const rules = keep(await world.start());
  await world.accounts(0, [...five, ...ten, ...five]);
  await rules.settled();
  expect(await world.ledger.history("rules-state", "progress")).toHaveLength(1);
  expect(await world.ledger.history("rules-state", "site/hall")).toHaveLength(1);
});

test("what stands is saved by its id and taken up again whole", async () => {
  const world = createWorld();
  const first = keep(await world.start());
  await world.accounts(0, five);
  await first.settled();
  const before = await only(first);
  const saved = await world.ledger.get("rules-state", "site/hall");
  const { lives } = (saved?.body ?? { lives: [] }) as unknown as { lives: { life: { alert: unknown } }[] };
  expect(lives.map(({ life }) => life.alert)).toContain(before.id);
  await first[Symbol.asyncDispose]();
  const second = keep(await world.start());
  expect(await only(second)).toEqual(before);
  await second.comment({ id: before.id, by: "li", text: "after" });
  await second[Symbol.asyncDispose]();
  expect((await only(keep(await world.start()))).comments).toMatchObject([{ text: "after" }]);
});
