import { z } from "zod";
import { alertFilter, askedAlerts } from "../alert-filter.ts";
import type { App, Context } from "../app.ts";
import { refuse, unknownSite } from "../problem.ts";
import { dayMs, limit, rangeOf, rangeQuery } from "../query.ts";
import * as schema from "../schema.ts";

const { shadow: _, ...filters } = alertFilter;
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
        summary:
          "Alerts of the last 7 days, or of from and to, by what was lost while they lasted, most energy first; of rules that have a loss formula",
        tags: ["alerts"],
        querystring: rangeQuery({ ...filters, limit: limit(1000, 100) }),
        response: {
          200: schema.list(z.object({ alert: schema.alert, waste })).extend({
            pending: z.number().int().describe("alerts whose loss is still being worked out"),
          }),
          400: schema.problem,
          404: schema.problem,
        },
      },
    },
    async ({ query: { limit, ...filter } }, reply) => {
      const { site } = filter;
      if (site !== undefined && !energy.sites().some(({ id }) => id === site)) return refuse(reply, unknownSite(site));
      const { items, pending } = await rules.waste({
        ...askedAlerts({ ...filter, shadow: undefined }),
        ...rangeOf(filter, now(), 7 * dayMs),
        limit,
      });
      return { items: [...items], next: null, pending };
    },
  );
};
