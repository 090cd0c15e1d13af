import type { Account } from "../account.ts";
import type { Server } from "../declared.ts";
import type { SiteModel } from "../model.ts";
import type { KpiEntry, Ratio, Sums, Terms } from "./entry.ts";

const servers = (model: SiteModel): readonly Server[] => model.declared?.servers ?? [];
const serving = (model: SiteModel): readonly Server[] => servers(model).filter(({ primary }) => primary.length > 0);
const hoursOf = ({ start, end }: Account): number => (end - start) / 3_600_000;

const shared = {
  range: { min: 0, max: 100 },
  denominatorOf: "count",
  unmetered: true,
} as const;

// kpi.md §2.6: not weighted by size, and idle servers count; over time the mean of ITEUsv(t).
export const iteusv: KpiEntry = {
  ...shared,
  id: "iteusv",
  name: { en: "IT equipment utilisation for servers", "zh-CN": "服务器利用率 ITEUsv" },
  formula: "mean over time of Σ CPU utilisation of servers in operation / their number, each minute",
  unit: "%",
  numUnit: "% h",
  denUnit: "h",
  boundary: "servers in operation as declared, idle ones too; accelerators left out",
  usual: { max: 90 },
  standard: "ISO/IEC 30134-5:2017 (aligned)",
  window: "calendar year; shown by hour and day",
  better: "higher",
  results: "one",
  missing: (model) => (servers(model).length > 0 ? [] : ["POINT_MISSING:MP.CPU", "DECLARATION_MISSING:servers"]),
  lacks: ({ totals: { servers: use } }) =>
    use === undefined ? ["MISSING:MP.CPU"] : use.silent.map((device) => `MISSING:${device} (MP.CPU)`),
  variants: () => [{ id: "", numerator: [], denominator: [] }],
  terms: (account) => {
    const pct = account.totals.servers?.utilisationPct ?? null;
    const hours = hoursOf(account);
    return { used: pct === null ? null : pct * hours, hours };
  },
  ratio: ({ used = 0, hours = 0 }) => ({ numerator: used, denominator: hours }),
};

/** Hours in operation and hours of primary service by server; not known as long as one of them is not. */
const serviceTerms = (account: Account, model: SiteModel): Terms => {
  const said = account.totals.servers?.serving;
  const hours = hoursOf(account);
  const terms: Record<string, number | null> = {};
  for (const { device } of serving(model)) {
    const one = said !== undefined && Object.hasOwn(said, device) ? said[device] : undefined;
    // One that is out of operation has no samples.
    if (one === undefined && said !== undefined) continue;
    terms[`${device}:in`] = hours;
    terms[`${device}:serving`] = one === undefined || one === null ? null : one ? hours : 0;
  }
  return terms;
};

const shareOf = (sums: Sums, device: string): Ratio | null => {
  const hours = sums[`${device}:in`] ?? 0;
  return hours > 0 ? { numerator: 100 * (sums[`${device}:serving`] ?? 0), denominator: hours } : null;
};

const service = {
  ...shared,
  standard: "The Green Grid DCcE (aligned)",
  better: "higher",
  joint: () => "server_service",
  lacks: ({ totals: { servers: use } }: Account) =>
    use === undefined
      ? ["MISSING:primary service"]
      : Object.entries(use.serving)
          .filter(([, one]) => one === null)
          .map(([device]) => `MISSING:${device} (primary service)`),
  terms: serviceTerms,
} as const;

const lacksService = (model: SiteModel): readonly string[] =>
  serving(model).length > 0 ? [] : ["DECLARATION_MISSING:servers.primary"];

// kpi.md §2.13: each server by its own samples, then the mean over servers.
const dcce: KpiEntry = {
  ...service,
  id: "dcce",
  name: { en: "Data centre compute efficiency", "zh-CN": "数据中心计算效率 DCcE" },
  formula: "mean over servers of ScE; ScE = 100 × samples with primary service / samples in operation",
  unit: "%",
  numUnit: "%",
  denUnit: "server",
  boundary: "servers in operation as declared",
  usual: { min: 10 },
  window: "as stated; shown by week",
  results: "one",
  missing: lacksService,
  variants: () => [{ id: "", numerator: [], denominator: [] }],
  ratio: (sums, _windowMs, { model }) => {
    const shares = serving(model).flatMap(({ device }) => {
      const share = shareOf(sums, device);
      return share === null ? [] : [share.numerator / (share.denominator ?? 1)];
    });
    return { numerator: shares.reduce((sum, share) => sum + share, 0), denominator: shares.length };
  },
};

const sce: KpiEntry = {
  ...service,
  id: "sce",
  name: { en: "Server compute efficiency", "zh-CN": "服务器计算效率 ScE" },
  formula: "100 × samples with primary service / samples in operation, each minute",
  unit: "%",
  numUnit: "% h",
  denUnit: "h",
  boundary: "one server in operation",
  window: "as stated; shown by week",
  results: "many",
  missing: lacksService,
  variants: (model) => serving(model).map(({ device }) => ({ id: device, numerator: [], denominator: [] })),
  ratio: (sums, _windowMs, { variant }) => shareOf(sums, variant.id),
};

export const serverEntries: readonly KpiEntry[] = [iteusv, dcce, sce];
