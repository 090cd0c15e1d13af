import fc from "fast-check";
import { expect, test } from "vitest";
import type { Account, AccountFlag, NodeAccount } from "#energy";
import { type Ahead, createAhead } from "./ahead.ts";
import { loadCatalogue } from "./catalogue.ts";
import { alertHash } from "./hash.ts";
import { type NodeParts, partsOfAccount } from "./node-parts.ts";
import { meteredNodes } from "./node-plan.ts";
import { parseRule, type Rule } from "./rule.ts";
import { windowFunctions } from "./rule-shape.ts";
import { canonical, createRun } from "./run.ts";
import { accountOf, siteOf } from "./specimen.ts";

const minuteMs = 60_000;
const t0 = Date.UTC(2026, 10, 23, 8);
const count = 24;
const kinds = ["it", "grid", "battery", "ups", "cooling", "it"] as const;
const model = siteOf({
  ...{ id: "hall", devices: [], intervalMs: minuteMs, work: { n1: "work_samples" } },
  nodes: Array.from({ length: count }, (_, index) => ({
    ...{ id: `n${index}`, kind: kinds[index % kinds.length] ?? "it" },
    ...{ ratingW: index === 5 ? null : 10_000, capacityWh: kinds[index % kinds.length] === "battery" ? 5000 : null },
    ...(index === 6 || index === 11 ? { parent: "n0" } : {}),
  })),
});
const ids = meteredNodes(model).map(({ id }) => id);

/** A rule of one window, about a level that some nodes cross and most do not. */
const ruleOf = (
  index: number,
  [how, overS, agoS, of, trigger, more]: readonly [string, number, number, string, string, string],
) => {
  const parsed = parseRule(
    `id: T${index}
version: 1
title: { en: a, zh-CN: b }
action: { en: a, zh-CN: b }
on: account
subject: node
inputs: [mean_w, min_w, max_w, register_wh, gauge_wh, node_coverage, rating_w, has_rating, node_kind, above_w, children_w]
windows:
  one_w: { of: "${of}", function: ${how}, over_s: ${overS}, ago_s: ${agoS}, ${how === "quantile" ? "q: 0.8, " : ""}least: 0.6 }
  other_w: { of: "above_w", function: mean, over_s: 600 }
${how === "sum" ? `  two_w: { of: "${of} + min_w - mean_w", function: ${how}, over_s: ${overS}, ago_s: ${agoS}, least: 0.6 }` : ""}
let: { size_w: abs(one_w) }
levels:
  - { severity: WARNING, subcode: a, trigger: '${trigger}', hold_on_s: 60, clear: "one_w < kW(-90)", hold_off_s: 120 }
${more}`,
    "t.yaml",
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.rule;
};

const levels: Readonly<Record<string, number>> = { sum: 10, range: 0.4, rate: 0.05 };
const triggers = (how: string, overS: number): readonly string[] => {
  const scale = (levels[how] ?? 0.8) * (how === "sum" ? overS / 600 : 1);
  return [
    `one_w > ${scale} * rating_w`,
    `one_w < ${-0.05 * scale} * rating_w && mean_w_absent == false`,
    `size_w > W(plain(max(${0.9 * scale} * rating_w, 0.2 * other_w))) || (node_coverage < 0.5 ? false : size_w < 0.002 * rating_w)`,
    how === "sum"
      ? `abs(one_w - two_w) > 0.03 * size_w && size_w > W(100)`
      : `one_w >= ${1.02 * scale} * rating_w && node_kind != "grid"`,
  ];
};
const ruleTerms = fc
  .record({
    how: fc.constantFrom(...windowFunctions.filter((how) => how !== "count")),
    overS: fc.constantFrom(60, 300, 900, 1800, 7200),
    agoS: fc.constantFrom(0, 0, 0, 300),
    of: fc.constantFrom("mean_w", "max_w - min_w", "mean_w > 2 * rating_w ? min_w : max_w", "above_w - mean_w"),
    turn: fc.nat(3),
    more: fc.constantFrom(
      "",
      "",
      'exempt: ["!has_rating"]\n',
      "every_s: 600\n",
      "blind: { inputs: [mean_w], title: { en: a, zh-CN: b }, severity: MAJOR, hold_on_s: 120, hold_off_s: 60 }\n",
    ),
  })
  .map(
    ({ how, overS, agoS, of, turn, more }) => [how, overS, agoS, of, triggers(how, overS)[turn] ?? "", more] as const,
  );

type Course = "calm" | "spike" | "gaps" | "drift" | "flap" | "frozen" | "reverse" | "flags";
const courseOf = fc.constantFrom<Course>("calm", "spike", "gaps", "drift", "flap", "frozen", "reverse", "flags");
/** Most stay calm; the few follow one course each from some minute on. */
const history = fc.record({
  minutes: fc.integer({ min: 5, max: 150 }),
  wild: fc.array(fc.tuple(fc.nat(count - 1), courseOf, fc.nat(120)), { maxLength: 4 }),
  jumps: fc.array(fc.tuple(fc.nat(120), fc.integer({ min: 1, max: 200 })), { maxLength: 2 }),
  quiet: fc.array(fc.nat(150), { maxLength: 3 }),
  suspect: fc.option(fc.nat(count - 1), { freq: 3 }),
  seed: fc.integer(),
});
type History = typeof history extends fc.Arbitrary<infer Value> ? Value : never;

const noise = (a: number, b: number): number => {
  const mixed = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b ^ 0xc2b2ae35, 0x27d4eb2f);
  return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
};

const partAt = (node: number, minute: number, seed: number, course: Course): NodeAccount | null => {
  const of = (salt: number): number => noise(seed + node * 977 + salt, minute);
  const flag: Readonly<Partial<Record<number, AccountFlag>>> = {
    0: "COUNTER_SPIKE",
    1: "COUNTER_RESET",
    2: "COUNTER_FAULT",
  };
  if (course === "gaps" && of(1) < 0.4) return null;
  const hot = { spike: of(2) < 0.1, flap: Math.floor(minute / 7) % 2 === 0, drift: false };
  let meanW = 4000 + 300 * of(3);
  if (course in hot && hot[course as keyof typeof hot]) meanW = 10_600;
  if (course === "drift") meanW += minute * 45;
  if (course === "frozen") meanW = 4321;
  if (course === "reverse") meanW = -meanW;
  const isMissing = course === "gaps" && of(4) < 0.2;
  return {
    ...{ forwardWh: Math.max(0, meanW) / 60, reverseWh: 0, meanW: isMissing ? null : meanW, socPct: null },
    ...{
      minW: course === "frozen" ? meanW : meanW - 40 * of(5),
      maxW: course === "frozen" ? meanW : meanW + 40 * of(6),
    },
    ...{ storedWh: 1, quality: "MEASURED", coverage: course === "gaps" && of(7) < 0.3 ? 0 : 1 },
    ...(isMissing
      ? {}
      : {
          check: {
            registerWh: Math.round(meanW / 60) * (course === "spike" && of(2) < 0.1 ? 10 : 1),
            powerWh: meanW / 60,
          },
        }),
    flags: course === "flags" && of(8) < 0.1 ? [flag[Math.floor(of(9) * 3)] ?? "COUNTER_ROLLOVER"] : [],
  } as NodeAccount;
};

const accountsOf = ({ minutes, wild, jumps, quiet, suspect, seed }: History): readonly Account[] => {
  let start = t0;
  return Array.from({ length: minutes }, (_, minute) => {
    for (const [at, by] of jumps) if (at === minute) start += by * minuteMs;
    const parts = Object.fromEntries(
      Array.from({ length: count }, (_, node) => {
        const course = wild.find(([of, , from]) => of === node && minute >= from)?.[1] ?? "calm";
        return [`n${node}`, partAt(node, minute, seed, quiet.includes(minute) ? "gaps" : course)] as const;
      }).filter(([, part]) => part !== null),
    );
    const account = accountOf({
      ...{ site: "hall", start, end: start + minuteMs, nodes: parts as Record<string, NodeAccount> },
      ...{ loadW: 100_000 + minute * 50, residualW: minute % 40 === 0 ? null : 100, uncertaintyW: 50 },
      ...{ suspect: suspect !== null && minute % 30 > 20 ? `n${suspect}` : null },
      work: { n1: { amount: minute, energyWh: 100 } },
    } as never);
    start += minuteMs;
    return account;
  });
};

/** As history is told: the nodes in columns, with the minutes to come or without, `page` of them at a time. */
const judged = (
  rules: readonly Rule[],
  accounts: readonly Account[],
  page: number | null,
  strays: readonly number[],
) => {
  const run = createRun({ sites: [model], rules, hash: alertHash, catchupWaitMs: minuteMs });
  const aheads = new Map<number, Ahead>();
  const wide = new Map<number, Ahead>();
  const widerAt = (from: number): Ahead | null => {
    if (page === null || page % 2 === 0) return null;
    const first = Math.floor(from / (3 * page)) * 3 * page;
    const known = wide.get(first) ?? createAhead(told.slice(first, first + 3 * page));
    wide.set(first, known);
    return known;
  };
  const told = accounts.map((account) => ({ account, nodes: partsOfAccount(account, ids) }));
  const moved = told.flatMap(({ account, nodes }, index) => {
    const from = page === null ? 0 : Math.floor(index / page) * page;
    const ahead =
      page === null || strays.includes(index)
        ? null
        : (aheads.get(from) ?? createAhead(told.slice(from, from + page), widerAt(from)));
    if (ahead !== null) aheads.set(from, ahead);
    const known: NodeParts = ahead === null ? nodes : { ...nodes, ahead };
    return run.take({ kind: "account", account, wall: account.end, nodes: known });
  });
  return { moved: canonical(moved), saved: run.watches.get("hall")?.save() };
};

const own = fc.array(ruleTerms, { minLength: 1, maxLength: 6 });
const pages = fc.constantFrom(1, 7, 15, 20, 60);

test("minutes judged with those to come at hand give what they give one by one, to the last slice", () => {
  let most = 0;
  fc.assert(
    fc.property(own, history, pages, fc.array(fc.nat(120), { maxLength: 2 }), (terms, drawn, page, strays) => {
      const rules = terms.map((one, index) => ruleOf(index, one));
      const accounts = accountsOf(drawn);
      const expected = judged(rules, accounts, null, []);
      most = Math.max(most, expected.moved.length);
      expect(judged(rules, accounts, page, strays)).toEqual(expected);
    }),
    { numRuns: 60 },
  );
  expect(most).toBeGreaterThan(5);
}, 120_000);

test("so do the shipped rules", async () => {
  const loaded = await loadCatalogue();
  const rules = loaded.ok
    ? loaded.catalogue.rules.filter(({ on, subject }) => on === "account" && subject === "node")
    : [];
  expect(rules.length).toBeGreaterThan(5);
  fc.assert(
    fc.property(history, pages, (drawn, page) => {
      const accounts = accountsOf(drawn);
      expect(judged(rules, accounts, page, [])).toEqual(judged(rules, accounts, null, []));
    }),
    { numRuns: 15 },
  );
}, 120_000);
