import { isIP } from "node:net";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { DashboardSettings } from "./config.ts";
import { type Refusal, refuse } from "./problem.ts";

/** `name:port` without its port, lower case, IPv6 without brackets. */
const hostOf = (authority: string): string => {
  const bracketed = /^\[([^\]]*)\](:\d+)?$/.exec(authority);
  return (bracketed?.[1] ?? authority.replace(/:\d*$/, "")).toLowerCase();
};

// A page of a foreign name that resolves to us (DNS rebinding) sends that name; an IP address cannot be rebound.
const hostRefusal = (authority: string | undefined, settings: DashboardSettings): Refusal | null => {
  const host = hostOf(authority ?? "");
  if (isIP(host) !== 0 || host === "localhost" || settings.DASHBOARD_HOSTS.includes(host)) return null;
  return {
    status: 421,
    code: "DASHBOARD_HOST_REFUSED",
    detail: `host name "${host.slice(0, 64)}" is not served here: add it to DASHBOARD_HOSTS`,
  };
};

const originRefusal = (request: FastifyRequest): Refusal | null => {
  const fetchSite = request.headers["sec-fetch-site"];
  const origin = request.headers.origin;
  const foreign =
    fetchSite !== undefined
      ? fetchSite !== "same-origin" && fetchSite !== "none"
      : origin !== undefined && authorityOf(origin) !== request.headers.host?.toLowerCase();
  if (!foreign) return null;
  return { status: 403, code: "DASHBOARD_ORIGIN_REFUSED", detail: "commands are taken from our own pages only" };
};

const authorityOf = (origin: string): string | null => (URL.canParse(origin) ? new URL(origin).host : null);

const safeMethods = new Set(["GET", "HEAD", "OPTIONS"]);

/** What may not come in: foreign host names, commands from foreign pages, commands while exposed. */
const refusalOf = (request: FastifyRequest, settings: DashboardSettings): Refusal | null => {
  const byHost = hostRefusal(request.headers.host, settings);
  if (byHost !== null || safeMethods.has(request.method)) return byHost;
  if (settings.DASHBOARD_EXPOSE === "read-only")
    return {
      status: 403,
      code: "DASHBOARD_READ_ONLY",
      detail: "commands are refused while DASHBOARD_EXPOSE=read-only",
    };
  return originRefusal(request);
};

export const createGuard =
  (settings: DashboardSettings) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const refusal = refusalOf(request, settings);
    return refusal === null ? undefined : refuse(reply, refusal);
  };
