// Pieces that several answers are made of.
import { z } from "zod";
import { dashboardCodes } from "../codes.ts";

export const maybe = z.number().nullable();
export const text = z.object({ en: z.string(), "zh-CN": z.string() });
export const ms = z.number().describe("UTC milliseconds");

export const quality = z.enum(["MEASURED", "PARTLY_ESTIMATED", "ESTIMATED", "INVALID"]);
export const origin = z.enum(["measured", "recorded", "synthetic", "estimated"]);
export const role = z.enum(["source", "grid", "load", "storage"]);
export const counting = z.enum(["counted", "detail"]);

export const list = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), next: z.string().nullable().describe("pass it back as cursor; null is the end") });

export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  code: z.enum(dashboardCodes),
  errors: z.array(z.object({ name: z.string(), message: z.string() })).exactOptional(),
});
/** The ways in which a command may be refused. */
export const commandProblems = { 400: problem, 403: problem, 404: problem, 409: problem, 429: problem, 503: problem };

// Names and reasons end up in the history for years: bounded, no control characters.
export const person = z
  .string()
  .trim()
  .min(1)
  .max(64)
  .regex(/^[^\p{Cc}]*$/u, "must not contain control characters");
export const words = z.string().trim().max(2000);
