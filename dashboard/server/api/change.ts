import { z } from "zod";
import { explained } from "#energy";
import type { App, Context } from "../app.ts";
import { refuse, unknownSite } from "../problem.ts";
import { dayMs, identifier, instant, knownAt, rangeOf, rangeQuery } from "../query.ts";
import * as schema from "../schema.ts";

export const changeRoutes = (app: App, { energy, now }: Context): void => {
  app.get(
    "/api/v1/kpis/:kpi/change",
    {
      schema: {
        summary:
          "Why a KPI is not what it was: its change from the base period by driver (IT load, weather, cooling, power chain, other loads, storage, supply mix, metering); the parts add up to the change",
        tags: ["energy"],
        params: z.strictObject({ kpi: z.enum(explained as [string, ...string[]]) }),
        querystring: rangeQuery({
          site: identifier,
          variant: z.string().min(1).max(256).optional(),
          baseFrom: instant
            .optional()
            .describe("start of the base period; left out: the period of equal length before"),
          baseTo: instant.optional().describe("end of the base period, not included"),
          knownAt: knownAt.optional(),
        }),
        response: { 200: schema.kpiChange, 400: schema.problem, 404: schema.problem },
      },
    },
    async ({ params: { kpi }, query: asked }, reply) => {
      if (!energy.sites().some(({ id }) => id === asked.site)) return refuse(reply, unknownSite(asked.site));
      const { from, to } = rangeOf(asked, now(), dayMs);
      const baseTo = asked.baseTo ?? from;
      const baseFrom = asked.baseFrom ?? Math.max(0, baseTo - (to - from));
      if (baseFrom >= baseTo)
        return refuse(reply, {
          status: 400,
          code: "DASHBOARD_PARAMETER_INVALID",
          detail: "baseTo must be after baseFrom",
        });
      const found = await energy.change({
        ...{ site: asked.site, kpi, from, to, baseFrom, baseTo },
        ...(asked.variant === undefined ? {} : { variant: asked.variant }),
        ...(asked.knownAt === undefined ? {} : { knownAt: asked.knownAt }),
      });
      if (found !== null) return found;
      const detail = `${kpi} has no variant "${asked.variant ?? ""}" at this site`;
      return refuse(reply, { status: 404, code: "DASHBOARD_KPI_UNKNOWN", detail });
    },
  );
};
