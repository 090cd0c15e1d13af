import { z } from "zod";
import type { Alert } from "./alert.ts";
import type { RulesCode } from "./codes.ts";

export interface Refusal {
  readonly ok: false;
  readonly code: RulesCode;
  readonly reason: string;
}

const person = z.string().trim().min(1).max(200);
const words = z.string().trim().min(1).max(2000);
const id = z.string().min(1).max(64);

export const acknowledgeShape = z.strictObject({ id, by: person, reason: z.string().trim().max(2000) });
export const commentShape = z.strictObject({ id, by: person, text: words });
export const assignShape = z.strictObject({ id, to: person.nullable(), by: person });
export const shelveShape = z.strictObject({ id, by: person, reason: words, until: z.number().int().positive() });
export const unshelveShape = z.strictObject({ id, by: person, reason: z.string().trim().max(2000) });

export const parseCommand = <Command>(
  shape: z.ZodType<Command>,
  command: unknown,
): { readonly ok: true; readonly command: Command } | Refusal => {
  const parsed = shape.safeParse(command);
  if (parsed.success) return { ok: true, command: parsed.data };
  const reason = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ");
  return { ok: false, code: "RULES_COMMAND_INVALID", reason };
};

export const whyNotAcknowledged = (alert: Alert): Refusal | null => {
  if (alert.state === "CLOSED") return refuse("RULES_ALERT_CLOSED", "the alert is closed");
  if (alert.state === "PENDING") return refuse("RULES_ALERT_PENDING", "the alert has not become active yet");
  if (alert.acknowledged === null) return null;
  return refuse("RULES_ALREADY_ACKNOWLEDGED", `acknowledged already by "${alert.acknowledged.by}"`);
};

// What nobody looks at for longer than this is no alarm: change the rule, or open a work permit.
const longestShelfMs = 7 * 86_400_000;

/** `until` is held against the site's present time. */
export const whyNotShelved = (alert: Alert, until: number, site: number): Refusal | null => {
  if (alert.state === "CLOSED") return refuse("RULES_ALERT_CLOSED", "the alert is closed");
  if (alert.state === "PENDING") return refuse("RULES_ALERT_PENDING", "the alert has not become active yet");
  if (alert.state === "RETURNED")
    return refuse("RULES_ALERT_RETURNED", "the alert has returned to normal and waits to be acknowledged");
  if (until <= site) return refuse("RULES_COMMAND_INVALID", "until: must be after the site's present time");
  if (until - site > longestShelfMs)
    return refuse("RULES_COMMAND_INVALID", "until: must be within seven days of the site's present time");
  return null;
};

export const whyNotUnshelved = ({ state }: Alert): Refusal | null =>
  state === "SHELVED" ? null : refuse("RULES_NOT_SHELVED", "the alert is not shelved");

export const refuse = (code: RulesCode, reason: string): Refusal => ({ ok: false, code, reason });

interface When {
  readonly wall: number;
  readonly site: number;
}

/** A RETURNED alert has only waited for this and closes. */
export const acknowledged = (alert: Alert, by: string, reason: string, at: When): Alert => ({
  ...alert,
  acknowledged: { by, reason, at: at.wall },
  changed: at,
  ...(alert.state === "RETURNED" ? { state: "CLOSED", closed: at.site } : {}),
});

export const commented = (alert: Alert, by: string, text: string, at: When): Alert => ({
  ...alert,
  comments: [...alert.comments, { by, text, at: at.wall }],
  changed: at,
});

export const assigned = (alert: Alert, to: string | null, at: When): Alert => ({ ...alert, assignee: to, changed: at });

/** Put aside until a time of the site's clock; shelved again it keeps what it was. */
export const shelved = (alert: Alert, by: string, reason: string, until: number, at: When): Alert => {
  const was = alert.state === "SHELVED" ? alert.shelved?.was : alert.state;
  return was === undefined ? alert : { ...alert, state: "SHELVED", shelved: { by, reason, until, was }, changed: at };
};

/** Taken back, or its time is over: it shows what it would be. */
export const unshelved = (alert: Alert, at: When): Alert => {
  const { shelved: shelf, ...bare } = alert;
  return shelf === undefined ? alert : { ...bare, state: shelf.was, changed: at };
};
