import { expect, test } from "vitest";
import { createMemoryLedger, createMemoryReadings, type Json, timestamp } from "#store";
import type { Alert } from "./alert.ts";
import { startRules } from "./engine.ts";
import { accountOf, siteOf } from "./specimen.ts";

const t0 = Date.UTC(2026, 10, 23, 8);
const minute = 60_000;
const settings = { RULES_TICK_MS: 1000, RULES_CATCHUP_WAIT_MS: 60_000, RULES_SAVE_MS: 100, RULES_ON: ["R21-FAILOVER"] };
const feed = (id: string) => ({ id, kind: "grid" as const, ratingW: 1e6, capacityWh: null });

const open = async () => {
  const ledger = createMemoryLedger();
  const readings = createMemoryReadings();
  const world = { wall: t0 };
  const rules = await startRules(settings, {
    readings,
    ledger,
    sites: [siteOf({ id: "hall", devices: ["r-1"], intervalMs: 10_000, nodes: [feed("a"), feed("b"), feed("c")] })],
    publish: () => {},
    onError: (error) => {
      throw error;
    },
    now: () => world.wall,
    timers: { every: () => () => {} },
  });
  /** All devices but `silent` report every ten seconds of so many minutes; the import of each minute is given. */
  const run = async (minutes: number, importW: number, silent: readonly string[] = []) => {
    for (let index = 0; index < minutes; index++, world.wall += minute) {
      const at = (second: number) => timestamp(world.wall + second * 1000);
      await readings.write(
        [0, 10, 20, 30, 40, 50].flatMap((second) =>
          ["r-1", "a", "b", "c"]
            .filter((device) => !silent.includes(device))
            .map((device) => ({
              site: "hall",
              device,
              ts: at(second),
              received: at(second),
              quantities: { power_w: 1 },
              flags: [],
            })),
        ),
      );
      const body = accountOf({ site: "hall", start: world.wall, end: world.wall + minute, importW });
      await ledger.commit([
        {
          op: "put",
          kind: "account/1m",
          key: `hall/${world.wall}`,
          site: "hall",
          ts: timestamp(world.wall),
          body: body as unknown as Json,
        },
      ]);
      await rules.settled();
    }
  };
  return { ledger, world, rules, run };
};
const brief = (alerts: readonly Alert[]) =>
  alerts.map(({ rule, subject, state, severity }) => `${rule} ${subject} ${state}/${severity}`).sort();

test("a feed isolated on purpose raises one expected alert, and what is left is judged without it", async () => {
  const { rules, run, world } = await open();
  await using _ = rules;
  // 1.5 MW on three feeds of 1 MW: two are enough; on two feeds one is not.
  await run(3, 1.5e6);
  const opened = await rules.openPermit({
    site: "hall",
    node: "a",
    by: "li",
    reason: "breaker test",
    until: world.wall + 30 * minute,
  });
  expect(opened).toMatchObject({ ok: true, permit: { node: "a", closed: null } });
  await run(8, 1.5e6, ["a"]);
  expect(brief(await rules.open("hall"))).toEqual(["PERMIT a ACTIVE/INFO", "R21-FAILOVER hall ACTIVE/CRITICAL"]);
  const [permit] = await rules.permits("hall");
  expect(await rules.closePermit({ id: permit?.id ?? "", by: "li" })).toMatchObject({ ok: true });
  await run(8, 1.5e6);
  expect(brief(await rules.open("hall"))).toEqual(["R21-FAILOVER hall RETURNED/CRITICAL"]);
}, 60_000);

test("a permit that is overrun is major, and who opened and closed it is in the audit", async () => {
  const { ledger, rules, run, world } = await open();
  await using _ = rules;
  await run(2, 1e5);
  const command = { site: "hall", node: "a", by: "li", reason: "breaker test", until: world.wall + 3 * minute };
  expect(await rules.openPermit({ ...command, node: "z" })).toMatchObject({ ok: false, code: "RULES_NODE_UNKNOWN" });
  const opened = await rules.openPermit(command);
  await run(6, 1e5, ["a"]);
  expect(brief(await rules.open("hall"))).toEqual(["PERMIT a ACTIVE/MAJOR"]);
  const id = opened.ok ? opened.permit.id : "";
  await rules.closePermit({ id, by: "wang" });
  expect(await rules.open("hall")).toEqual([]);
  expect(await rules.closePermit({ id, by: "wang" })).toMatchObject({ ok: false, code: "RULES_PERMIT_CLOSED" });
  const audit = await ledger.list({ kind: "audit", limit: 10 });
  expect(audit.items.map(({ body }) => body)).toMatchObject([
    { who: "li", what: "permit.open", said: "breaker test" },
    { who: "wang", what: "permit.close" },
  ]);
}, 60_000);
