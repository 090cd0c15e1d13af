import fastifyHelmet from "@fastify/helmet";
import fastifyRateLimit from "@fastify/rate-limit";
import { type FastifyBaseLogger, fastify, LogController } from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import { accountRoutes } from "./api/accounts.ts";
import { alarmQualityRoutes } from "./api/alarm-quality.ts";
import { alertExportRoutes } from "./api/alert-export.ts";
import { alertRoutes } from "./api/alerts.ts";
import { auditRoutes } from "./api/audit.ts";
import { backtestRoutes } from "./api/backtest.ts";
import { capsuleRoutes } from "./api/capsule.ts";
import { catalogueRoutes } from "./api/catalogue.ts";
import { changeRoutes } from "./api/change.ts";
import { commandRoutes } from "./api/commands.ts";
import { commissioningRoutes } from "./api/commissioning.ts";
import { cycleRoutes } from "./api/cycles.ts";
import { deviceRoutes } from "./api/devices.ts";
import { draftRoutes } from "./api/draft.ts";
import { healthRoutes } from "./api/health.ts";
import { ingestRoutes } from "./api/ingest.ts";
import { kpiRoutes } from "./api/kpis.ts";
import { liveRoutes } from "./api/live.ts";
import { notifyRoutes } from "./api/notify.ts";
import { permitRoutes } from "./api/permits.ts";
import { readingRoutes } from "./api/readings.ts";
import { reportRoutes } from "./api/reports.ts";
import { ruleRoutes } from "./api/rules.ts";
import { seriesRoutes } from "./api/series.ts";
import { siteRoutes } from "./api/sites.ts";
import { wasteRoutes } from "./api/waste.ts";
import type { App, Context } from "./app.ts";
import { createGuard } from "./guard.ts";
import type { Hub } from "./hub.ts";
import { metricsRoute } from "./metrics.ts";
import { openapiRoute } from "./openapi.ts";
import { createErrorHandler } from "./problem.ts";
import { webRoutes } from "./web.ts";

/** A comment of 2,000 characters fits many times; nothing larger has a use. */
const bodyLimit = 16 * 1024;

// An empty parameter is one that was left out; a repeated one stays a list, which no parameter is.
const parseQuery = (text: string): Record<string, string | string[]> => {
  const query: Record<string, string | string[]> = Object.create(null);
  const parameters = new URLSearchParams(text);
  for (const name of new Set(parameters.keys())) {
    const values = parameters.getAll(name).filter((value) => value !== "");
    if (values.length > 0) query[name] = values.length === 1 ? (values[0] ?? "") : values;
  }
  return { ...query };
};

// The pages bring their own policy, with hashes; frame-ancestors cannot stand in a page.
const contentPolicy = "frame-ancestors 'none';object-src 'none';base-uri 'self'";

const securityHeaders = {
  contentSecurityPolicy: false,
  // Served over plain HTTP; whoever puts TLS in front says this there.
  strictTransportSecurity: false,
  // Both are ignored, with a warning, by browsers over plain HTTP from another machine.
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  crossOriginResourcePolicy: { policy: "same-origin" },
  referrerPolicy: { policy: "same-origin" },
} as const;

/** Every route and guard, not yet listening. */
export const buildApp = async (context: Context, hub: Hub, log?: FastifyBaseLogger): Promise<App> => {
  const { settings, onError } = context;
  const app: App = fastify({
    bodyLimit,
    routerOptions: { querystringParser: parseQuery, ignoreTrailingSlash: true },
    ...(log === undefined ? {} : { loggerInstance: log }),
    // Errors are reported where they are handled; a line per request of a live screen says nothing.
    logController: new LogController({ disableRequestLogging: true }),
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(createErrorHandler(onError));
  // A form of a foreign page can send text/plain without asking first.
  app.removeContentTypeParser("text/plain");
  await app.register(fastifyHelmet, securityHeaders);
  app.addHook("onRequest", async (_request, reply) => {
    reply.header("content-security-policy", contentPolicy);
  });
  app.addHook("onRequest", createGuard(settings));
  await app.register(fastifyRateLimit, { global: false });
  await openapiRoute(app, context.status().version);
  metricsRoute(app, context, hub.clients);
  healthRoutes(app, context);
  siteRoutes(app, context);
  draftRoutes(app, context);
  commissioningRoutes(app, context);
  readingRoutes(app, context);
  seriesRoutes(app, context);
  kpiRoutes(app, context);
  catalogueRoutes(app);
  changeRoutes(app, context);
  reportRoutes(app, context);
  accountRoutes(app, context);
  cycleRoutes(app, context);
  alertRoutes(app, context);
  alertExportRoutes(app, context);
  alarmQualityRoutes(app, context);
  capsuleRoutes(app, context);
  wasteRoutes(app, context);
  commandRoutes(app, context);
  permitRoutes(app, context);
  ruleRoutes(app, context);
  backtestRoutes(app, context);
  notifyRoutes(app, context);
  auditRoutes(app, context);
  deviceRoutes(app, context);
  ingestRoutes(app, context);
  liveRoutes(app, context, hub);
  await webRoutes(app, settings.DASHBOARD_WEB_DIR);
  return app;
};
