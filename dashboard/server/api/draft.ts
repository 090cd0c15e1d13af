import { z } from "zod";
import { draftSite, formatSite } from "#energy";
import type { App, Context } from "../app.ts";
import { refuse } from "../problem.ts";
import { identifier } from "../query.ts";
import * as schema from "../schema.ts";
import { useOf } from "./devices.ts";

export const draftRoutes = (app: App, { readings, energy }: Context): void => {
  app.get(
    "/api/v1/sites/:site/draft",
    {
      schema: {
        summary:
          "A site file to begin with, guessed from the devices that no model uses yet: correct it and put it into ENERGY_SITES_DIR; nodes for a site that has a file are copied into that",
        tags: ["sites"],
        params: z.object({ site: identifier }),
        response: {
          200: { description: "a site file", content: { "application/yaml": { schema: z.string() } } },
          404: schema.problem,
        },
      },
    },
    async ({ params: { site } }, reply) => {
      const devices = await readings.devices(site);
      if (devices.length === 0)
        return refuse(reply, {
          status: 404,
          code: "DASHBOARD_SITE_UNKNOWN",
          detail: `no device of site "${site}" has been seen`,
        });
      reply
        .header("content-disposition", `attachment; filename="${site}.yaml"`)
        .type("application/yaml; charset=utf-8");
      const model = energy.sites().find(({ id }) => id === site);
      const unused = devices.filter(({ device }) => useOf(model, device).nodes.length === 0);
      return formatSite(draftSite(site, unused.length > 0 ? unused : devices));
    },
  );
};
