import { z } from "zod";
import { capsuleOf } from "#rules";
import type { App, Context } from "../app.ts";
import { refuse } from "../problem.ts";
import * as schema from "../schema.ts";
import { alertParams, unknownAlert } from "./alerts.ts";

const capsule = z
  .looseObject({ format: z.string(), whole: z.boolean(), from: z.number(), to: z.number() })
  .describe("what npm run capsule:replay takes");

export const capsuleRoutes = (app: App, { readings, ledger, energy, rules, now }: Context): void => {
  app.get(
    "/api/v1/alerts/:id/capsule",
    {
      schema: {
        summary: "One alert as a file: readings and accounts around it, site model, rules with source, log, evidence",
        tags: ["alerts"],
        params: alertParams,
        response: { 200: capsule, 404: schema.problem },
      },
    },
    async ({ params: { id } }, reply) => {
      const deps = { readings, ledger, sites: energy.sites(), rules: rules.catalogue(), now };
      const made = await capsuleOf(id, deps);
      if (made === null) return refuse(reply, unknownAlert(id));
      reply.header("content-disposition", `attachment; filename="alert-${id}.json"`);
      return { ...made };
    },
  );
};
