import type { FastifyReply } from "fastify";
import { z } from "zod";
import type { PermitResult } from "#rules";
import type { App, Context } from "../app.ts";
import { refuse } from "../problem.ts";
import * as schema from "../schema.ts";

const ms = z.number().int();
const person = z.string().trim().min(1).max(200);

const permit = z.object({
  id: z.string(),
  site: z.string(),
  node: z.string(),
  by: z.string(),
  reason: z.string(),
  from: ms,
  until: ms,
  closed: z.object({ by: z.string(), at: ms }).nullable(),
});
const responses = {
  200: permit,
  ...schema.commandProblems,
};

/** Work permits: nodes isolated on purpose; whether they may be is decided by the rules stage. */
export const permitRoutes = (app: App, { rules, settings }: Context): void => {
  const onRequest = app.rateLimit({ max: settings.DASHBOARD_COMMANDS_PER_MIN, timeWindow: 60_000 });

  const answer = (result: PermitResult, reply: FastifyReply) => {
    if (result.ok) return result.permit;
    const isUnknown = result.code === "RULES_NODE_UNKNOWN" || result.code === "RULES_PERMIT_UNKNOWN";
    return refuse(reply, {
      status: isUnknown ? 404 : result.code === "RULES_COMMAND_INVALID" ? 400 : 409,
      code: "DASHBOARD_COMMAND_REFUSED",
      detail: result.reason,
      errors: [{ name: result.code, message: result.reason }],
    });
  };

  app.get(
    "/api/v1/permits",
    {
      schema: {
        summary: "Work permits: nodes isolated on purpose, newest first",
        tags: ["alerts"],
        querystring: z.object({ site: z.string().exactOptional() }),
        response: { 200: schema.list(permit) },
      },
    },
    async ({ query }) => ({ items: await rules.permits(query.site), next: null }),
  );
  app.post(
    "/api/v1/permits",
    {
      onRequest,
      schema: {
        summary: "Isolate a node on purpose until a time",
        tags: ["alerts"],
        body: z.strictObject({
          site: z.string().min(1).max(64),
          node: z.string().min(1).max(64),
          by: person,
          reason: z.string().trim().min(1).max(2000),
          until: ms,
        }),
        response: responses,
      },
    },
    async ({ body }, reply) => answer(await rules.openPermit(body), reply),
  );
  app.post(
    "/api/v1/permits/:id/close",
    {
      onRequest,
      schema: {
        summary: "Close a work permit: the node counts again",
        tags: ["alerts"],
        params: z.object({ id: z.string().min(1).max(64) }),
        body: z.strictObject({ by: person }),
        response: responses,
      },
    },
    async ({ params: { id }, body }, reply) => answer(await rules.closePermit({ id, by: body.by }), reply),
  );
};
