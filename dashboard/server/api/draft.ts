import { z } from "zod";
import { draftSite, formatSite } from "#energy";
import type { App, Context } from "../app.ts";
import { refuse } from "../problem.ts";
import { identifier } from "../query.ts";
import * as schema from "../schema.ts";

export const draftRoutes = (app: App, { readings }: Context): void => {
  app.get(
    "/api/v1/sites/:site/draft",
    {
      schema: {
        summary:
          "A site file to begin with, guessed from the devices seen: correct it and put it into ENERGY_SITES_DIR",
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
      return formatSite(draftSite(site, devices));
    },
  );
};
