import type { FastifyReply } from "fastify";
import { z } from "zod";
import { alertStates, severities } from "#rules";
import type { App, Context } from "../app.ts";
import { type Refusal, refuse } from "../problem.ts";
import { cursor, instant, limit, rangeQuery } from "../query.ts";
import * as schema from "../schema.ts";

const minuteMs = 60_000;
const ms = z.number().describe("UTC milliseconds");
const person = z.string().min(1).max(200);
const patterns = z.array(z.string().min(1).max(128)).min(1).max(100).exactOptional();

const match = z
  .strictObject({
    site: patterns,
    rule: patterns,
    subject: patterns,
    severity: z.array(z.enum(severities)).min(1).exactOptional(),
    state: z.array(z.enum(alertStates)).min(1).exactOptional(),
  })
  .describe("every key that is given must match; * stands for any characters");

const silence = z.object({
  id: z.string(),
  match,
  reason: z.string(),
  by: z.string(),
  from: ms,
  until: ms,
  ended: z.object({ by: z.string(), at: ms }).nullable(),
  warned: z.boolean(),
  state: z.enum(["waiting", "active", "over"]),
  matching: z.number().int().describe("open alerts that it matches now"),
});

const delivery = z.object({
  key: z.string().describe("the same for every attempt: a receiver may drop repeats by it"),
  channel: z.string(),
  route: z.string().nullable(),
  state: z.enum(["queued", "sent", "failed", "muted"]),
  occasion: z.string(),
  title: z.string(),
  text: z.string(),
  alerts: z.array(z.string()).describe("ids"),
  at: ms,
  attempts: z.number().int(),
  nextAt: ms,
  said: z.string().describe("the receiver's words, the last reason, or what muted it"),
});

const channel = z.object({
  name: z.string(),
  kind: z.string(),
  waiting: z.number().int(),
  last: z.object({ state: z.enum(["queued", "sent", "failed", "muted"]), at: ms, said: z.string() }).nullable(),
});

const schedule = z.object({
  jobs: z.array(z.object({ name: z.string(), last: ms.nullable(), next: ms.nullable() })),
  heartbeat: z.object({ last: ms.nullable(), failed: z.string() }).nullable(),
  maintenance: z.array(z.string()).describe("windows that are open now"),
  windows: z.array(
    z.object({
      name: z.string(),
      match,
      cron: z.string().describe("when it begins, in its time zone"),
      timeZone: z.string(),
      minutes: z.number().int(),
      openUntil: ms.nullable(),
      next: ms.nullable(),
    }),
  ),
});

const absent: Refusal = {
  status: 503,
  code: "DASHBOARD_NOTIFY_ABSENT",
  detail: "nobody is told from this process: its PARTS have no rules",
};

const statuses: Readonly<Record<string, Pick<Refusal, "status" | "code">>> = {
  RULES_SILENCE_UNKNOWN: { status: 404, code: "DASHBOARD_SILENCE_UNKNOWN" },
  RULES_CHANNEL_UNKNOWN: { status: 404, code: "DASHBOARD_CHANNEL_UNKNOWN" },
  RULES_SILENCE_OVER: { status: 409, code: "DASHBOARD_COMMAND_REFUSED" },
};

const refused = (
  reply: FastifyReply,
  { code, reason }: { readonly code: string; readonly reason: string },
): FastifyReply =>
  refuse(reply, {
    ...(statuses[code] ?? { status: 400, code: "DASHBOARD_COMMAND_REFUSED" as const }),
    detail: reason,
    errors: [{ name: code, message: reason }],
  });

type Told = Awaited<ReturnType<NonNullable<Context["notify"]>["deliveries"]>>["items"][number];
const shown = ({ message, key, channel, route, state, attempts, nextAt, said }: Told) => ({
  ...{ key, channel, route, state, attempts, nextAt, said },
  ...{ occasion: message.occasion, title: message.title, text: message.text, at: message.at },
  alerts: message.alerts.map(({ id }) => id),
});

/** Silences, channels, what was told to whom, and what runs by the calendar. */
export const notifyRoutes = (app: App, { notify, settings }: Context): void => {
  const onRequest = app.rateLimit({ max: settings.DASHBOARD_COMMANDS_PER_MIN, timeWindow: minuteMs });
  const tags = ["notify"];

  app.get(
    "/api/v1/silences",
    {
      schema: {
        summary: "Silences, newest first, with how many open alerts each matches",
        tags,
        querystring: z.strictObject({ limit: limit(1000, 100), cursor: cursor.optional() }),
        response: { 200: schema.list(silence), ...schema.commandProblems },
      },
    },
    async ({ query: { limit, cursor } }, reply) =>
      notify === null
        ? refuse(reply, absent)
        : notify.silences.list({ limit, ...(cursor === undefined ? {} : { cursor }) }),
  );
  app.post(
    "/api/v1/silences",
    {
      onRequest,
      schema: {
        summary: "Silence what matches until a time; evaluation goes on",
        tags,
        body: z.strictObject({
          match,
          reason: z.string().min(1).max(2000),
          by: person,
          from: instant.exactOptional(),
          until: instant,
        }),
        response: { 200: silence, ...schema.commandProblems },
      },
    },
    async ({ body }, reply) => {
      if (notify === null) return refuse(reply, absent);
      const result = await notify.silences.create(body);
      return result.ok ? result.silence : refused(reply, result);
    },
  );
  app.post(
    "/api/v1/silences/preview",
    {
      onRequest,
      schema: {
        summary: "How many open alerts a match has now",
        tags,
        body: z.strictObject({ match }),
        response: { 200: z.object({ matching: z.number().int() }), ...schema.commandProblems },
      },
    },
    async ({ body }, reply) => {
      if (notify === null) return refuse(reply, absent);
      const result = notify.silences.preview(body.match);
      return result.ok ? { matching: result.matching } : refused(reply, result);
    },
  );
  app.post(
    "/api/v1/silences/:id/end",
    {
      onRequest,
      schema: {
        summary: "End a silence before its time",
        tags,
        params: z.object({ id: z.string().min(1).max(64) }),
        body: z.strictObject({ by: person }),
        response: { 200: silence, ...schema.commandProblems },
      },
    },
    async ({ params: { id }, body: { by } }, reply) => {
      if (notify === null) return refuse(reply, absent);
      const result = await notify.silences.end({ id, by });
      return result.ok ? result.silence : refused(reply, result);
    },
  );
  app.get(
    "/api/v1/channels",
    {
      schema: {
        summary: "Ways to tell someone, and how the last message of each went",
        tags,
        response: { 200: z.object({ items: z.array(channel) }), ...schema.commandProblems },
      },
    },
    async (_request, reply) => (notify === null ? refuse(reply, absent) : { items: await notify.channels() }),
  );
  app.post(
    "/api/v1/channels/:name/test",
    {
      onRequest,
      schema: {
        summary: "Say a test to a channel now",
        tags,
        params: z.object({ name: z.string().min(1).max(64) }),
        response: { 200: delivery, ...schema.commandProblems },
      },
    },
    async ({ params: { name } }, reply) => {
      if (notify === null) return refuse(reply, absent);
      const result = await notify.test(name);
      return result.ok ? shown(result.delivery) : refused(reply, result);
    },
  );
  app.get(
    "/api/v1/deliveries",
    {
      schema: {
        summary: "Every message that was told, queued, given up or muted, newest first",
        tags,
        querystring: rangeQuery({
          state: z.enum(["queued", "sent", "failed", "muted"]).optional(),
          channel: z.string().min(1).max(64).optional(),
          alert: z.string().min(1).max(128).optional(),
          limit: limit(1000, 100),
          cursor: cursor.optional(),
        }),
        response: { 200: schema.list(delivery), ...schema.commandProblems },
      },
    },
    async ({ query }, reply) => {
      if (notify === null) return refuse(reply, absent);
      const given = Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined));
      const page = await notify.deliveries({ ...given, limit: query.limit });
      return { items: page.items.map(shown), next: page.next };
    },
  );
  app.get(
    "/api/v1/schedule",
    {
      schema: {
        summary: "What runs by the calendar, the dead man's switch, and maintenance windows that are open",
        tags,
        response: { 200: schedule, ...schema.commandProblems },
      },
    },
    async (_request, reply) => {
      if (notify === null) return refuse(reply, absent);
      return notify.schedule();
    },
  );
};
