import { z } from "zod";
import type { App, Context } from "../app.ts";
import { refuse, unknownSite } from "../problem.ts";
import { dayMs, identifier, limit, rangeOf, rangeQuery } from "../query.ts";
import * as schema from "../schema.ts";

const mostMs = 31 * dayMs;
const waste = z.object({
  energyWh: z.number().nullable(),
  cost: z.number().nullable().describe("in the site's currency"),
  carbonG: z.number().nullable(),
  minutes: z.number(),
  knownMinutes: z.number(),
});

/** What alerts cost while they lasted. */
export const wasteRoutes = (app: App, { rules, energy, now }: Context): void => {
  app.get(
    "/api/v1/alerts/waste",
    {
      schema: {
        summary: "Alerts by what was lost while they lasted, most energy first; of rules that have a loss formula",
        tags: ["alerts"],
        querystring: rangeQuery({ site: identifier, limit: limit(1000, 100) }),
        response: {
          200: schema.list(z.object({ alert: schema.alert, waste })),
          400: schema.problem,
          404: schema.problem,
        },
      },
    },
    async ({ query: { site, limit, ...asked } }, reply) => {
      if (!energy.sites().some(({ id }) => id === site)) return refuse(reply, unknownSite(site));
      const { from, to } = rangeOf(asked, now(), 7 * dayMs);
      if (to - from > mostMs)
        return refuse(reply, { status: 400, code: "DASHBOARD_RANGE_TOO_LONG", detail: "31 days at most" });
      const items = await rules.waste({ site, from, to, limit });
      return { items: [...items], next: null };
    },
  );
};
