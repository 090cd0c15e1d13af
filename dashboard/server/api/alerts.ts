import { z } from "zod";
import { alertFilter, askedAlerts } from "../alert-filter.ts";
import type { App, Context } from "../app.ts";
import { type Refusal, refuse } from "../problem.ts";
import { cursor, limit, rangeQuery } from "../query.ts";
import * as schema from "../schema.ts";

export const alertParams = z.object({ id: z.string().regex(/^[A-Za-z0-9._-]{1,128}$/, "must be the id of an alert") });

export const unknownAlert = (id: string): Refusal => ({
  status: 404,
  code: "DASHBOARD_ALERT_UNKNOWN",
  detail: `there is no alert "${id}"`,
});

export const alertRoutes = (app: App, { rules }: Context): void => {
  app.get(
    "/api/v1/alerts",
    {
      schema: {
        summary:
          "Alerts, newest first; state, severity, rule and subject take a value, several (a,b) or an exclusion (!a,b)",
        tags: ["alerts"],
        querystring: rangeQuery({ ...alertFilter, limit: limit(1000, 100), cursor: cursor.optional() }),
        response: { 200: schema.list(schema.alert), 400: schema.problem },
      },
    },
    async ({ query: { limit, cursor, ...filter } }) =>
      rules.list({ ...askedAlerts(filter), limit, ...(cursor === undefined ? {} : { cursor }) }),
  );
  app.get(
    "/api/v1/alerts/:id",
    {
      schema: {
        summary: "One alert as it stands",
        tags: ["alerts"],
        params: alertParams,
        response: { 200: schema.alert, 404: schema.problem },
      },
    },
    async ({ params: { id } }, reply) => (await rules.history(id)).at(-1) ?? refuse(reply, unknownAlert(id)),
  );
  app.get(
    "/api/v1/alerts/:id/history",
    {
      schema: {
        summary: "Every transition of one alert, oldest first",
        tags: ["alerts"],
        params: alertParams,
        response: { 200: schema.list(schema.alert), 404: schema.problem },
      },
    },
    async ({ params: { id } }, reply) => {
      const items = await rules.history(id);
      return items.length === 0 ? refuse(reply, unknownAlert(id)) : { items, next: null };
    },
  );
};
