// Parameters that several addresses share.
import { z } from "zod";
import { identifierPattern, quantityPattern } from "#store";

export const identifier = z
  .string()
  .regex(identifierPattern, 'must be 1 to 64 of the characters "A-Z a-z 0-9 . _ -"')
  .describe("A-Z a-z 0-9 . _ -, at most 64");
export const quantityName = z
  .string()
  .regex(quantityPattern, "must be lower-case words joined by _, the unit last, at most 64 characters");
/** Year 275760: the last a date can tell. */
const lastMs = 8.64e15;
const iso = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)(Z|[ +-]\d{2}:\d{2})$/;
const expected =
  "milliseconds since 1970 UTC such as 1795219200000, or ISO 8601 with an offset such as 2026-11-21T08:00:00+08:00";

/** null for what is no time. */
const msOf = (given: number | string): number | null => {
  // In an address that nobody encoded a plus arrives as a space.
  const [, local, offset = ""] = (typeof given === "string" && iso.exec(given)) || [];
  const isMs = typeof given === "number" || /^\d+$/.test(given);
  const ms = local === undefined ? (isMs ? Number(given) : Number.NaN) : Date.parse(local + offset.replace(" ", "+"));
  return Number.isInteger(ms) && ms >= 0 && ms <= lastMs ? ms : null;
};

/** A time in an address or a body; ms. */
export const instant = z
  .union([z.number({ error: `must be ${expected}` }), z.string({ error: `must be ${expected}` }).max(64)], {
    error: `must be ${expected}`,
  })
  .transform((given, context): number => {
    const ms = msOf(given);
    if (ms === null)
      context.addIssue({ code: "custom", message: `must be ${expected}, got ${JSON.stringify(given).slice(0, 66)}` });
    return ms ?? 0;
  })
  .describe(expected);
const time = (what: string) => instant.describe(`${what}: ${expected}`);
export const knownAt = time("figures as they stood then");
export const cursor = z.string().min(1).max(2000).describe("`next` of the page before");
export const limit = (most: number, usual: number) => z.coerce.number().int().min(1).max(most).default(usual);

export const hourMs = 3_600_000;
export const dayMs = 86_400_000;
// The collector keeps readings of up to one hour ahead.
export const aheadMs = 3_600_000;

export interface Range {
  readonly from: number;
  readonly to: number;
}

/** The range asked for; what is left out is the last `usualMs` up to now. */
export const rangeOf = (
  asked: { readonly from?: number | undefined; readonly to?: number | undefined },
  now: number,
  usualMs: number,
): Range => {
  const to = asked.to ?? now;
  return { from: asked.from ?? Math.max(0, to - usualMs), to };
};

export const rangeParameters = {
  from: time("start, included").optional(),
  to: time("end, not included").optional(),
};

const ordered = (range: { from?: number | undefined; to?: number | undefined }): boolean =>
  range.from === undefined || range.to === undefined || range.from < range.to;

/** A strict query with `from` and `to`, which must be in that order. */
export const rangeQuery = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z
    .strictObject({ ...shape, ...rangeParameters })
    .refine((query) => ordered(query as Partial<Range>), { path: ["to"], message: "must be after from" });

/** `a,b` or `!a,b`: one of these, or none of these. */
export interface Choice<Value extends string> {
  readonly match: "in" | "not-in";
  readonly values: readonly Value[];
}

export const choice = <Value extends string>(parse: (text: string) => Value | null, expectation: string) =>
  z
    .string()
    .max(2000)
    .transform((text, context): Choice<Value> => {
      const negated = text.startsWith("!");
      const values = (negated ? text.slice(1) : text).split(",").flatMap((part) => {
        const value = parse(part.trim());
        if (value === null)
          context.addIssue({ code: "custom", message: `"${part.slice(0, 64)}" must be ${expectation}` });
        return value === null ? [] : [value];
      });
      return { match: negated ? "not-in" : "in", values };
    });

export const oneOf =
  <Value extends string>(known: readonly Value[]) =>
  (text: string): Value | null =>
    known.find((value) => value === text) ?? null;
