import type { FastifyReply } from "fastify";
import type { Alert, CommandResult } from "#rules";
import type { App, Context } from "../app.ts";
import { refuse } from "../problem.ts";
import * as schema from "../schema.ts";
import { alertParams, unknownAlert } from "./alerts.ts";

const minuteMs = 60_000;

const responses = {
  200: schema.alert,
  ...schema.commandProblems,
};

/** The verbs that change an alert; whether they may is decided by the rules stage. */
export const commandRoutes = (app: App, { rules, settings }: Context): void => {
  // One allowance for all of them.
  const onRequest = app.rateLimit({ max: settings.DASHBOARD_COMMANDS_PER_MIN, timeWindow: minuteMs });

  const answer = (result: CommandResult, id: string, reply: FastifyReply): Alert | FastifyReply => {
    if (result.ok) return result.alert;
    if (result.code === "RULES_ALERT_UNKNOWN") return refuse(reply, unknownAlert(id));
    return refuse(reply, {
      status: result.code === "RULES_COMMAND_INVALID" ? 400 : 409,
      code: "DASHBOARD_COMMAND_REFUSED",
      detail: result.reason,
      errors: [{ name: result.code, message: result.reason }],
    });
  };

  app.post(
    "/api/v1/alerts/:id/ack",
    {
      onRequest,
      schema: {
        summary: "Acknowledge: somebody has seen it",
        tags: ["alerts"],
        params: alertParams,
        body: schema.ack,
        response: responses,
      },
    },
    async ({ params: { id }, body }, reply) =>
      answer(await rules.acknowledge({ id, by: body.by, reason: body.reason ?? "" }), id, reply),
  );
  app.post(
    "/api/v1/alerts/:id/assign",
    {
      onRequest,
      schema: {
        summary: "Assign to somebody; null takes it back",
        tags: ["alerts"],
        params: alertParams,
        body: schema.assign,
        response: responses,
      },
    },
    async ({ params: { id }, body }, reply) =>
      answer(await rules.assign({ id, by: body.by, to: body.assignee }), id, reply),
  );
  app.post(
    "/api/v1/alerts/:id/comment",
    {
      onRequest,
      schema: {
        summary: "Add a comment",
        tags: ["alerts"],
        params: alertParams,
        body: schema.comment,
        response: responses,
      },
    },
    async ({ params: { id }, body }, reply) =>
      answer(await rules.comment({ id, by: body.by, text: body.text }), id, reply),
  );
  app.post(
    "/api/v1/alerts/:id/shelve",
    {
      onRequest,
      schema: {
        summary: "Put aside until a time, at most seven days: it lives on, and nobody is told of it",
        tags: ["alerts"],
        params: alertParams,
        body: schema.shelve,
        response: responses,
      },
    },
    async ({ params: { id }, body }, reply) => answer(await rules.shelve({ id, ...body }), id, reply),
  );
  app.post(
    "/api/v1/alerts/:id/unshelve",
    {
      onRequest,
      schema: {
        summary: "Take a shelved alert back before its time",
        tags: ["alerts"],
        params: alertParams,
        body: schema.ack,
        response: responses,
      },
    },
    async ({ params: { id }, body }, reply) =>
      answer(await rules.unshelve({ id, by: body.by, reason: body.reason ?? "" }), id, reply),
  );
};
