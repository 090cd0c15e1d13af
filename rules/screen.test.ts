import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import type { AccountFlag, NodeAccount } from "#energy";
import { loadCatalogue } from "./catalogue.ts";
import { alertHash } from "./hash.ts";
import { parseRule, type Rule } from "./rule.ts";
import { canonical, createRun } from "./run.ts";
import { accountOf, siteOf } from "./specimen.ts";

const minute = 60_000;
const t0 = Date.UTC(2026, 10, 23, 8);
const kinds = ["grid", "it", "battery", "ups", "it"] as const;
const model = siteOf({
  ...{ id: "hall", devices: [], intervalMs: minute, work: { n1: "work_samples" } },
  nodes: kinds.map((kind, index) => ({
    ...{ id: `n${index}`, kind, ratingW: index === 4 ? null : 10_000, capacityWh: kind === "battery" ? 5000 : null },
    ...(index === 4 ? { parent: "n1" } : {}),
  })),
});

let shipped: readonly Rule[] = [];
beforeAll(async () => {
  const loaded = await loadCatalogue();
  shipped = loaded.ok ? loaded.catalogue.rules.filter(({ on, subject }) => on === "account" && subject === "node") : [];
});
/** The same rules, judged node by node: whoever asks for the age of an input has a past of his own. */
const each = (rules: readonly Rule[]): readonly Rule[] =>
  rules.map((rule) => ({ ...rule, companions: [...rule.companions, `${rule.inputs[0]}_age_s`] }));

const watts = fc.oneof(fc.constantFrom(0, 5000, 8500, 9500, 10_500), fc.integer({ min: -2000, max: 12_000 }));
const flag = fc.constantFrom<AccountFlag>("COUNTER_RESET", "COUNTER_SPIKE", "COUNTER_FAULT", "COUNTER_ROLLOVER");
const part = fc.record({
  meanW: fc.option(watts, { freq: 8 }),
  swingW: fc.constantFrom(0, 0, 40),
  factor: fc.constantFrom(1, 1, 1, 10, -1),
  flags: fc.array(flag, { maxLength: 1 }),
  isSilent: fc.boolean(),
});
const noted = ({ meanW, swingW, factor, flags, isSilent }: typeof part extends fc.Arbitrary<infer T> ? T : never) =>
  ({
    ...{ forwardWh: meanW === null ? null : Math.max(0, meanW) / 60, reverseWh: 0, meanW, socPct: null },
    ...{ minW: meanW === null ? null : meanW - swingW, maxW: meanW, storedWh: 1, quality: "MEASURED" },
    ...(meanW === null ? {} : { check: { registerWh: (meanW * factor) / 60, powerWh: meanW / 60 } }),
    ...{ coverage: isSilent ? 0 : 1, flags },
  }) as NodeAccount;
const stretch = fc.record({
  minutes: fc.integer({ min: 1, max: 45 }),
  gap: fc.constantFrom(0, 0, 0, 3),
  loadW: fc.integer({ min: 100_000, max: 120_000 }),
  parts: fc.array(part, { minLength: kinds.length, maxLength: kinds.length }),
  suspect: fc.constantFrom(null, null, "n1"),
});

const accountsOf = (stretches: readonly (typeof stretch extends fc.Arbitrary<infer T> ? T : never)[]) => {
  let at = t0;
  return stretches.flatMap(({ minutes, gap, loadW, parts, suspect }) => {
    at += gap * minute;
    return Array.from({ length: minutes }, (_, index) => {
      const start = at;
      at += minute;
      return accountOf({
        ...{ site: "hall", start, end: at, loadW: loadW + index * 300, residualW: 100, uncertaintyW: 50, suspect },
        nodes: Object.fromEntries(parts.map((one, node) => [`n${node}`, noted(one)])),
        work: { n1: { amount: index, energyWh: 100 } },
      });
    });
  });
};

const judged = (rules: readonly Rule[], accounts: ReturnType<typeof accountsOf>, cutAt = -1): readonly string[] => {
  const terms = { sites: [model], rules, hash: alertHash, catchupWaitMs: minute };
  let run = createRun(terms);
  const told = accounts.flatMap((account, index) => {
    if (index === cutAt) {
      const saved = JSON.parse(JSON.stringify(run.watches.get("hall")?.save()));
      run = createRun({ ...terms, saved: () => saved });
    }
    return run.take({ kind: "account", account, wall: account.end });
  });
  return canonical(told);
};

test("rules on nodes judged in columns raise byte for byte what they raise node by node", () => {
  let most = 0;
  fc.assert(
    fc.property(fc.array(stretch, { minLength: 1, maxLength: 12 }), (stretches) => {
      const accounts = accountsOf(stretches);
      const found = judged(shipped, accounts);
      most = Math.max(most, found.length);
      expect(found).toEqual(judged(each(shipped), accounts));
    }),
    { numRuns: 8 },
  );
  expect(most).toBeGreaterThan(10);
}, 60_000);

test("windows in columns go on where they stood", () => {
  fc.assert(
    fc.property(fc.array(stretch, { minLength: 2, maxLength: 6 }), fc.nat(60), (stretches, cutAt) => {
      const accounts = accountsOf(stretches);
      expect(judged(shipped, accounts, cutAt)).toEqual(judged(shipped, accounts));
    }),
    { numRuns: 5 },
  );
}, 60_000);

test("a window that adds up something else now begins anew, in columns and node by node", () => {
  const source = (over: string, how: string) => `
id: R90
version: 1
title: { en: a, zh-CN: b }
action: { en: a, zh-CN: b }
on: account
subject: node
inputs: [mean_w]
windows:
  lately_w: { of: mean_w, function: ${how}, over_s: ${over} }
  usual_w: { of: mean_w, function: mean, over_s: 600 }
levels:
  - { severity: WARNING, subcode: a, trigger: lately_w > kW(9), clear: lately_w < kW(8), hold_on_s: 0, hold_off_s: 0 }
`;
  const rule = (over: string, how: string) => {
    const parsed = parseRule(source(over, how), "r90.yaml");
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
    return parsed.rule;
  };
  const terms = { sites: [model], hash: alertHash, catchupWaitMs: minute };
  const part = noted({ meanW: 5000, swingW: 0, factor: 1, flags: [], isSilent: false });
  const kept = (after: Rule, wrap: (rules: readonly Rule[]) => readonly Rule[]) => {
    const run = createRun({ ...terms, rules: wrap([rule("600", "mean")]) });
    for (let at = 0; at < 10; at++)
      run.take({
        kind: "account",
        account: accountOf({
          ...{ site: "hall", start: t0 + at * minute, end: t0 + (at + 1) * minute, nodes: { n1: part } },
          ...{ loadW: 100_000, residualW: 100, uncertaintyW: 50, suspect: null },
        }),
        wall: t0,
      });
    const saved = JSON.parse(JSON.stringify(run.watches.get("hall")?.save()));
    const again = createRun({ ...terms, rules: wrap([after]), saved: () => saved })
      .watches.get("hall")
      ?.save();
    const windows = again?.memory.R90?.n1?.windows ?? {};
    return Object.fromEntries(Object.entries(windows).map(([name, { length }]) => [name, length]));
  };
  for (const wrap of [(rules: readonly Rule[]) => rules, each]) {
    expect(kept(rule("600", "mean"), wrap)).toEqual({ lately_w: 10, usual_w: 10 });
    expect(kept(rule("600", "max"), wrap)).toEqual({ usual_w: 10 });
    expect(kept(rule("300", "mean"), wrap)).toEqual({ usual_w: 10 });
  }
});
