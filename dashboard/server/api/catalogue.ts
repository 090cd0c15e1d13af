import { z } from "zod";
import { catalogue, factorSchema, factors } from "#energy";
import type { App } from "../app.ts";
import * as schema from "../schema.ts";

const day = z
  .string()
  .regex(/^\d{4}-\d\d-\d\d$/, "must be a day such as 2026-01-31")
  .describe("only what holds on that day");

const entries = catalogue.map((entry) => ({
  id: entry.id,
  name: entry.name,
  formula: entry.formula,
  unit: entry.unit,
  boundary: entry.boundary,
  window: entry.window ?? null,
  range: entry.range,
  usual: { min: entry.usual?.min ?? null, max: entry.usual?.max ?? null },
  standard: entry.standard,
  better: entry.better ?? null,
}));

export const catalogueRoutes = (app: App): void => {
  app.get(
    "/api/v1/catalogue",
    {
      schema: {
        summary: "Every KPI as data: names, formula, unit, boundary, window, range, standard",
        tags: ["energy"],
        response: { 200: schema.catalogue },
      },
    },
    async () => ({ items: entries }),
  );

  app.get(
    "/api/v1/factors",
    {
      schema: {
        summary: "Dated figures that are filed or judged by: grid carbon, GWP, grades, targets, bands, tariff rules",
        tags: ["energy"],
        querystring: z.strictObject({ at: day.optional(), kind: factorSchema.shape.kind.optional() }),
        response: { 200: schema.factors, 400: schema.problem },
      },
    },
    async ({ query: { at, kind } }) => ({
      items: factors.filter(
        (factor) =>
          (kind === undefined || factor.kind === kind) &&
          (at === undefined || (factor.validFrom <= at && (factor.validTo === null || at < factor.validTo))),
      ),
    }),
  );
};
