import { z } from "zod";
import gridCarbon from "./factors/grid-carbon.json" with { type: "json" };
import gwp from "./factors/gwp.json" with { type: "json" };
import policyCn from "./factors/policy-cn.json" with { type: "json" };
import policyEu from "./factors/policy-eu.json" with { type: "json" };
import tariffRules from "./factors/tariff-rules.json" with { type: "json" };

const day = z.string().regex(/^\d{4}-\d\d-\d\d$/, "must be a day such as 2026-01-31");

/** One dated figure that is filed or judged by: what it says, where it stands, when it holds, who says so. */
export const factorSchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9-]+$/),
  /** Edition or data year: id and revision together name one figure for ever. */
  revision: z.string().min(1),
  kind: z.enum([
    "grid_carbon",
    "residual_mix",
    "gwp",
    "efficiency_grade",
    "target",
    "threshold",
    "size_band",
    "rating_band",
    "tariff_rule",
    "conversion",
  ]),
  zone: z.string().min(1),
  basis: z.enum(["location", "market"]).nullable(),
  value: z.number(),
  unit: z.string().min(1),
  instrument: z.string().min(1),
  clause: z.string().min(1),
  /** First day it holds, and the first it no longer does; null is until further notice. */
  validFrom: day,
  validTo: day.nullable(),
  /** `primary`: read in the instrument; `secondary`: in a report of it; `unverified`: neither, check before filing. */
  authority: z.enum(["primary", "secondary", "unverified"]),
  source: z.string().min(1),
  note: z.string().min(1).optional(),
});
export type Factor = Readonly<z.infer<typeof factorSchema>>;

/** Every dated figure shipped, from the files of `factors/`. */
export const factors: readonly Factor[] = z
  .array(factorSchema)
  .parse([...gridCarbon, ...gwp, ...policyCn, ...policyEu, ...tariffRules]);

const startOf = (text: string): number => Date.parse(`${text}T00:00:00Z`);
const holds = ({ validFrom, validTo }: Factor, ts: number): boolean =>
  startOf(validFrom) <= ts && (validTo === null || ts < startOf(validTo));

export type FactorAt =
  | { readonly ok: true; readonly factor: Factor }
  | { readonly ok: false; readonly code: "FACTOR_UNKNOWN" | "FACTOR_NOT_VALID"; readonly detail: string };

/** The revision of a factor in force at a time (UTC days). One of another time is never taken instead. */
export const factorAt = (id: string, ts: number, among: readonly Factor[] = factors): FactorAt => {
  const rows = among.filter((factor) => factor.id === id);
  if (rows.length === 0) return { ok: false, code: "FACTOR_UNKNOWN", detail: `no factor "${id.slice(0, 64)}"` };
  const factor = rows.find((row) => holds(row, ts));
  if (factor !== undefined) return { ok: true, factor };
  const spans = rows.map(({ validFrom, validTo }) => `${validFrom} to ${validTo ?? "…"}`).join(", ");
  return { ok: false, code: "FACTOR_NOT_VALID", detail: `"${id}" holds ${spans}` };
};

/** All revisions of a factor that hold at some time of a window, oldest first. */
export const factorsOver = (
  id: string,
  window: { readonly start: number; readonly end: number },
  among: readonly Factor[] = factors,
): readonly Factor[] =>
  among
    .filter((row) => row.id === id && startOf(row.validFrom) < window.end)
    .filter(({ validTo }) => validTo === null || startOf(validTo) > window.start)
    .toSorted((a, b) => startOf(a.validFrom) - startOf(b.validFrom));
