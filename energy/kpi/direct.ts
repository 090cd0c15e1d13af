import type { Account, Totals } from "../account.ts";
import type { Text } from "../model.ts";
import { inKilo, type KpiEntry, type Sums, type Terms } from "./entry.ts";
import { shares, sources } from "./green.ts";

/** Energies of a site with green power of its own (绿电直连): what could be generated, sold, curtailed, and its load. */
export interface DirectSupply {
  readonly available: number;
  readonly sold: number;
  readonly curtailed: number;
  readonly load: number;
}

/** What of the available generation the site used itself; charge is use (kpi.md §5.5). */
export const selfUsed = ({ available, sold, curtailed }: Omit<DirectSupply, "load">): number =>
  available - sold - curtailed;

const terms = ({ totals }: { readonly totals: Totals }): Terms => {
  const { generated = null, exported: sold = null, load = null } = shares(totals);
  const available = inKilo(totals.availableWh);
  // A forecast of what was available may fall short of what was generated: then nothing was curtailed.
  const curtailed = available === null || generated === null ? null : Math.max(0, available - generated);
  const possible = generated === null || curtailed === null ? null : generated + curtailed;
  return { available: possible, sold, curtailed, load };
};

const supply = ({ available = 0, sold = 0, curtailed = 0, load = 0 }: Sums): DirectSupply => ({
  available,
  sold,
  curtailed,
  load,
});

const lacks = ({ totals }: Account): readonly string[] =>
  (totals.availableWh ?? null) === null ? ["POINT_MISSING:available_w"] : [];

const entry = (
  id: string,
  name: Text,
  formula: string,
  standard: string,
  ratio: (supply: DirectSupply) => { readonly numerator: number; readonly denominator: number },
): KpiEntry => ({
  id,
  name,
  formula,
  unit: "1",
  numUnit: "kWh",
  denUnit: "kWh",
  boundary: "site, on-site or directly connected renewables",
  window: "month and year; shown by day",
  range: { min: 0, max: 1 },
  standard,
  results: "one",
  variants: (model) => [{ id: "", numerator: sources(model), denominator: sources(model) }],
  terms,
  lacks,
  ratio: (sums) => ratio(supply(sums)),
});

const rule = "发改能源〔2025〕650号 (aligned)";

export const directEntries: readonly KpiEntry[] = [
  entry(
    "curtailment_rate",
    { en: "Curtailment", "zh-CN": "弃电率" },
    "E_curtailed / E_available",
    "own definition, by available_w",
    (direct) => ({ numerator: direct.curtailed, denominator: direct.available }),
  ),
  entry(
    "direct_self_use",
    { en: "Green direct supply: self-use", "zh-CN": "绿电直连自发自用占可用发电量" },
    "(E_available − E_sold − E_curtailed) / E_available",
    rule,
    (direct) => ({ numerator: selfUsed(direct), denominator: direct.available }),
  ),
  entry(
    "direct_green_share",
    { en: "Green direct supply: share of load", "zh-CN": "绿电直连自发自用占总用电量" },
    "(E_available − E_sold − E_curtailed) / E_load",
    rule,
    (direct) => ({ numerator: selfUsed(direct), denominator: direct.load }),
  ),
  entry(
    "direct_sold_share",
    { en: "Green direct supply: sold", "zh-CN": "绿电直连上网电量占比" },
    "E_sold / E_available",
    rule,
    (direct) => ({ numerator: direct.sold, denominator: direct.available }),
  ),
];
