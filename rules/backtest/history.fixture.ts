import type { NodeAccount, NodeKind } from "#energy";
import { type Json, type Reading, type Store, timestamp } from "#store";
import { parseRule, type Rule } from "../rule.ts";
import { accountOf, type SpecimenNode, siteOf } from "../specimen.ts";

// A hall of 1,000 metering points, as one is built: racks on two cords, UPSs with two inputs and two outputs, cooling
// units on one meter, grid connections, roofs and batteries.

const minuteMs = 60_000;
export const historyStart = Date.UTC(2026, 9, 1);

const named = (count: number, of: (index: number) => SpecimenNode): SpecimenNode[] =>
  Array.from({ length: count }, (_, index) => of(index));

export const hallOf = (points: number) => {
  const share = points / 1000;
  const count = (of: number): number => Math.max(1, Math.round(of * share));
  const node = (id: string, kind: NodeKind, ratingW: number, capacityWh: number | null = null): SpecimenNode => ({
    ...{ id, kind, ratingW, capacityWh },
    meters: [{ code: "MP.X.1", device: id, sign: 1 }],
  });
  const ups = (index: number): SpecimenNode => ({
    ...node(`ups-${index}`, "ups", 500_000, 100_000),
    meters: [1, 2].flatMap((side) => [
      { code: `MP.UPS.IN.${side}`, device: `ups-${index}-in-${side}`, sign: 1 as const },
      { code: `MP.UPS.OUT.${side}`, device: `ups-${index}-out-${side}`, sign: -1 as const },
    ]),
  });
  const rack = (index: number): SpecimenNode => ({
    ...node(`rack-${String(index).padStart(4, "0")}`, "it", 10_000),
    meters: ["A", "B"].map((side) => ({
      ...{ code: `MP.IT.${side}`, device: `rack-${index}-${side}`, sign: 1 as const },
    })),
  });
  const nodes = [
    ...named(2, (index) => node(`grid-${index}`, "grid", 6e6)),
    ...named(count(4), (index) => node(`pv-${index}`, "pv", 250_000)),
    ...named(count(4), (index) => node(`bess-${index}`, "battery", 500_000, 1e6)),
    ...named(count(8), ups),
    ...named(count(58), (index) => node(`crac-${index}`, "cooling", 60_000)),
    ...named(count(450), rack),
  ];
  const demand = { contractW: 7e6, windowMin: 15, method: "fixed" } as const;
  return siteOf({ id: "hall", devices: [], intervalMs: minuteMs, busRatingW: 8e6, nodes, demand: demand as never });
};

/** Seven window rules of a site's own, on every node, besides the 23 that are shipped. */
export const ownRules = (): readonly Rule[] =>
  (
    [
      ["mean_w", "mean", 900, "mean > 0.7 * rating_w"],
      ["mean_w", "max", 3600, "mean > 0.98 * rating_w"],
      ["mean_w", "min", 3600, "mean > 0.85 * rating_w"],
      ["mean_w", "range", 1800, "mean > 0.6 * rating_w"],
      ["mean_w", "rate", 600, "mean > 0.2 * rating_w"],
      ["register_wh", "sum", 3600, "mean > energy(0.9 * rating_w, hours(1))"],
      ["max_w", "mean", 86_400, "mean > 0.8 * rating_w"],
    ] as const
  ).map(([input, how, overS, trigger], index) => {
    const name = input === "register_wh" ? "of_window_wh" : "of_window_w";
    const parsed = parseRule(
      `id: OWN${index + 1}
version: 1
title: { en: Own, "zh-CN": 自 }
action: { en: Look, "zh-CN": 看 }
on: account
subject: node
inputs: [${input}, rating_w, has_rating]
windows: { ${name}: { of: ${input}, function: ${how}, over_s: ${overS} } }
levels:
  - { severity: WARNING, subcode: own, trigger: "${trigger.replace("mean >", `${name} >`)}", hold_on_s: 120, clear: "${trigger.replace("mean >", `${name} < 0.9 *`)}", hold_off_s: 300 }
exempt: ["!has_rating"]
`,
      `own-${index + 1}.yaml`,
    );
    if (!parsed.ok) throw new Error(`BUG: ${parsed.faults[0]?.message}`);
    return parsed.rule;
  });

/** A number in [0, 1) that is always the same. */
const noise = (a: number, b: number): number => {
  const mixed = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b ^ 0xc2b2ae35, 0x27d4eb2f);
  const again = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  return ((again ^ (again >>> 13)) >>> 0) / 2 ** 32;
};

/** Writes so many days of it: an account a minute with every node, and what the supply reports. */
export const writeHistory = async (store: Store, model: ReturnType<typeof hallOf>, days: number): Promise<void> => {
  const part = (node: (typeof model.nodes)[number], index: number, minute: number): NodeAccount => {
    const ratingW = node.ratingW ?? 10_000;
    const hour = Math.floor(minute / 60);
    // One node in five hundred runs hot for an hour.
    const share = noise(index, hour) < 0.002 ? 0.95 : 0.35 + 0.15 * Math.sin((minute + index * 37) / 229);
    const meanW = ratingW * (share + 0.02 * noise(index, minute));
    const [minW, maxW] = [Math.round(meanW * 9.8) / 10, Math.round(meanW * 10.2) / 10];
    return {
      ...{ forwardWh: Math.round(meanW / 60), reverseWh: 0, meanW, minW, maxW },
      socPct: node.capacityWh === null ? null : 50 + 20 * Math.sin(minute / 300),
      check: { registerWh: Math.round(meanW / 60), powerWh: meanW / 60 },
      ...{ coverage: 1, quality: "MEASURED", flags: [] },
    };
  };
  const supply = model.nodes.filter(({ kind }) => kind !== "it");
  const devices = supply.flatMap(({ points }) => points.map(({ device }) => device));
  const batch = 30;
  for (let first = 0; first < days * 1440; first += batch) {
    const minutes = Array.from({ length: Math.min(batch, days * 1440 - first) }, (_, index) => first + index);
    const readings = minutes.flatMap((minute): Reading[] =>
      devices.map((device) => {
        const at = historyStart + minute * minuteMs;
        const quantities = device.startsWith("grid")
          ? { power_w: 4e6, voltage_v: 230, frequency_hz: 50 }
          : { power_w: 40_000 };
        return {
          ...{ site: "hall", device, ts: timestamp(at), received: timestamp(at + 300) },
          ...{ quantities, flags: [] },
        };
      }),
    );
    await store.readings.write(readings);
    await store.ledger.commit(
      minutes.map((minute) => {
        const start = historyStart + minute * minuteMs;
        const nodes = Object.fromEntries(model.nodes.map((node, index) => [node.id, part(node, index, minute)]));
        const powers = { importW: 4e6, supplyW: 4e6, loadW: 4e6, residualW: 1000, uncertaintyW: 8000 };
        const account = accountOf({
          ...{ site: "hall", start, end: start + minuteMs, nodes, ...powers },
          ...{ itW: 3e6, coolingW: 8e5, lossW: 1e5, facilityW: 4e6, exportW: 0, renewableW: 3e5 },
          ...{ chargeW: 0, dischargeW: 0 },
        });
        return {
          ...{ op: "put", kind: "account/1m", key: `hall/${start}`, site: "hall", ts: timestamp(start) },
          body: account as unknown as Json,
        } as const;
      }),
    );
  }
};
