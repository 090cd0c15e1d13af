import type { Account, KpiResult } from "../account.ts";
import type { Window } from "../calendar.ts";
import type { SiteModel } from "../model.ts";
import { batteryEntries } from "./battery.ts";
import { billEntries } from "./bill.ts";
import { carbonEntries } from "./carbon.ts";
import { certifiedEntries } from "./certified.ts";
import { computeEntries } from "./compute.ts";
import { deliveredEntries } from "./delivered.ts";
import { demandEntries } from "./demand.ts";
import { directEntries } from "./direct.ts";
import type { KpiEntry } from "./entry.ts";
import { greenEntries } from "./green.ts";
import { variantsOf } from "./inputs.ts";
import { matchEntries } from "./match.ts";
import { provenanceEntries } from "./provenance.ts";
import { pueEntries } from "./pue.ts";
import { ratedEntries } from "./rated.ts";
import { kpiResult } from "./result.ts";
import { reuseEntries } from "./reuse.ts";
import { serverEntries } from "./server.ts";
import { storedEntries } from "./stored.ts";
import { totalEntries } from "./total.ts";

/** Every KPI, as data. */
export const catalogue: readonly KpiEntry[] = [
  ...pueEntries,
  ...reuseEntries,
  ...computeEntries,
  ...ratedEntries,
  ...serverEntries,
  ...deliveredEntries,
  ...carbonEntries,
  ...greenEntries,
  ...certifiedEntries,
  ...matchEntries,
  ...storedEntries,
  ...directEntries,
  ...demandEntries,
  ...billEntries,
  ...batteryEntries,
  ...provenanceEntries,
  ...totalEntries,
];

/** The catalogue's entry, or undefined for an id that it does not have. */
export const findKpi = (id: string): KpiEntry | undefined => catalogue.find((entry) => entry.id === id);

/** Where a result stands in a record: the id alone when there is one per site, otherwise `<id>/<variant>`. */
export const kpiKey = (entry: KpiEntry, variant: string): string =>
  entry.results === "one" ? entry.id : `${entry.id}/${variant}`;

/** All variants of one KPI over the accounts of a window. */
export const kpiResults = (
  entry: KpiEntry,
  accounts: readonly Account[],
  model: SiteModel,
  window: Window,
): readonly KpiResult[] =>
  variantsOf(entry, model).map((variant) => kpiResult(entry, variant, accounts, model, window));

/** The catalogue as a Markdown table. */
export const renderCatalogue = (): string => {
  const cell = (text: string): string => text.replaceAll("|", "\\|");
  const limits = ({ min, max }: KpiEntry["range"]): string =>
    min === null && max === null ? "–" : `${min ?? "…"} to ${max ?? "…"}`;
  const rows = catalogue.map((entry) =>
    [
      `\`${entry.id}\``,
      entry.name.en,
      entry.name["zh-CN"],
      entry.formula,
      entry.unit,
      entry.boundary,
      entry.window ?? "any, as stated",
      limits(entry.range),
      entry.standard,
    ]
      .map(cell)
      .join(" | "),
  );
  return [
    "| id | KPI | 指标 | formula | unit | boundary | window | range | standard |",
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ...rows.map((row) => `| ${row} |`),
    "",
  ].join("\n");
};
