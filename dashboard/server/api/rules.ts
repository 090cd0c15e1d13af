import type { App, Context } from "../app.ts";
import * as schema from "../schema.ts";

export const ruleRoutes = (app: App, { rules }: Context): void => {
  app.get(
    "/api/v1/rules",
    { schema: { summary: "The rules in force", tags: ["alerts"], response: { 200: schema.list(schema.rule) } } },
    async () => ({ items: rules.catalogue(), next: null }),
  );
};
