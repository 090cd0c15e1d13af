import { z } from "zod";
import { alertPages } from "../alert-filter.ts";
import type { App, Context } from "../app.ts";
import { dayMs, identifier, rangeOf, rangeQuery } from "../query.ts";
import * as schema from "../schema.ts";

const ms = z.number().describe("UTC milliseconds");
const activity = z.object({
  from: ms,
  to: ms,
  items: z.array(
    z.object({
      rule: z.string(),
      alerts: z.number().int().describe("that became active, those of shadow mode included"),
      shadow: z.number().int().describe("of these, raised in shadow mode"),
      open: z.number().int(),
      last: ms.describe("when the newest became active"),
    }),
  ),
});

export const ruleRoutes = (app: App, { rules, now }: Context): void => {
  app.get(
    "/api/v1/rules",
    { schema: { summary: "The rules in force", tags: ["alerts"], response: { 200: schema.list(schema.rule) } } },
    async () => ({ items: rules.catalogue(), next: null }),
  );
  app.get(
    "/api/v1/rules/activity",
    {
      schema: {
        summary: "How often each rule fired in the last 7 days, or in from and to",
        tags: ["alerts"],
        querystring: rangeQuery({ site: identifier.optional() }),
        response: { 200: activity, 400: schema.problem },
      },
    },
    async ({ query: { site, ...asked } }) => {
      const range = rangeOf(asked, now(), 7 * dayMs);
      const found = new Map<string, z.output<typeof activity>["items"][number]>();
      const query = { activeFrom: range.from, activeTo: range.to, ...(site === undefined ? {} : { site }) };
      for (const shadow of [false, true])
        for await (const alerts of alertPages(rules, shadow ? { ...query, shadow } : query))
          for (const { rule, active, state } of alerts) {
            if (active === null) continue;
            const before = found.get(rule) ?? { rule, alerts: 0, shadow: 0, open: 0, last: 0 };
            found.set(rule, {
              rule,
              alerts: before.alerts + 1,
              shadow: before.shadow + (shadow ? 1 : 0),
              open: before.open + (state === "CLOSED" ? 0 : 1),
              last: Math.max(before.last, active),
            });
          }
      return { ...range, items: [...found.values()].sort((a, b) => b.alerts - a.alerts) };
    },
  );
};
