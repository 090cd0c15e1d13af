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
export const instant = z.coerce.number().int().min(0).max(lastMs).describe("UTC milliseconds");
export const knownAt = instant.describe("figures as they stood then, UTC milliseconds");
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
  from: instant.optional().describe("start, UTC milliseconds, included"),
  to: instant.optional().describe("end, UTC milliseconds, not included"),
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
