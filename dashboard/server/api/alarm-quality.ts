import { z } from "zod";
import { type Alert, alarmQuality, alertsForQuality } from "#rules";
import type { App, Context } from "../app.ts";
import { refuse, unknownSite } from "../problem.ts";
import { dayMs, identifier, rangeOf, rangeQuery } from "../query.ts";
import * as schema from "../schema.ts";

const clock = /^([01]\d|2[0-3]):[0-5]\d$/;
const shifts = z
  .string()
  .default("00:00,08:00,16:00")
  .describe("when shifts begin, in the site's time")
  .transform((text, context): readonly number[] => {
    const minutes = text.split(",").map((part) => {
      if (!clock.test(part)) context.addIssue({ code: "custom", message: `"${part.slice(0, 16)}" must be HH:MM` });
      const [hours, rest] = part.split(":").map(Number);
      return (hours ?? 0) * 60 + (rest ?? 0);
    });
    return [...new Set(minutes)].sort((a, b) => a - b);
  });

const spread = z.object({ count: z.number().int(), median: z.number().nullable(), p90: z.number().nullable() });
const line = z.object({
  alerts: z.number().int(),
  annunciations: z.number().int().describe("an alert that came back unacknowledged counts each time"),
  perOperatorHour: z.number(),
  chattering: z.number().int(),
  stale: z.number().int().describe("active for over 24 hours, also since before the range"),
  neverActedUpon: z.number().int(),
  acknowledgeS: spread.describe("seconds from active to acknowledged"),
  resolveS: spread.describe("seconds from active to back to normal"),
});
const ms = z.number().describe("UTC milliseconds");

const quality = z.object({
  from: ms,
  to: ms,
  operators: z.number().int(),
  limits: z.object({
    ratePerHour: z.number(),
    floodBegins: z.number(),
    floodEnds: z.number(),
    floodMs: z.number(),
    staleMs: z.number(),
    chatterCount: z.number(),
    chatterMs: z.number(),
  }),
  all: line,
  floods: z.array(z.object({ site: z.string(), from: ms, to: ms, alerts: z.number().int() })),
  floodShare: z.number().nullable(),
  rules: z.array(line.extend({ rule: z.string() })),
  sites: z.array(line.extend({ site: z.string() })),
  shifts: z.array(line.extend({ shift: z.string() })),
});

/** Alarms against ISA-18.2 / IEC 62682. */
export const alarmQualityRoutes = (app: App, { rules, energy, now }: Context): void => {
  app.get(
    "/api/v1/alarm-quality",
    {
      schema: {
        summary: "Rate per operator hour, floods, chattering, stale and unattended alarms, by rule, site and shift",
        tags: ["alerts"],
        querystring: rangeQuery({
          site: identifier.optional(),
          operators: z.coerce.number().int().min(1).max(1000).default(1).describe("on duty at one time"),
          shifts,
        }),
        response: { 200: quality, 400: schema.problem, 404: schema.problem },
      },
    },
    async ({ query: { site, operators, shifts, ...asked } }, reply) => {
      const zones = new Map(energy.sites().map(({ id, timeZone }) => [id, timeZone]));
      if (site !== undefined && !zones.has(site)) return refuse(reply, unknownSite(site));
      const range = rangeOf(asked, now(), 7 * dayMs);
      const alerts: Alert[] = [];
      for await (const page of alertsForQuality(rules, { site, ...range })) alerts.push(...page);
      return alarmQuality(alerts, { ...range, operators, shifts, timeZone: (id) => zones.get(id) ?? "UTC" });
    },
  );
};
