import { z } from "zod";
import type { App, Context } from "../app.ts";
import { refuse, unknownSite } from "../problem.ts";
import { dayMs, identifier, rangeOf, rangeQuery } from "../query.ts";
import * as schema from "../schema.ts";

export const commissioningRoutes = (app: App, { energy, now }: Context): void => {
  app.get(
    "/api/v1/sites/:site/commissioning",
    {
      schema: {
        summary:
          "Which KPIs the site can compute and what the others lack; per meter the evidence of ratio, phase, direction and clock",
        tags: ["sites"],
        params: z.object({ site: identifier }),
        querystring: rangeQuery({}),
        response: { 200: schema.commissioning, 400: schema.problem, 404: schema.problem },
      },
    },
    async ({ params: { site }, query }, reply) => {
      const range = rangeOf(query, now(), dayMs);
      return (await energy.commissioning({ site, ...range })) ?? refuse(reply, unknownSite(site));
    },
  );
};
