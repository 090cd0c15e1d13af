import { z } from "zod";

const loopback = /^(127(\.\d{1,3}){3}|::1|localhost)$/;
const hostName = /^[A-Za-z0-9._-]{1,253}$/;

/** True when only programs of this machine can connect to that address. */
export const isLoopback = (host: string): boolean => loopback.test(host);

/** Settings of the HTTP server, from the environment. */
export const dashboardSchema = z
  .strictObject({
    DASHBOARD_HOST: z.string().min(1).default("127.0.0.1").describe("address the HTTP server listens on"),
    DASHBOARD_PORT: z.coerce
      .number()
      .int()
      .min(0)
      .max(65_535)
      .default(8080)
      .describe("port of the HTTP server; 0 picks a free one"),
    // There is no login yet: who reaches the port may use it.
    DASHBOARD_EXPOSE: z
      .enum(["loopback", "read-only"])
      .default("loopback")
      .describe("who may reach it: loopback (this machine only) or read-only (any address; commands are refused)"),
    DASHBOARD_HOSTS: z
      .string()
      .default("")
      .transform((text) =>
        text
          .split(",")
          .map((name) => name.trim().toLowerCase())
          .filter((name) => name !== ""),
      )
      .refine(
        (names) => names.every((name) => hostName.test(name)),
        "must be host names, comma-separated, without port",
      )
      .describe("further host names the pages are called by, comma-separated; IP addresses and localhost always work"),
    DASHBOARD_WEB_DIR: z.string().min(1).default("dashboard/web/build").describe("folder of the built web pages"),
    // A phone that was locked for a few minutes catches up; later it loads afresh.
    DASHBOARD_LIVE_BACKFILL_MS: z.coerce
      .number()
      .int()
      .min(0)
      .max(3_600_000)
      .default(600_000)
      .describe("how long live events are held for clients that come back, ms"),
    DASHBOARD_LIVE_CLIENTS: z.coerce
      .number()
      .int()
      .min(1)
      .max(10_000)
      .default(500)
      .describe("live connections at the same time"),
    // Enough to acknowledge a burst by hand or in bulk, too few to fill a disk with comments.
    DASHBOARD_COMMANDS_PER_MIN: z.coerce
      .number()
      .int()
      .min(1)
      .default(300)
      .describe("commands (acknowledge, assign, comment) accepted per client address and minute"),
  })
  .refine((settings) => isLoopback(settings.DASHBOARD_HOST) || settings.DASHBOARD_EXPOSE === "read-only", {
    path: ["DASHBOARD_HOST"],
    message:
      "is reachable from other machines and there is no login: use a loopback address, or set DASHBOARD_EXPOSE=read-only",
  });

export type DashboardSettings = z.infer<typeof dashboardSchema>;
