import { z } from "zod";
import { identifierPattern } from "#store";
import type { App, Context } from "../app.ts";
import type { Hub } from "../hub.ts";
import { refuse } from "../problem.ts";
import { choice } from "../query.ts";
import * as schema from "../schema.ts";

const siteId = (text: string): string | null => (identifierPattern.test(text) ? text : null);
const eventId = z.string().regex(/^\d{1,16}$/);

const query = z.strictObject({
  site: choice(siteId, "a site, or several (a,b)").optional(),
  // EventSource sends the header only when it reconnects by itself; a page that came back sends this.
  lastEventId: eventId.optional(),
});

const lastIdOf = (header: string | string[] | undefined, parameter: string | undefined): number | null => {
  const text = typeof header === "string" && header !== "" ? header : parameter;
  if (text === undefined) return null;
  // An id that we never gave is answered with `reset`, as one that is too old.
  return eventId.safeParse(text).success ? Number(text) : -1;
};

export const liveRoutes = (app: App, { settings }: Context, hub: Hub): void => {
  app.get(
    "/api/v1/live",
    {
      schema: {
        summary:
          "Server-sent events: now, alert, alerts (more than are told one by one), account, health, reset; Last-Event-ID brings what was missed",
        tags: ["live"],
        querystring: query,
        response: {
          200: { description: "events", content: { "text/event-stream": { schema: z.string() } } },
          400: schema.problem,
          503: schema.problem,
        },
      },
    },
    async (request, reply) => {
      if (hub.clients() >= settings.DASHBOARD_LIVE_CLIENTS)
        return refuse(reply.header("retry-after", 30), {
          status: 503,
          code: "DASHBOARD_TOO_MANY_LIVE",
          detail: `${settings.DASHBOARD_LIVE_CLIENTS} live connections are open, the most that DASHBOARD_LIVE_CLIENTS allows`,
        });
      const { site, lastEventId } = request.query;
      const { raw } = reply;
      reply.hijack();
      raw.writeHead(200, {
        ...(reply.getHeaders() as Record<string, string>),
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-cache, no-transform",
        // nginx would hold events back until its buffer is full.
        "x-accel-buffering": "no",
      });
      raw.flushHeaders();
      const client = hub.join(raw, {
        sites: site === undefined ? null : new Set(site.values),
        lastId: lastIdOf(request.headers["last-event-id"], lastEventId),
      });
      raw.on("drain", () => client.drained());
      raw.on("close", () => hub.leave(client));
      raw.on("error", () => raw.destroy());
    },
  );
};
