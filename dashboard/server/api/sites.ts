import { z } from "zod";
import type { SiteModel } from "#energy";
import { type Alert, severities } from "#rules";
import type { App, Context } from "../app.ts";
import { refuse, unknownSite } from "../problem.ts";
import { identifier } from "../query.ts";
import * as schema from "../schema.ts";
import type { NowWire, SiteWire } from "../wire.ts";

/** The shipped demonstration publishes under this name, and only it may. */
const demoSite = "demo";

const siteWire = (model: SiteModel, demoRuns: boolean): SiteWire => ({
  id: model.id,
  name: model.name,
  timeZone: model.timeZone,
  currency: model.currency,
  demo: demoRuns && model.id === demoSite,
  work: (model.compute?.work ?? []).map((term) => ({ ...term })),
});

/** A storm of ten thousand alerts must not make every frame of the live stream ten megabytes. */
const mostAlerts = 200;

const worstFirst = (a: Alert, b: Alert): number =>
  severities.indexOf(b.severity) - severities.indexOf(a.severity) || b.start - a.start;

const someOf = (alerts: readonly Alert[]): Pick<NowWire, "alerts" | "alertsLeftOut"> => {
  if (alerts.length <= mostAlerts) return { alerts };
  const shown = new Set(alerts.toSorted(worstFirst).slice(0, mostAlerts));
  return { alerts: alerts.filter((alert) => shown.has(alert)), alertsLeftOut: alerts.length - mostAlerts };
};

/** What the site's operators see this second, with its open alerts; null when no model knows the site. */
export const createSiteNow =
  ({ energy, rules }: Pick<Context, "energy" | "rules">) =>
  async (site: string): Promise<NowWire | null> => {
    const [seen, alerts] = await Promise.all([energy.now(site), rules.open(site)]);
    return seen === null ? null : { ...seen, ...someOf(alerts) };
  };

export const siteRoutes = (app: App, context: Context): void => {
  app.get(
    "/api/v1/sites",
    { schema: { summary: "Modelled sites", tags: ["sites"], response: { 200: schema.list(schema.site) } } },
    async () => {
      const demoRuns = context.status().demo !== null;
      return { items: context.energy.sites().map((model) => siteWire(model, demoRuns)), next: null };
    },
  );
  app.get(
    "/api/v1/sites/:site/now",
    {
      schema: {
        summary: "Source, grid, load and storage this second, balance, KPIs of the last minutes, open alerts",
        tags: ["sites"],
        params: z.object({ site: identifier }),
        response: { 200: schema.now, 404: schema.problem },
      },
    },
    async ({ params: { site } }, reply) => {
      reply.header("cache-control", "no-store");
      return (await context.siteNow(site)) ?? refuse(reply, unknownSite(site));
    },
  );
  app.get(
    "/api/v1/sites/:site/supply",
    {
      schema: {
        summary:
          "What carries the site (mains, UPS, generator, returning, island), since when, and what that holds back",
        tags: ["sites"],
        params: z.object({ site: identifier }),
        response: { 200: schema.supply, 404: schema.problem },
      },
    },
    async ({ params: { site } }, reply) => context.rules.supply(site) ?? refuse(reply, unknownSite(site)),
  );
};
