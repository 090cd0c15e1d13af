import { z } from "zod";
import { accountSteps } from "#energy";
import type { App, Context } from "../app.ts";
import { refuse, unknownSite } from "../problem.ts";
import { dayMs, identifier, knownAt, rangeOf, rangeQuery } from "../query.ts";
import * as schema from "../schema.ts";

const kpi = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, "must be the name of a KPI, such as pue");

/** Windows asked for at once: a week of minutes, a year of hours. */
const mostWindows = 10_080;
const widthMs = { "1m": 60_000, "15m": 900_000, "1h": 3_600_000, "1d": dayMs };

export const kpiRoutes = (app: App, { energy, now }: Context): void => {
  const isKnown = (site: string): boolean => energy.sites().some(({ id }) => id === site);

  app.get(
    "/api/v1/kpis",
    {
      schema: {
        summary: "KPIs over a range, each with numerator, denominator, coverage and quality; with step one per window",
        tags: ["energy"],
        querystring: rangeQuery({
          site: identifier,
          kpi: kpi.optional(),
          step: z.enum(accountSteps).optional(),
          knownAt: knownAt.optional(),
        }),
        response: { 200: schema.kpis, 400: schema.problem, 404: schema.problem },
      },
    },
    async ({ query: asked }, reply) => {
      if (!isKnown(asked.site)) return refuse(reply, unknownSite(asked.site));
      const range = rangeOf(asked, now(), dayMs);
      if (asked.step !== undefined && (range.to - range.from) / widthMs[asked.step] > mostWindows)
        return refuse(reply, {
          status: 400,
          code: "DASHBOARD_RANGE_TOO_LONG",
          detail: `at most ${mostWindows} windows are given at once: shorten the range or take a longer step`,
        });
      const items = await energy.kpis({
        site: asked.site,
        ...range,
        ...(asked.kpi === undefined ? {} : { kpi: asked.kpi }),
        ...(asked.step === undefined ? {} : { step: asked.step }),
        ...(asked.knownAt === undefined ? {} : { knownAt: asked.knownAt }),
      });
      return { items };
    },
  );

  app.get(
    "/api/v1/trends",
    {
      schema: {
        summary: "One KPI over time as columns, for charts",
        tags: ["energy"],
        querystring: rangeQuery({
          site: identifier,
          kpi,
          variant: z.string().min(1).max(128).optional(),
          step: z.enum([...accountSteps, "auto"]).default("auto"),
          knownAt: knownAt.optional(),
        }),
        response: { 200: schema.trend, 400: schema.problem, 404: schema.problem },
      },
    },
    async ({ query: asked }, reply) => {
      if (!isKnown(asked.site)) return refuse(reply, unknownSite(asked.site));
      const range = rangeOf(asked, now(), dayMs);
      if (asked.step !== "auto" && (range.to - range.from) / widthMs[asked.step] > mostWindows)
        return refuse(reply, {
          status: 400,
          code: "DASHBOARD_RANGE_TOO_LONG",
          detail: `at most ${mostWindows} windows are given at once: shorten the range or take step=auto`,
        });
      const trend = await energy.trend({
        site: asked.site,
        kpi: asked.kpi,
        ...(asked.variant === undefined ? {} : { variant: asked.variant }),
        ...range,
        step: asked.step,
        ...(asked.knownAt === undefined ? {} : { knownAt: asked.knownAt }),
      });
      if (trend !== null) return trend;
      const detail = `the catalogue has no KPI "${asked.kpi}"${asked.variant === undefined ? "" : ` with variant "${asked.variant}"`}`;
      return refuse(reply, { status: 404, code: "DASHBOARD_KPI_UNKNOWN", detail });
    },
  );
};
