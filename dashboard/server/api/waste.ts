import { z } from "zod";
import { wasteKeys } from "#rules";
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
          "Alerts of the last 7 days, or of from and to, by what was lost while they lasted, the dearest first; of rules that have a loss formula",
        tags: ["alerts"],
        querystring: rangeQuery({
          ...filters,
          by: z
            .enum(wasteKeys)
            .optional()
            .describe(
              "what has no such figure comes last, by the next that it has; default money, or energy where the sites asked for are of several currencies",
            ),
          limit: limit(1000, 100),
        }),
        response: {
          200: schema.list(z.object({ alert: schema.alert, waste })).extend({
            pending: z.number().int().describe("alerts whose loss is still being worked out"),
            by: z.enum(wasteKeys).describe("what they are ranked by"),
          }),
          400: schema.problem,
          404: schema.problem,
        },
      },
    },
    async ({ query: { limit, by: asked, ...filter } }, reply) => {
      const { site } = filter;
      if (site !== undefined && !energy.sites().some(({ id }) => id === site)) return refuse(reply, unknownSite(site));
      const currencies = new Set(
        energy.sites().flatMap(({ id, currency }) => (site === undefined || site === id ? [currency] : [])),
      );
      if (asked === "money" && currencies.size > 1)
        return refuse(reply, {
          status: 400,
          code: "DASHBOARD_PARAMETER_INVALID",
          detail: `by: money of several currencies (${[...currencies].sort().join(", ")}) has no order, ask for one site`,
        });
      const by = asked ?? (currencies.size > 1 ? "energy" : "money");
      const { items, pending } = await rules.waste({
        ...askedAlerts({ ...filter, shadow: undefined }),
        ...rangeOf(filter, now(), 7 * dayMs),
        ...{ limit, by },
      });
      return { items: [...items], next: null, pending, by };
    },
  );
};
