import { z } from "zod";
import type { App, Context } from "../app.ts";
import { refuse, unknownSite } from "../problem.ts";
import { identifier, instant } from "../query.ts";
import * as schema from "../schema.ts";

const cycle = z.iso.date().describe("first civil day of the cycle, such as 2026-11-01");

/** Billing cycles: what was closed, what came later, and the one command that closes. */
export const cycleRoutes = (app: App, { energy, settings }: Context): void => {
  const isKnown = (site: string): boolean => energy.sites().some(({ id }) => id === site);

  app.get(
    "/api/v1/cycles",
    {
      schema: {
        summary: "Closed billing cycles of a site, newest first",
        tags: ["energy"],
        querystring: z.strictObject({ site: identifier }),
        response: { 200: schema.cycles, 400: schema.problem, 404: schema.problem },
      },
    },
    async ({ query: { site } }, reply) => {
      if (!isKnown(site)) return refuse(reply, unknownSite(site));
      return { items: await energy.cycles(site) };
    },
  );

  app.get(
    "/api/v1/cycles/:site/:cycle",
    {
      schema: {
        summary: "A closed billing cycle with the corrections that came later; they change nothing in it",
        tags: ["energy"],
        params: z.strictObject({ site: identifier, cycle }),
        response: { 200: schema.cycleReport, 400: schema.problem, 404: schema.problem },
      },
    },
    async ({ params }, reply) => {
      if (!isKnown(params.site)) return refuse(reply, unknownSite(params.site));
      const report = await energy.cycle(params.site, params.cycle);
      if (report !== null) return report;
      const detail = `no cycle of site "${params.site}" that begins on ${params.cycle} is closed`;
      return refuse(reply, { status: 404, code: "DASHBOARD_CYCLE_UNKNOWN", detail });
    },
  );

  app.post(
    "/api/v1/cycles/close",
    {
      onRequest: app.rateLimit({ max: settings.DASHBOARD_COMMANDS_PER_MIN, timeWindow: 60_000 }),
      schema: {
        summary: "Close a billing cycle for good: its figures get a name and never change again",
        tags: ["energy"],
        body: schema.closeCycle.extend({ site: identifier, at: instant.describe("any time of the cycle, UTC ms") }),
        response: {
          200: schema.cycle,
          400: schema.problem,
          403: schema.problem,
          404: schema.problem,
          409: schema.problem,
          429: schema.problem,
        },
      },
    },
    async ({ body: { site, at, by, reason } }, reply) => {
      if (!isKnown(site)) return refuse(reply, unknownSite(site));
      const result = await energy.closeCycle({ site, at, by, reason: reason ?? "" });
      if (result.ok) return result.cycle;
      return refuse(reply, {
        status: 409,
        code: "DASHBOARD_COMMAND_REFUSED",
        detail: result.reason,
        errors: [{ name: result.code, message: result.reason }],
      });
    },
  );
};
