import { STATUS_CODES } from "node:http";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";
import { StoreRefusedError, StoreUnavailableError } from "#store";
import type { DashboardCode } from "./codes.ts";
import type { ProblemWire } from "./wire.ts";

// RFC 9457
const mediaType = "application/problem+json";

export interface Refusal {
  readonly status: number;
  readonly code: DashboardCode;
  /** One sentence, lower case, without full stop. */
  readonly detail: string;
  readonly errors?: ProblemWire["errors"];
}

const problemText = ({ status, code, detail, errors }: Refusal): string =>
  JSON.stringify({
    type: `urn:wattlas:problem:${code}`,
    title: STATUS_CODES[status] ?? "Error",
    status,
    detail,
    code,
    ...(errors === undefined ? {} : { errors }),
  } satisfies ProblemWire);

/** Answers with a problem document. */
// biome-ignore lint/suspicious/noExplicitAny: a reply of any route, whatever its schemas
export const refuse = (reply: FastifyReply<any, any, any, any, any, any, any, any>, refusal: Refusal): FastifyReply =>
  reply.code(refusal.status).type(mediaType).send(problemText(refusal)) as unknown as FastifyReply;

const wrongInput = (error: FastifyError): Refusal => {
  const inBody = error.validationContext === "body";
  const errors = (error.validation ?? []).flatMap((fault) => {
    const name = fault.instancePath.replace(/^\//, "").replaceAll("/", ".");
    const unknown = fault.params.keys;
    if (fault.keyword === "unrecognized_keys" && Array.isArray(unknown))
      return unknown.map((key) => ({ name: String(key).slice(0, 64), message: "is not known here" }));
    return [{ name: name === "" ? (inBody ? "body" : "query") : name, message: fault.message ?? "is not valid" }];
  });
  return {
    status: 400,
    code: inBody ? "DASHBOARD_BODY_INVALID" : "DASHBOARD_PARAMETER_INVALID",
    detail: errors.map(({ name, message }) => `${name}: ${message}`).join("; "),
    errors,
  };
};

/** What went wrong, as the client may see it; `null` says it is our fault and must be reported. */
const asRefusal = (error: FastifyError): Refusal | null => {
  if (hasZodFastifySchemaValidationErrors(error)) return wrongInput(error as FastifyError);
  if (error instanceof StoreUnavailableError)
    return {
      status: 503,
      code: "DASHBOARD_STORE_UNAVAILABLE",
      detail: `the store cannot answer now: ${error.message}`,
    };
  if (error instanceof StoreRefusedError && error.code === "STORE_CURSOR_EXPIRED")
    return {
      status: 400,
      code: "DASHBOARD_CURSOR_INVALID",
      detail: error.message,
      errors: [{ name: "cursor", message: "is not one that this address gave" }],
    };
  if (error.statusCode === 429)
    return { status: 429, code: "DASHBOARD_RATE_LIMITED", detail: "too many commands: wait a minute" };
  const status = error.statusCode ?? 500;
  if (status >= 400 && status < 500)
    return {
      status,
      code: status === 400 ? "DASHBOARD_BODY_INVALID" : "DASHBOARD_REQUEST_REFUSED",
      detail: error.message,
    };
  return null;
};

export const createErrorHandler =
  (onError: (error: unknown, code: DashboardCode) => void) =>
  (error: FastifyError, _request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const refusal = asRefusal(error);
    if (error instanceof StoreUnavailableError) reply.header("retry-after", Math.ceil(error.retryAfterMs / 1000));
    if (refusal !== null) return refuse(reply, refusal);
    onError(error, "DASHBOARD_INTERNAL");
    return refuse(reply, {
      status: 500,
      code: "DASHBOARD_INTERNAL",
      detail: "this should not happen; the log has the reason",
    });
  };

export const unknownSite = (site: string): Refusal => ({
  status: 404,
  code: "DASHBOARD_SITE_UNKNOWN",
  detail: `no site file describes "${site}"`,
});
