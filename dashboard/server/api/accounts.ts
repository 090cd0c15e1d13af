import { z } from "zod";
import { accountSteps } from "#energy";
import type { App, Context } from "../app.ts";
import { refuse, unknownSite } from "../problem.ts";
import { cursor, dayMs, identifier, limit, rangeOf, rangeQuery } from "../query.ts";
import * as schema from "../schema.ts";

export const accountRoutes = (app: App, { energy, now }: Context): void => {
  app.get(
    "/api/v1/accounts",
    {
      schema: {
        summary: "The books: energy sums of a site per window, oldest first",
        tags: ["energy"],
        querystring: rangeQuery({
          site: identifier,
          step: z.enum(accountSteps).default("1h"),
          limit: limit(2000, 200),
          cursor: cursor.optional(),
        }),
        response: { 200: schema.list(schema.account), 400: schema.problem, 404: schema.problem },
      },
    },
    async ({ query: asked }, reply) => {
      if (!energy.sites().some(({ id }) => id === asked.site)) return refuse(reply, unknownSite(asked.site));
      return energy.accounts({
        site: asked.site,
        step: asked.step,
        ...rangeOf(asked, now(), dayMs),
        limit: asked.limit,
        ...(asked.cursor === undefined ? {} : { cursor: asked.cursor }),
      });
    },
  );
};
