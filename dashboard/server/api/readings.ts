import { timestamp } from "#store";
import type { App, Context } from "../app.ts";
import { aheadMs, cursor, dayMs, identifier, limit, rangeOf, rangeQuery } from "../query.ts";
import * as schema from "../schema.ts";

const query = rangeQuery({
  site: identifier,
  device: identifier.optional(),
  limit: limit(10_000, 1000),
  cursor: cursor.optional(),
});

export const readingRoutes = (app: App, { readings, now }: Context): void => {
  app.get(
    "/api/v1/readings",
    {
      schema: {
        summary: "Stored readings, oldest first; without from and to those of the last 24 hours",
        tags: ["readings"],
        querystring: query,
        response: { 200: schema.list(schema.reading), 400: schema.problem },
      },
    },
    async ({ query: asked }) => {
      // Clocks ahead of ours are kept, so they must be shown.
      const { from, to } = rangeOf(asked, now() + aheadMs, dayMs + aheadMs);
      const page = await readings.read({
        site: asked.site,
        ...(asked.device === undefined ? {} : { device: asked.device }),
        from: timestamp(from),
        to: timestamp(to),
        limit: asked.limit,
        ...(asked.cursor === undefined ? {} : { cursor: asked.cursor }),
      });
      return { items: page.items, next: page.next };
    },
  );
};
