import type { IncomingMessage, ServerResponse } from "node:http";
import type { FastifyBaseLogger, FastifyInstance, FastifyTypeProvider, RawServerDefault } from "fastify";
import type { z } from "zod";
import type { Ledger, Readings } from "#store";
import type { DashboardCode } from "./codes.ts";
import type { DashboardSettings } from "./config.ts";
import type { EnergyPart, EvidencePart, NotifyPart, RulesPart, Status } from "./parts.ts";
import type { HealthWire, NowWire } from "./wire.ts";

/** Deeply read-only, so that what the stages hand out can be sent as it is. */
export type Frozen<Value> = Value extends string | number | boolean | null | undefined
  ? Value
  : Value extends readonly (infer Item)[]
    ? readonly Frozen<Item>[]
    : { readonly [Key in keyof Value]: Frozen<Value[Key]> };

interface WireTypes extends FastifyTypeProvider {
  validator: this["schema"] extends z.ZodType ? z.output<this["schema"]> : unknown;
  serializer: this["schema"] extends z.ZodType ? Frozen<z.output<this["schema"]>> : unknown;
}

export type App = FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, FastifyBaseLogger, WireTypes>;

/** What every route file is given. */
export interface Context {
  readonly settings: DashboardSettings;
  readonly readings: Readings;
  readonly ledger: Ledger;
  readonly energy: EnergyPart;
  readonly rules: RulesPart;
  readonly notify: NotifyPart;
  readonly evidence: EvidencePart;
  readonly status: () => Status;
  readonly now: () => number;
  readonly health: () => Promise<HealthWire>;
  /** Null when no model knows the site. */
  readonly siteNow: (site: string) => Promise<NowWire | null>;
  readonly onError: (error: unknown, code: DashboardCode) => void;
}
