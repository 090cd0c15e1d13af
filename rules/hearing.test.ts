import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { createColumnBuilder, createNameBook, type Reading, startsOf, timestamp } from "#store";
import type { Alert } from "./alert.ts";
import { loadCatalogue } from "./catalogue.ts";
import { acknowledged } from "./command.ts";
import type { Rule } from "./rule.ts";
import { createRun, type RuleRun } from "./run.ts";
import { accountOf, siteOf } from "./specimen.ts";
import { beginOf, isOver, lastWall, nextOf, type Stretch } from "./stretch.ts";

let rules: readonly Rule[] = [];
beforeAll(async () => {
  const loaded = await loadCatalogue();
  rules = loaded.ok ? loaded.catalogue.rules : [];
});

const t0 = Date.UTC(2026, 10, 23, 8);
const minute = 60_000;
const racks = ["a", "b", "c", "d"];
const others = ["feed-1", "feed-2", "ups-in", "ups-out", "gen", "x-a", "x-b"];
const devices = [...racks, ...others];
const meter = (code: string, device: string, sign: 1 | -1 = 1) => ({ code, device, sign });
const model = siteOf({
  ...{ id: "hall", devices: racks, intervalMs: minute },
  nodes: [
    { id: "feed-1", kind: "grid", ratingW: 2e6, capacityWh: null, nominalV: 230 },
    { id: "feed-2", kind: "grid", ratingW: 2e6, capacityWh: null },
    {
      ...{ id: "ups", kind: "ups", ratingW: 2e6, capacityWh: null, gateway: "gw" },
      meters: [meter("MP.UPS.IN.1", "ups-in"), meter("MP.UPS.OUT.1", "ups-out", -1)],
    },
    { id: "gen", kind: "genset", ratingW: 2e6, capacityWh: null },
    {
      ...{ id: "x", kind: "it", ratingW: 8000, capacityWh: null },
      meters: [meter("MP.IT.A", "x-a"), meter("MP.IT.B", "x-b")],
    },
  ],
});

/** A minute or so of the hall: who is silent, what is wrong, who comes late, and how long nothing is heard after it. */
const round = fc.record({
  silent: fc.oneof(
    { weight: 3, arbitrary: fc.constant<string[]>([]) },
    fc.subarray(devices),
    fc.constant(devices.slice(1)),
  ),
  trouble: fc.oneof(
    { weight: 4, arbitrary: fc.constant("none") },
    fc.constantFrom("hot", "lost", "half", "battery", "genset", "volts", "side", "sag"),
  ),
  late: fc.constantFrom("", "", "", ...devices),
  lateMs: fc.constantFrom(-20_000, 1500, 4000, 70_000, 400_000, 5_000_000),
  lagMs: fc.constantFrom(300, 300, 300, 0, 3000),
  pauseMs: fc.constantFrom(0, 0, 0, 0, 0, 1000, 20_000, 200_000, 900_000),
  residualW: fc.option(fc.integer({ min: -60_000, max: 60_000 })),
  times: fc.constantFrom(1, 1, 3, 12),
});
interface Round {
  readonly silent: readonly string[];
  readonly trouble: string;
  readonly late: string;
  readonly lateMs: number;
  readonly lagMs: number;
  readonly pauseMs: number;
  readonly residualW: number | null;
}

const quantitiesOf = (device: string, trouble: string): Record<string, number> => {
  if (device.startsWith("feed")) {
    const isFirst = device === "feed-1";
    const volts = trouble === "lost" || (trouble === "half" && isFirst) ? 2 : trouble === "sag" && isFirst ? 180 : 230;
    return { power_w: 4e5, voltage_l1_v: volts, frequency_hz: trouble === "lost" ? 48 : 50 };
  }
  if (device === "ups-in")
    return { power_w: 3e5, ...(trouble === "none" ? {} : { ups_on_battery: trouble === "battery" ? 1 : 0 }) };
  if (device === "gen")
    return { power_w: trouble === "genset" ? 3e5 : 0, genset_running: trouble === "genset" ? 1 : 0 };
  if (device === "x-b") return { power_w: trouble === "side" ? 10 : 2500 };
  if (device === "x-a") return { power_w: trouble === "side" ? 5200 : 2500 };
  return { power_w: 1000, ...(device === "a" ? { inlet_c: trouble === "hot" ? 39 : 23 } : {}) };
};

/** In the order in which they are received; the stretches of the rounds, each with its account. */
const piecesOf = (rounds: readonly Round[]) => {
  let wall = t0;
  const builder = createColumnBuilder(createNameBook());
  const ends: number[] = [];
  for (const { silent, trouble, late, lateMs, lagMs, pauseMs } of rounds) {
    for (const [index, device] of devices.entries()) {
      if (silent.includes(device)) continue;
      const received = wall + index * 150 + lagMs;
      const ts = received - (device === late ? lateMs : lagMs);
      const reading: Reading = {
        ...{ site: "hall", device, ts: timestamp(ts), received: timestamp(received) },
        ...{ quantities: quantitiesOf(device, trouble), flags: [] },
      };
      builder.addReading(reading);
    }
    ends.push(builder.rows());
    wall += minute + pauseMs;
  }
  const columns = builder.take();
  const [order, starts] = [Int32Array.from(columns.device, (_, row) => row), startsOf(columns)];
  let heard: number | null = null;
  return rounds.map(({ residualW }, index) => {
    const [from, to] = [ends[index - 1] ?? 0, ends[index] ?? 0];
    const isLast = index === rounds.length - 1;
    const until: number | null = isLast && heard !== null ? wall + 30 * minute : null;
    const stretch: Stretch = { site: "hall", columns, starts, order, from, to, heard, until, tickMs: 5000 };
    heard = lastWall({ ...stretch, until: null });
    const start = t0 + index * minute;
    const powers = { residualW, uncertaintyW: 8650, supplyW: 1.5e6, loadW: 1.4e6, itW: 1e6 };
    const account = accountOf({ site: "hall", start, end: start + minute, ...powers });
    return { stretch, account };
  });
};

const oneByOne = (run: RuleRun, stretch: Stretch, told: (alerts: readonly Alert[]) => void): void => {
  const place = beginOf(stretch);
  for (let one = nextOf(stretch, place); one !== null; one = nextOf(stretch, place))
    told(run.take(typeof one === "number" ? { kind: "tick", wall: one } : { kind: "readings", readings: [one] }));
};
const atOnce = (run: RuleRun, stretch: Stretch, told: (alerts: readonly Alert[]) => void): void => {
  const place = beginOf(stretch);
  while (!isOver(stretch, place)) told(run.hear(stretch, place));
};

interface Drawn {
  readonly rounds: readonly (Round & { readonly times: number })[];
  readonly which: string;
  readonly accountLate: number;
  readonly isAcknowledged: boolean;
  readonly permit: number;
}

const chosen = (which: string): readonly Rule[] => {
  const ids = which === "silence" ? ["R04"] : ["R04", "R07", "R22", "R25", "R36"];
  if (which === "all") return rules;
  return rules.filter(({ id, on }) => ids.includes(id) || (which === "supply" && on === "account"));
};

/** Every transition in its order, and what the watch keeps after each piece. */
const lived = ({ rounds, which, accountLate, isAcknowledged, permit }: Drawn, hear: typeof oneByOne) => {
  const run = createRun({ sites: [model], rules: chosen(which), hash: (text) => text, catchupWaitMs: 60_000 });
  const watch = run.watches.get("hall");
  const seen: Alert[] = [];
  const kept: string[] = [];
  const told = (alerts: readonly Alert[]): void => {
    for (const alert of alerts) {
      seen.push(alert);
      if (isAcknowledged && alert.active !== null && alert.acknowledged === null && alert.state !== "CLOSED")
        watch?.amend(alert.id, (one) => acknowledged(one, "Ana", "seen", { wall: 0, site: alert.changed.site }));
    }
  };
  const pieces = piecesOf(rounds.flatMap(({ times, ...one }) => Array.from({ length: times }, () => one)));
  for (const [index, { stretch }] of pieces.entries()) {
    hear(run, stretch, told);
    const account = pieces[index - accountLate]?.account;
    if (account !== undefined) told(run.take({ kind: "account", account, wall: account.end }));
    if (index === permit) {
      const [from, until] = [t0 + index * minute, t0 + (index + 5) * minute];
      const given = { id: "p", site: "hall", node: "ups", by: "Ana", reason: "work", from, until };
      told(watch?.permit({ ...given, closed: null }, from) ?? []);
      told(watch?.permit({ ...given, closed: { by: "Ana", at: until + 1 } }, until) ?? []);
    }
    kept.push(JSON.stringify(watch?.save()));
  }
  return { seen: seen.map((alert) => JSON.stringify(alert)), kept };
};

test("readings taken at once change what they change one by one, in the same order, and leave the same behind", () => {
  const counts = new Map<string, number>();
  fc.assert(
    fc.property(
      fc.record({
        rounds: fc.array(round, { minLength: 1, maxLength: 12 }),
        which: fc.constantFrom("all", "supply", "supply", "mode", "silence"),
        accountLate: fc.constantFrom(0, 0, 1, 3),
        isAcknowledged: fc.boolean(),
        permit: fc.integer({ min: 0, max: 30 }),
      }),
      (drawn) => {
        const expected = lived(drawn, oneByOne);
        const found = lived(drawn, atOnce);
        expect(found.seen).toEqual(expected.seen);
        expect(found.kept).toEqual(expected.kept);
        for (const line of found.seen) {
          const { rule, state } = JSON.parse(line) as Alert;
          counts.set(`${rule} ${state}`, (counts.get(`${rule} ${state}`) ?? 0) + 1);
        }
      },
    ),
    { numRuns: 40 },
  );
  // The streams must have had something to say.
  for (const one of ["R04 ACTIVE", "R04 CLOSED", "R07 ACTIVE", "R22 ACTIVE", "R25 ACTIVE", "R36 ACTIVE"])
    expect(counts.get(one) ?? 0, one).toBeGreaterThan(0);
});

test("what the second feed said of the mains too long ago counts no more, though nothing else has changed", () => {
  const calm = { trouble: "half", late: "", lateMs: 0, lagMs: 300, pauseMs: 0, residualW: null };
  const rounds = [
    { ...calm, silent: [], times: 4 },
    { ...calm, silent: ["feed-2", "ups-in"], times: 8 },
  ];
  const drawn = { rounds, which: "mode", accountLate: 0, isAcknowledged: false, permit: 99 };
  const found = lived(drawn, atOnce);
  expect(found).toEqual(lived(drawn, oneByOne));
  expect(found.seen.map((line) => JSON.parse(line) as Alert)).toContainEqual(
    expect.objectContaining({ rule: "R36", state: "ACTIVE" }),
  );
});
